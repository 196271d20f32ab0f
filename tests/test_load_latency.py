"""Percentiles from raw samples, and none where there are too few."""

from __future__ import annotations

import pytest

from reports.latency import latencies, spread
from seatrial.samples import Sample


def samples(operation: str, times: list[float], ok: bool = True) -> list[Sample]:
    return [Sample(0.0, operation, ms, 200 if ok else 503, ok, 1, "1-1") for ms in times]


def test_percentiles_are_nearest_rank_over_the_raw_times() -> None:
    found = spread(float(n) for n in range(1000, 0, -1))
    assert (found.count, found.p50, found.p95, found.p99) == (1000, 500.0, 950.0, 990.0)


@pytest.mark.parametrize(("count", "known"), [(5, (0, 0, 0)), (6, (1, 0, 0)), (72, (1, 1, 0)), (368, (1, 1, 1))])
def test_a_percentile_without_samples_enough_is_none(count: int, known: tuple[int, int, int]) -> None:
    found = spread([1.0] * count)
    assert tuple(int(value is not None) for value in (found.p50, found.p95, found.p99)) == known


def test_successes_and_failures_stand_apart() -> None:
    (row,) = latencies([*samples("sendMessage", [100.0] * 80), *samples("sendMessage", [1.0] * 80, ok=False)])
    assert (row.count, row.failures) == (160, 80)
    assert (row.succeeded.p95, row.failed.p95) == (100.0, 1.0)


def test_operations_come_in_the_order_in_which_they_occurred() -> None:
    mixed = [
        *samples("createSession", [1.0], ok=False),
        *samples("sendMessage", [1.0]),
        *samples("createSession", [2.0]),
    ]
    assert [(row.operation, row.count, row.failures) for row in latencies(mixed)] == [
        ("createSession", 2, 1),
        ("sendMessage", 1, 0),
    ]
