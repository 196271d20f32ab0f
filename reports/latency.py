"""How long operations took: a fold over samples, from the raw times and not from buckets.

Successes and failures stand apart, since a fast refusal must not make an operation look fast. A
percentile is None until there are samples enough to bound it: with n of them, the largest is above the
q-th percentile with 95 % confidence only when q**n <= 0.05, so p50 wants 5, p95 59 and p99 299.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seatrial.samples import Sample

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of some times in milliseconds; None where there are too few."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """One operation under load. Times run from the send to the last byte."""

    operation: str
    count: int
    failures: int
    succeeded: Spread
    failed: Spread


def enough(quantile: float) -> int:
    """The least number of samples that says something about a quantile."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(quantile))


def percentile(ordered: Sequence[float], quantile: float) -> float | None:
    """The nearest-rank percentile of times in ascending order, or None when there are too few."""
    if len(ordered) < enough(quantile):
        return None
    return ordered[math.ceil(quantile * len(ordered)) - 1]


def spread(times: Iterable[float]) -> Spread:
    ordered = sorted(times)
    return Spread(len(ordered), percentile(ordered, 0.5), percentile(ordered, 0.95), percentile(ordered, 0.99))


def latencies(samples: Iterable[Sample]) -> list[Latency]:
    """One row per operation, in the order in which they first occurred."""
    good: dict[str, list[float]] = defaultdict(list)
    bad: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        _ = good[sample.operation]  # keeps the order of first occurrence, failures included
        (good if sample.ok else bad)[sample.operation].append(sample.ms)
    return [
        Latency(name, len(times) + len(bad[name]), len(bad[name]), spread(times), spread(bad[name]))
        for name, times in good.items()
    ]
