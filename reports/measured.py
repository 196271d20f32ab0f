"""What a load measured, for the reports: one pass over the samples of all its processes.

A percentile is one of the raw times, and counts those alone that began between warm-up and end: the same that the
load's objectives were judged by. What a chart of time shows is all of it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from reports.latency import Latency, latency, spread
from reports.noted import Noted
from seatrial.evidence import SAMPLES, TURN_MEASURES, measured
from seatrial.records import Run, RunFolder
from seatrial.samples import HARMS, Arrival, Integrity, Known, Pulse, Sample, Turned
from seatrial.verbs import VERB_OPERATIONS

MESSAGES = ("turns", "acknowledged", "refused", "stored", *HARMS)
LIVES = 400
"""Sessions of which each request is kept, to show one as it went: the first ones."""

STALLS = 10
WAYS = {"sse": "SSE", "socket": "socket", "plain": "in one piece"}


@dataclass
class Column:
    """Times of one kind: when each began (seconds), how long it took (ms), and the number of its session."""

    at: array[float] = field(default_factory=lambda: array("d"))
    ms: array[float] = field(default_factory=lambda: array("d"))
    sessions: array[int] = field(default_factory=lambda: array("q"))

    def add(self, at: float, ms: float, session: int) -> None:
        self.at.append(at)
        self.ms.append(ms)
        self.sessions.append(session)

    def within(self, since: float, until: float) -> Column:
        """Those that began from `since` on and before `until`."""
        import numpy as np  # a run without a load is spared it

        at = np.asarray(self.at)
        chosen = (at >= since) & (at < until)
        if chosen.all():
            return self
        ms, sessions = np.asarray(self.ms)[chosen], np.asarray(self.sessions)[chosen]
        return Column(array("d", at[chosen].tobytes()), array("d", ms.tobytes()), array("q", sessions.tobytes()))


@dataclass
class Requests:
    """Those of one operation: answered well, failed, and why."""

    good: Column = field(default_factory=Column)
    bad: Column = field(default_factory=Column)
    errors: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.good.ms) + len(self.bad.ms)

    def add(self, sample: Sample, session: int) -> None:
        (self.good if sample.ok else self.bad).add(sample.at, sample.ms, session)
        if not sample.ok:
            reason = sample.error or f"status {sample.status}"
            # Reasons may hold ids: past a thousand different ones, more of them tell nothing.
            if reason in self.errors or len(self.errors) < 1000:
                self.errors[reason] = self.errors.get(reason, 0) + 1


@dataclass
class Measured:
    """A load. `begun` and `ended` are the first and last moment of each session, by its number.

    `lives` are the requests of some sessions, `tokens` when the first token of each of their replies came. `noted` is
    what each process wrote of itself, by the name of its file. Of `sessions` some may not be `compared` with their
    history: never created, not readable, or of a kind that stores nothing.
    """

    since: float = 0.0
    until: float = math.inf
    operations: dict[str, Requests] = field(default_factory=dict)
    turns: dict[tuple[str, str], Column] = field(default_factory=dict)
    ends: dict[tuple[str, str], int] = field(default_factory=dict)
    stalls: list[tuple[float, Turned]] = field(default_factory=list)
    messages: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    compared: int = 0
    wrong_sessions: list[Integrity] = field(default_factory=list)
    lives: dict[str, list[Sample]] = field(default_factory=dict)
    tokens: dict[str, list[float]] = field(default_factory=dict)
    begun: array[float] = field(default_factory=lambda: array("d"))
    ended: array[float] = field(default_factory=lambda: array("d"))
    noted: dict[str, Noted] = field(default_factory=dict)
    _history: str = ""
    _opened: set[str] = field(default_factory=set)
    _numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: RunFolder, run: Run) -> Measured:
        since, until = (run.settings.get(name) for name in ("times_from", "times_until"))
        load = cls(_number(since, 0.0), _number(until, math.inf))
        load._history = VERB_OPERATIONS.get(run.api, {}).get("get_history", "")
        for path in sorted(folder.path.glob(SAMPLES)):
            for row in folder.rows(f"samples/{path.name}", Sample, Turned, Integrity, Known, Pulse, Arrival):
                if isinstance(row, Sample):
                    load._request(row)
                elif isinstance(row, Turned):
                    load._turn(row)
                elif isinstance(row, Integrity):
                    load._hold(row)
                elif isinstance(row, (Known, Pulse, Arrival)):
                    load.noted.setdefault(path.stem, Noted()).add(row)
        load.operations = dict(sorted(load.operations.items()))
        load.turns = dict(sorted(load.turns.items()))
        load.stalls.sort(key=lambda stall: -stall[0])
        return load

    def _request(self, sample: Sample) -> None:
        number = self._session(sample.session, sample.at, sample.at + sample.ms / 1000)
        self.operations.setdefault(sample.operation, Requests()).add(sample, number)
        if sample.session in self.lives or len(self.lives) < LIVES:
            self.lives.setdefault(sample.session, []).append(sample)
        if sample.ok and sample.journey == "reader" and sample.operation == self._history:
            self._opened.add(sample.session)

    def _turn(self, turned: Turned) -> None:
        key = turned.way, turned.ended
        self.ends[key] = self.ends.get(key, 0) + 1
        if not turned.ok:
            return
        number = self._session(turned.session, turned.at, turned.at + turned.ms / 1000)
        if turned.first is not None and (turned.session in self.tokens or len(self.tokens) < LIVES):
            self.tokens.setdefault(turned.session, []).append(turned.at + turned.first / 1000)
        for measure, values in measured(turned):
            column = self.turns.setdefault((turned.way, measure), Column())
            for ms in values:
                column.add(turned.at, ms, number)
            if measure == "stall":
                self.stalls.append((values[0], turned))
        if len(self.stalls) > 100 * STALLS:
            self.stalls = sorted(self.stalls, key=lambda stall: -stall[0])[:STALLS]

    def _hold(self, session: Integrity) -> None:
        if not (session.turns or session.refused or session.acknowledged or session.detail or not session.verified
                or session.session in self._opened):  # fmt: skip
            return  # the load ended before anything was asked
        self.sessions += 1
        # Of a reader the record does not say what it opened; of everybody else, what a turn that was answered left.
        self.compared += session.verified and (session.acknowledged > 0 or session.session in self._opened)
        for name in MESSAGES:
            self.messages[name] = self.messages.get(name, 0) + getattr(session, name)
        if any(getattr(session, name) for name in HARMS) and len(self.wrong_sessions) < 50:
            self.wrong_sessions.append(session)

    def _session(self, name: str, first: float, last: float) -> int:
        number = self._numbers.setdefault(name, len(self.begun))
        if number == len(self.begun):
            self.begun.append(first)
            self.ended.append(last)
        else:
            self.begun[number] = min(self.begun[number], first)
            self.ended[number] = max(self.ended[number], last)
        return number

    def __bool__(self) -> bool:
        return bool(self.operations or self.sessions)

    @property
    def requests(self) -> int:
        return sum(map(len, self.operations.values()))

    @property
    def errors(self) -> int:
        return sum(len(requests.bad.ms) for requests in self.operations.values())

    @property
    def told_compared(self) -> str:
        """`12 sessions compared`, or `9 of 12 sessions compared`."""
        return f"{self.share_compared} {'session' if self.sessions == 1 else 'sessions'} compared"

    @property
    def share_compared(self) -> str:
        """`12`, or `9 of 12`."""
        some = f"{self.compared:,} of " if self.compared < self.sessions else ""
        return f"{some}{self.sessions:,}"

    @property
    def harmed(self) -> int:
        """Messages that came to harm, in whichever way."""
        return sum(self.messages.get(name, 0) for name in HARMS)

    @cached_property
    def seconds(self) -> float:
        """How long the load lasted, up to the end of its last request."""
        return max(self.ended, default=0.0)

    @cached_property
    def latencies(self) -> list[Latency]:
        """One row for each operation."""
        return [
            latency(name, self._counted(requests.good), len(requests), len(requests.bad.ms))
            for name, requests in self.operations.items()
        ]

    @cached_property
    def streams(self) -> list[Latency]:
        """One row for each way in which replies come and each measure of them: "first token, SSE"."""
        order = list(TURN_MEASURES)
        found = sorted(self.turns.items(), key=lambda item: (order.index(item[0][1]), item[0][0]))
        return [
            latency(f"{TURN_MEASURES[measure]}, {WAYS.get(way, way)}", self._counted(column), len(column.ms), 0)
            for (way, measure), column in found
        ]

    def _counted(self, column: Column) -> Column:
        return column.within(self.since, self.until)

    def turn_spread(self) -> tuple[float | None, float | None]:
        """How long people waited for a reply: p50 and p95 of all turns, in whichever way they came."""
        columns = [self._counted(column) for (_, measure), column in self.turns.items() if measure == "turn"]
        took = spread(ms for column in columns for ms in column.ms)
        return took.p50, took.p95

    def life(self) -> Iterator[tuple[str, list[Sample]]]:
        """Sessions as they went: one of ordinary length, and the slowest, of those that are kept."""
        took = {name: sum(act.ms for act in acts) for name, acts in self.lives.items()}
        most = max((len(acts) for acts in self.lives.values()), default=0)
        # A session that was cut short, or a reader's, is no life from beginning to end.
        whole = sorted((name for name, acts in self.lives.items() if len(acts) * 10 >= most * 9), key=lambda n: took[n])
        if whole:
            yield "of ordinary length", self.lives[whole[len(whole) // 2]]
        if len(whole) > 2:
            yield "the slowest", self.lives[whole[-1]]


def voided(run: Run) -> str:
    """What stands behind the words over a load's times where its own process spoiled them, "" where they are true."""
    return " (void: the load process was the limit)" if run.cause == "void" else ""


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) else otherwise
