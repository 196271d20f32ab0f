"""What the scripted provider remembers of its calls: each in a file, if one is named, and the last ones for who asks.

    journal = Journal(Path("calls.jsonl"))
    journal.write(call)
    b"".join(journal.since(0))      # JSON Lines: a `ProviderClock`, then a `ModelCall` for each

Memory is bounded: of many calls the oldest are let go, and the clock's line says how many.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from seatrial.errors import WrongUse
from seatrial.nonces import nonces
from seatrial.samples import ModelCall, ProviderClock

MOST_BYTES = 64 * 1024 * 1024
"""Of the calls that are remembered: some hundred thousand."""

TASK = "### Task:"
"""How Open WebUI begins what it asks models for besides the chat, in every release from 0.9.4 to 0.12.4."""

KINDS = (
    ("title", ("title",)),
    ("tags", ("tags",)),
    ("follow-ups", ("follow-up", "messages this user")),
    ("chat", ("respond to the user query",)),  # a chat with documents
)
"""What stands in the first line of a task of each kind."""


@dataclass(slots=True)
class Call:
    """One completion as the provider saw it; times are epoch seconds, taken from one monotonic clock.

    `finished` is false when the client left before the end; `first_token` is null when it left even earlier.
    `due_first` and `due` are the seconds that the script has until the first token of the reply and its end; `left` is
    when each token left, of which the first so many are `thoughts`. `loop_late` are the seconds by which the provider
    may have seen the call later than it came.
    """

    model: str
    stream: bool
    messages: int
    last_user_message: str
    status: int
    reply: str
    received: float
    first_token: float | None = None
    ended: float | None = None
    tokens: int = 0
    finished: bool = False
    due_first: float = 0.0
    due: float = 0.0
    left: list[float] = field(default_factory=list)
    thoughts: int = 0
    loop_late: float = 0.0


class Journal:
    """The record file, if there is one, and the memory. The file is opened for each line: no one has to close it."""

    def __init__(self, path: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._path, self._most = path, most_bytes
        self._kept: deque[bytes] = deque()
        self._size = self._dropped = 0
        if path is not None:
            try:
                path.open("a").close()
            except OSError as error:
                raise WrongUse(f"cannot write the record {path}: {error.strerror}") from None

    def write(self, call: Call) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(call)) + "\n")
        line = _line(told(call, self.next))
        self._kept.append(line)
        self._size += len(line)
        while self._size > self._most:
            self._size -= len(self._kept.popleft())
            self._dropped += 1

    @property
    def next(self) -> int:
        """The number of the next call, from 0."""
        return self._dropped + len(self._kept)

    def since(self, number: int) -> Iterator[bytes]:
        """What is remembered from this number on, after a line with the clock."""
        yield _line(ProviderClock(round(time.time(), 6), self.next, self._dropped))
        # A copy of the whole, which takes no time: calls go on while it is read.
        yield from list(self._kept)[max(0, number - self._dropped) :]


def told(call: Call, number: int) -> ModelCall:
    """A call without its texts."""

    def since_arrival(moment: float | None) -> float | None:
        return None if moment is None else _ms(moment - call.received)

    spoken = call.left[call.thoughts :]  # what people wait for are not the thoughts
    return ModelCall(
        number=number,
        at=call.received,
        kind=kind_of(call.last_user_message),
        streamed=call.stream,
        status=call.status,
        finished=call.finished,
        ms=since_arrival(call.ended) or 0.0,
        due=_ms(call.due),
        first=since_arrival((spoken[0] if spoken else None) if call.stream else call.first_token),
        due_first=_ms(call.due_first),
        gaps=tuple(_ms(later - earlier) for earlier, later in pairwise(spoken)),
        seen_late=_ms(call.loop_late),
        nonces=tuple(map(str, nonces(call.last_user_message))),
    )


def kind_of(message: str) -> str:
    """What a message asks a model for; see `seatrial.samples.ModelCall`."""
    text = message.lstrip()
    if not text.startswith(TASK):
        return "chat"
    first = text.removeprefix(TASK).strip().partition("\n")[0].lower()
    return next((kind for kind, words in KINDS if any(word in first for word in words)), "other")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _line(record: Any) -> bytes:
    return json.dumps({"type": type(record).__name__} | asdict(record)).encode() + b"\n"
