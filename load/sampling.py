"""Answers kept under load, for a look at them afterwards: a few of each operation and status, and never many bytes.

    sampling = Sampling(folder / KEPT / "load.jsonl", now=recorder.now)
    client = LoadClient(..., after=(*crew.listeners, sampling.hear))

The first answers of a kind are all kept, then two a second, then fewer and fewer as the load goes on: of a kind that
comes for an hour some hundreds are looked at, from its first minute to its last. Secrets are masked before anything is
written; `conformance` holds what was kept to the contract, and deletes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.records import Recorder
from seatrial.secrecy import Secrets
from seatrial.target import Account

KEPT = "answers"
"""The folder in the run folder, with a file for each process."""

FIRST = 3
EVERY = 0.5
"""Seconds between two of a kind; later a hundredth of how long the load has lasted."""

MOST_BODY = 256 * 1024
MOST_A_SECOND, MOST_BYTES = 1024 * 1024, 32 * 1024 * 1024
"""Bytes of bodies that one process keeps: of one answer, in a second, and in all."""

_SECRET = re.compile(r'("(?:token|api_key|password|secret|access_token|refresh_token|key)"\s*:\s*")(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Answer:
    """One answer as it came, in its text form; `at` as in `Sample`. Bytes that are no text are lone surrogates."""

    at: float
    operation: str
    method: str
    path: str
    status: int
    media_type: str
    body: str
    cut: str | None = None


class Sampling:
    """The answers that one process keeps."""

    def __init__(self, path: Path, now: Callable[[], float], hidden: Iterable[str] = ()) -> None:
        """`hidden` is masked as tokens are."""
        self._path, self._now = path, now
        self._file: Recorder | None = None
        self._seen: dict[tuple[str, int], tuple[int, float]] = {}
        self._secrets = Secrets(hidden)
        self._second, self._in_second, self._in_all = -1, 0, 0

    def hear(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        """Listen to one exchange; see `seatrial.client`."""
        if isinstance(outcome, NoAnswer):
            return
        at, kind = self._now(), (call.operation, outcome.status)
        count, last = self._seen.get(kind, (0, 0.0))
        if count >= FIRST and at - last < max(EVERY, at / 100):
            return
        size = len(outcome.body)
        if size > MOST_BODY or not self._has_room(at, size):
            return
        self._seen[kind] = (count + 1, at)
        self._secrets.hear(account, call)
        self._write(at, outcome)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _has_room(self, at: float, size: int) -> bool:
        if int(at) != self._second:
            self._second, self._in_second = int(at), 0
        if self._in_second + size > MOST_A_SECOND or self._in_all + size > MOST_BYTES:
            return False
        self._in_second += size
        self._in_all += size
        return True

    def _write(self, at: float, reply: Reply) -> None:
        if self._file is None:
            self._file = Recorder(self._path)
        body = b"" if reply.media_type == "text/event-stream" else reply.body  # streams are judged where they are read
        text = _SECRET.sub(r'\1***"', self._secrets.masked(body.decode("utf-8", "surrogateescape")))
        path = self._secrets.masked(reply.call.path)
        self._file.write(
            Answer(
                at, reply.call.operation, reply.call.method, path, reply.status, reply.headers.get("content-type", ""),
                text, reply.cut,
            )
        )  # fmt: skip
