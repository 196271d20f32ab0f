"""How long operations took: a fold over samples, from the raw times and not from buckets.

Successes and failures stand apart, since a fast refusal must not make an operation look fast. A
percentile is None until there are samples enough to bound it on both sides, see `seatrial.measuring`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.measuring import Estimate, enough, estimates, nearest

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class Timed(Protocol):
    """Times, and where each was taken."""

    @property
    def ms(self) -> Sequence[float]: ...

    @property
    def sessions(self) -> Sequence[Hashable]: ...


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of some times in milliseconds; None where there are too few."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """One operation: how often it was asked and failed, and the times of its successes that count.

    `intervals` are those of the percentiles, by their names; `times` are empty where only percentiles were told.
    """

    operation: str
    count: int
    failures: int
    succeeded: Spread
    intervals: dict[str, Estimate]
    times: Sequence[float] = ()


def percentile(ordered: Sequence[float], quantile: float) -> float | None:
    """The nearest-rank percentile of times in ascending order, or None when there are too few."""
    return float(nearest(ordered, quantile)) if len(ordered) >= enough(quantile) else None


def spread(times: Iterable[float]) -> Spread:
    import numpy as np  # a run without times is spared it; millions of them are too many for a list

    ordered: Any = np.sort(np.fromiter(times, dtype=float))
    return Spread(len(ordered), *(percentile(ordered, quantile) for quantile in SHARES.values()))


def latency(name: str, counted: Timed, count: int, failures: int) -> Latency:
    """The row of an operation that was asked `count` times; `counted` are the successes that count for times."""
    found = estimates(counted.ms, counted.sessions, list(SHARES.values()))
    return Latency(name, count, failures, spread(counted.ms), dict(zip(SHARES, found, strict=True)), counted.ms)
