"""How long operations took: a fold over samples, from the raw times and not from buckets.

Successes and failures stand apart, since a fast refusal must not make an operation look fast. A
percentile is None until there are samples enough to bound it on both sides, see `seatrial.measuring`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seatrial.measuring import enough, nearest
from seatrial.samples import Sample


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


def percentile(ordered: Sequence[float], quantile: float) -> float | None:
    """The nearest-rank percentile of times in ascending order, or None when there are too few."""
    return nearest(ordered, quantile) if len(ordered) >= enough(quantile) else None


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
