"""Percentiles from raw samples, and none where there are too few."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import folder, verify_run

from reports.latency import Latency, spread
from reports.measured import Measured
from seatrial.samples import Sample, Turned


def samples(operation: str, times: list[float], ok: bool = True, at: float = 0.0) -> list[Sample]:
    return [Sample(at, operation, ms, 200 if ok else 503, ok, 1, f"{n % 20}") for n, ms in enumerate(times)]


def latencies(path: Path, rows: list[Sample], **settings: float) -> list[Latency]:
    run = verify_run(command="load", settings=settings)
    return Measured.of(folder(path, run, samples=tuple(rows)), run).latencies


def test_percentiles_are_nearest_rank_over_the_raw_times() -> None:
    found = spread(float(n) for n in range(1000, 0, -1))
    assert (found.count, found.p50, found.p95, found.p99) == (1000, 500.0, 950.0, 990.0)


@pytest.mark.parametrize(("count", "known"), [(5, (0, 0, 0)), (6, (1, 0, 0)), (72, (1, 1, 0)), (368, (1, 1, 1))])
def test_a_percentile_without_samples_enough_is_none(count: int, known: tuple[int, int, int]) -> None:
    found = spread([1.0] * count)
    assert tuple(int(value is not None) for value in (found.p50, found.p95, found.p99)) == known


def test_successes_and_failures_stand_apart(tmp_path: Path) -> None:
    rows = [*samples("sendMessage", [100.0] * 80), *samples("sendMessage", [1.0] * 80, ok=False)]
    (row,) = latencies(tmp_path, rows)
    assert (row.count, row.failures) == (160, 80)
    assert (row.succeeded.count, row.succeeded.p50, row.succeeded.p95) == (80, 100.0, 100.0)


def test_warm_up_and_end_are_left_out_of_the_times_and_not_of_the_errors(tmp_path: Path) -> None:
    rows = [
        *samples("sendMessage", [900.0] * 40, at=1.0),
        *samples("sendMessage", [100.0] * 40, at=6.0),
        *samples("sendMessage", [500.0] * 40, at=20.5),
        *samples("sendMessage", [1.0], ok=False, at=1.0),
    ]
    (row,) = latencies(tmp_path, rows, times_from=5.0, times_until=20.0)
    assert (row.count, row.failures, row.succeeded.count, row.succeeded.p50) == (121, 1, 40, 100.0)


def test_a_percentile_has_the_interval_that_its_sessions_support(tmp_path: Path) -> None:
    (row,) = latencies(tmp_path, samples("getChat", [float(n) for n in range(400)]))
    interval = row.intervals["p95"]
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low <= 379.0 == row.succeeded.p95 <= interval.high


def test_sessions_under_way_and_longest_gaps(tmp_path: Path) -> None:
    rows = tuple(
        Turned(0.0, f"{n}", 1, "session", "sse", 900.0, "done", 100.0, (20.0, 700.0 if n == 17 else 20.0))
        for n in range(2000)
    )
    run = verify_run(command="load")
    load = Measured.of(folder(tmp_path, run, samples=rows), run)
    assert (load.stalls[0][0], load.stalls[0][1].session) == (700.0, "17")
    assert len(load.begun) == 2000
