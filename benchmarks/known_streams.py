"""Streams of known timing as any client has them: what is asked for, what was heard, and what came of it.

    streams = [result(heard), ...]      # a `Heard` for each that `Plan.paths` wants at its moment of the `Window`
    told(streams, window.share())       # what a client prints

The standard library alone: a client may run in an environment of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

LEAD = 1.0
"""Seconds between the last connection that is made and the first stream."""
PATIENCE = 60.0
"""Seconds for one stream, and for which a connection is kept."""


@dataclass
class Heard:
    """One stream: `lines` with the seconds from the clock's start; `failed` is what the client raised."""

    lines: list[tuple[float, bytes]] = field(default_factory=list)
    failed: str = ""


@dataclass(frozen=True)
class Stream:
    """What came of one stream, in milliseconds. `ended` is the client's own word for it, "" for a success."""

    first: float | None
    gaps: list[float]
    true_first: float | None
    true_gaps: list[float]
    ended: str


@dataclass(frozen=True)
class Plan:
    """`starts` are seconds from a common moment, `queries` what each stream asks for."""

    url: str
    starts: list[float]
    queries: list[str]

    @property
    def paths(self) -> Iterator[tuple[float, str]]:
        return zip(self.starts, (f"/stream?{query}" for query in self.queries), strict=True)


class Window:
    """The time between the first stream and the end of the last, and the processor time of this process in it."""

    def __init__(self) -> None:
        self.zero = time.perf_counter() + LEAD
        self._cpu = self._at = 0.0

    def wait(self, start: float) -> float:
        """Seconds until a stream is due."""
        return max(0.0, self.zero + start - time.perf_counter())

    def open(self) -> None:
        self._cpu, self._at = time.process_time(), time.perf_counter()

    def share(self) -> float:
        return (time.process_time() - self._cpu) / (time.perf_counter() - self._at)


def result(heard: Heard) -> Stream:
    """Lines that begin with `data: {` are tokens; a client that says nothing of an end takes it for a success."""
    tokens = [(moment * 1000, json.loads(line[6:])) for moment, line in heard.lines if line.startswith(b"data: {")]
    tokens = [(moment, event) for moment, event in tokens if "sent" in event]
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(tokens)]
    true = [(later[1]["sent"] - earlier[1]["sent"]) * 1000 for earlier, later in pairwise(tokens)]
    if not tokens:
        return Stream(None, [], None, [], heard.failed or "nothing came")
    first, event = tokens[0]
    return Stream(first, gaps, (event["sent"] - event["received"]) * 1000, true, heard.failed)


def told(streams: list[Stream], share: float) -> dict[str, Any]:
    return {"streams": [asdict(stream) for stream in streams], "cpu": share}
