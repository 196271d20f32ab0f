"""What a load measured, in columns: a fold over the samples of all its processes.

    evidence = Evidence.of(folder, operations=contract.operations)
    evidence.times("getChat")          # milliseconds of successes, and the session of each

Files of several processes are read one after the other; nothing of them is averaged, so that a percentile over all
of them is that of all requests.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.measuring import clustering, settled
from seatrial.records import RunFolder
from seatrial.samples import HARMS, Integrity, Sample, Turned

SAMPLES = "samples/*.jsonl"
TURN_MEASURES = {
    "ttft": "time to first token",
    "gap": "gap between tokens",
    "stall": "longest gap of a reply",
    "turn": "whole turn",
}
"""What turns are measured by, beside the operations."""

WAYS = ("plain", "sse", "socket")
"""How replies come. A measure of one way alone is called "ttft sse"; where there is one way, that is the same."""

TURN_SUBJECTS = (*TURN_MEASURES, *(f"{measure} {way}" for measure in TURN_MEASURES for way in WAYS))

SOCKET_TURN = "turn socket"
"""Turns of which no request lasts as long as they do: it is answered when the reply has only been begun."""


@dataclass
class Column:
    """Milliseconds, each with when it was taken (seconds since the start) and the session that it belongs to."""

    ms: array[float] = field(default_factory=lambda: array("d"))
    at: array[float] = field(default_factory=lambda: array("d"))
    sessions: list[str] = field(default_factory=list)

    def add(self, at: float, ms: float, session: str) -> None:
        self.at.append(at)
        self.ms.append(ms)
        self.sessions.append(session)


@dataclass
class Evidence:
    """`known` are the operations that there are, also those that nobody called.

    What began before `since` is warm-up, and from `until` on the load is being ended: all who are at work then finish
    at the same moment. Both count for errors and harms, which are wrong at any time, and not for times.
    """

    known: frozenset[str] = frozenset()
    since: float = 0.0
    until: float = math.inf
    columns: dict[str, Column] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    failing: dict[str, dict[str, int]] = field(default_factory=dict)
    """Failures by operation, and by session."""
    turns: dict[str, int] = field(default_factory=dict)
    failing_turns: dict[str, dict[str, int]] = field(default_factory=dict)
    """The same of turns, by "turn" and by its ways ("turn sse"): one that fails may be several requests, or none."""
    counted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HARMS, 0))
    sessions: int = 0
    _prefix: str = ""

    @classmethod
    def of(
        cls, folder: RunFolder, operations: Iterable[str] = (), since: float = 0.0, until: float = math.inf
    ) -> Evidence:
        evidence = cls(frozenset(operations), since, until)
        evidence.read(folder)
        return evidence

    def read(self, folder: RunFolder) -> None:
        """Add what a run folder holds. Sessions of several runs have the same keys, and are others all the same."""
        self._prefix = f"{folder.path.name} "
        for sample in folder.rows(SAMPLES, Sample):
            self.hear(sample)
        for turned in folder.rows(SAMPLES, Turned):
            self.turn(turned)
        for session in folder.rows(SAMPLES, Integrity):
            self.sessions += 1
            for name in HARMS:
                self.counted[name] += getattr(session, name)

    def hear(self, sample: Sample) -> None:
        self.requests[sample.operation] = self.requests.get(sample.operation, 0) + 1
        if not sample.ok:
            self.failures[sample.operation] = self.failures.get(sample.operation, 0) + 1
            _count(self.failing.setdefault(sample.operation, {}), self._prefix + sample.session)
        elif self.since <= sample.at < self.until:
            self._column(sample.operation).add(sample.at, sample.ms, self._prefix + sample.session)

    def turn(self, turned: Turned) -> None:
        session = self._prefix + turned.session
        for subject in ("turn", f"turn {turned.way}"):
            _count(self.turns, subject)
            if not turned.ok:
                _count(self.failing_turns.setdefault(subject, {}), session)
        if not turned.ok or not self.since <= turned.at < self.until:
            return
        for measure, values in measured(turned):
            for column in (self._column(measure), self._column(f"{measure} {turned.way}")):
                for ms in values:
                    column.add(turned.at, ms, session)

    @property
    def turn_subjects(self) -> list[str]:
        """The measures of turns that there are: each over all, and by the way where replies came in several."""
        shown = []
        for measure in TURN_MEASURES:
            ways = [name for way in WAYS if (name := f"{measure} {way}") in self.columns]
            shown += [measure] if ways else []
            shown += ways if len(ways) > 1 else []
        return shown

    def _column(self, name: str) -> Column:
        return self.columns.setdefault(name, Column())

    def times(self, subject: str) -> tuple[Sequence[float], Sequence[str]] | None:
        column = self.columns.get(subject)
        if column is None:
            return ((), ()) if subject in self.known or subject in TURN_SUBJECTS else None
        return column.ms, column.sessions

    def failed(self, subject: str) -> tuple[int, int]:
        """Failures, and of how many: of an operation's requests, of all (""), or of turns ("turn", "turn sse")."""
        if subject in TURN_SUBJECTS:
            return sum(self.failing_turns.get(subject, {}).values()), self.turns.get(subject, 0)
        if subject:
            return self.failures.get(subject, 0), self.requests.get(subject, 0)
        return sum(self.failures.values()), sum(self.requests.values())

    def clustering(self, subject: str) -> float:
        """By how much failures come together in sessions; see `seatrial.measuring.clustering`."""
        failing: Counter[str] = Counter()
        failing_of = self.failing_turns if subject in TURN_SUBJECTS else self.failing
        for operation, sessions in failing_of.items():
            if subject in ("", operation):
                failing.update(sessions)
        return clustering(list(failing.values()), self.sessions, self.failed(subject)[1])

    @property
    def harms(self) -> Mapping[str, int]:
        return self.counted


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def measured(turned: Turned) -> Iterator[tuple[str, Sequence[float]]]:
    """What one turn says of each measure, in milliseconds."""
    yield "turn", [turned.ms]
    if turned.first is not None:
        yield "ttft", [turned.first]
    if turned.gaps:
        yield "gap", turned.gaps
        yield "stall", [max(turned.gaps)]


def warm_up(folder: RunFolder, until: float) -> float | None:
    """Seconds from the start until turns take as long as they will; None where they never settle.

    By the rule MSER over the turns in the order of their beginning, see `seatrial.measuring.settled`.
    """
    turns = sorted((one.at, one.ms) for one in folder.rows(SAMPLES, Turned) if one.ok and one.at < until)
    cut = settled([ms for _, ms in turns])
    return None if cut is None else turns[cut][0] if cut else 0.0
