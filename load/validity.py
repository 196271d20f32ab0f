"""Whether a load measured its target, or itself: judged from what its processes noted while they worked.

A run that its own generator limited is *void*: no result, whatever it says, and exit code 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seatrial.evidence import SAMPLES
from seatrial.measuring import nearest
from seatrial.records import RunFolder
from seatrial.samples import Arrival, Known, Pulse

MOST_WRONG_FIRST = 25.0
"""Milliseconds by which the time to a first token may be wrong, at the 95th percentile of known streams."""

MOST_WRONG_GAP = 25.0
"""The same for a gap between tokens, at the 99th percentile."""

MOST_LATE = 250.0
"""Milliseconds by which a second's worst wake-up may be late, in nineteen seconds of twenty."""

MOST_LATE_ARRIVAL = 100.0
"""Milliseconds by which sessions of an open loop may begin late, at the 95th percentile."""

LEAST_STARTED = 0.99
"""Share of the arrivals that have to be started."""


@dataclass(frozen=True, slots=True)
class Validity:
    """`void` says why the run is no result, "" where it is one; `told` is what was seen, in one line."""

    void: str
    told: str


@dataclass(frozen=True, slots=True)
class _Figures:
    """Of one process; milliseconds, and shares. None where nothing was noted that says it."""

    first: float | None = None
    gap: float | None = None
    woke: float | None = None
    cpu: float | None = None
    began: float | None = None
    started: float | None = None

    def faults(self) -> Iterator[str]:
        if self.woke is not None and self.first is None:
            yield "could not check its times: no stream of the server of known timing came to its end"
        first, gap = self.first or 0.0, self.gap or 0.0
        if first > MOST_WRONG_FIRST or gap > MOST_WRONG_GAP:
            yield f"measured known times wrongly: first tokens by {first:.0f} ms, gaps by {gap:.0f} ms"
        if (self.woke or 0.0) > MOST_LATE:
            yield f"woke {self.woke:.0f} ms late"
        if (self.began or 0.0) > MOST_LATE_ARRIVAL:
            yield f"began sessions {self.began:.0f} ms late"
        if self.started is not None and self.started < LEAST_STARTED:
            yield f"started only {self.started:.0%} of the sessions that were due"


def validity(folder: RunFolder) -> Validity:
    """Judge a run folder: each process that made load by itself, since one that is too slow spoils what it measured."""
    processes = {path.stem: _figures(folder, f"samples/{path.name}") for path in sorted(folder.path.glob(SAMPLES))}
    several = len(processes) > 1
    faults = [f"{f'{name} ' if several else 'it '}{fault}" for name, one in processes.items() for fault in one.faults()]
    void = f"the load generator was the limit, and not the target: {'; '.join(faults)}" if faults else ""
    return Validity(void, _told(list(processes.values())))


def undermanned(aboard: int, asked: int) -> str:
    """Why a closed loop is no result where fewer users came to work than were asked for, "" where it may be one.

    Of nobody at all (0) nothing was noted, as in older records, which says nothing.
    """
    if not 0 < aboard < asked:
        return ""
    return f"the load generator was the limit, and not the target: only {aboard:,} of {asked:,} users came to work"


def _figures(folder: RunFolder, samples: str) -> _Figures:
    known, pulses = list(folder.rows(samples, Known)), list(folder.rows(samples, Pulse))
    arrivals = list(folder.rows(samples, Arrival))
    late = [arrival.late for arrival in arrivals if arrival.started]
    return _Figures(
        first=_at(0.95, (abs(one.first) for one in known)),
        gap=_at(0.99, (abs(gap) for one in known for gap in one.gaps)),
        # A second that took five counts as five: all that time nobody was served.
        woke=_at(0.95, (pulse.latest for pulse in pulses for _ in range(1 + int(pulse.latest / 1000)))),
        cpu=_at(0.5, (pulse.cpu for pulse in pulses)),
        began=_at(0.95, late) if late or not arrivals else math.inf,
        started=len(late) / len(arrivals) if arrivals else None,
    )


def _told(processes: Sequence[_Figures]) -> str:
    """The worst of each figure, in one line."""

    def worst(name: str) -> float | None:
        return max((value for one in processes if (value := getattr(one, name)) is not None), default=None)

    told = []
    first, gap, woke, cpu, began = (worst(name) for name in ("first", "gap", "woke", "cpu", "began"))
    if first is not None and gap is not None:
        told.append(f"known first tokens wrong by {first:.1f} ms (p95), gaps by {gap:.1f} ms (p99)")
    if woke is not None and cpu is not None:
        told.append(f"woke late by {woke:.1f} ms in its worst seconds, at {cpu:.0%} of a core")
    if began is not None:
        told.append(f"sessions began {began:.1f} ms late (p95)")
    return f"self-check: {'; '.join(told)}" if told else ""


def _at(quantile: float, values: Iterable[float]) -> float | None:
    ordered = sorted(values)
    return nearest(ordered, quantile) if ordered else None


MOST_BUSY = 0.8
"""Share of a core that a process may need that plays two targets in turns."""


def dulled(folder: RunFolder) -> str:
    """Why times that were measured in turns are mostly the player's own, "" where they are not.

    What the machine does now and then meets both targets alike and does not count; being late all the time adds the
    same to both, and makes a slowdown look smaller than it is.
    """
    known = [abs(one.first) for one in folder.rows(SAMPLES, Known)]
    cpu = [pulse.cpu for pulse in folder.rows(SAMPLES, Pulse)]
    if not known:
        return "the player could not check its times: no stream of the server of known timing came to its end"
    if (first := nearest(sorted(known), 0.5)) > MOST_WRONG_FIRST:
        return f"the player measured known first tokens wrong by {first:.0f} ms (median), so that a slowdown may hide"
    if cpu and (busy := nearest(sorted(cpu), 0.5)) > MOST_BUSY:
        return f"the player needed {busy:.0%} of a core, so that a slowdown may hide; take fewer --users"
    return ""
