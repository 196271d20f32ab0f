"""Whether a load measured its target, or itself: judged from what its processes noted while they worked.

A run that its own generator limited is *void*: no result, whatever it says, and exit code 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
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


def validity(folder: RunFolder) -> Validity:
    """Judge a run folder."""
    known = list(folder.rows(SAMPLES, Known))
    pulses = list(folder.rows(SAMPLES, Pulse))
    arrivals = list(folder.rows(SAMPLES, Arrival))
    reasons, told = [], []
    if known:
        first = _at(0.95, [abs(one.first) for one in known])
        gap = _at(0.99, [abs(gap) for one in known for gap in one.gaps])
        told.append(f"known first tokens wrong by {first:.1f} ms (p95), gaps by {gap:.1f} ms (p99)")
        if first > MOST_WRONG_FIRST or gap > MOST_WRONG_GAP:
            reasons.append(f"it measured known times wrongly: first tokens by {first:.0f} ms, gaps by {gap:.0f} ms")
    if pulses:
        late, cpu = _at(0.95, [pulse.latest for pulse in pulses]), _at(0.5, [pulse.cpu for pulse in pulses])
        told.append(f"woke late by {late:.1f} ms in its worst seconds, at {cpu:.0%} of a core")
        if late > MOST_LATE:
            reasons.append(f"it woke {late:.0f} ms late")
    if arrivals:
        late = _at(0.95, [arrival.late for arrival in arrivals if arrival.started] or [math.inf])
        started = sum(arrival.started for arrival in arrivals) / len(arrivals)
        told.append(f"sessions began {late:.1f} ms late (p95)")
        if late > MOST_LATE_ARRIVAL:
            reasons.append(f"sessions began {late:.0f} ms late")
        if started < LEAST_STARTED:
            reasons.append(f"only {started:.0%} of the sessions that were due were started")
    void = f"the load generator was the limit, and not the target: {'; '.join(reasons)}" if reasons else ""
    return Validity(void, "self-check: " + "; ".join(told) if told else "")


MOST_BUSY = 0.8
"""Share of a core that a process may need that plays two targets in turns."""


def dulled(folder: RunFolder) -> str:
    """Why times that were measured in turns are mostly the player's own, "" where they are not.

    What the machine does now and then meets both targets alike and does not count; being late all the time adds the
    same to both, and makes a slowdown look smaller than it is.
    """
    known = [abs(one.first) for one in folder.rows(SAMPLES, Known)]
    cpu = [pulse.cpu for pulse in folder.rows(SAMPLES, Pulse)]
    if known and (first := _at(0.5, known)) > MOST_WRONG_FIRST:
        return f"the player measured known first tokens wrong by {first:.0f} ms (median), so that a slowdown may hide"
    if cpu and (busy := _at(0.5, cpu)) > MOST_BUSY:
        return f"the player needed {busy:.0%} of a core, so that a slowdown may hide; take fewer --users"
    return ""


def _at(quantile: float, values: Iterable[float]) -> float:
    return nearest(sorted(values), quantile)
