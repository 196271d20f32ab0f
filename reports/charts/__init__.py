"""The charts of a run under the headings of the page, each with its numbers as a table; none without data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reports.charts import (
    capacity,
    coverage,
    drift,
    latency,
    messages,
    objectives,
    overhead,
    ratios,
    selfcheck,
    timeline,
    timing,
)
from reports.charts.chart import Chart
from reports.digest import Digest
from seatrial.records import Run

__all__ = ["Chart", "Exhibit", "exhibits"]


@dataclass(frozen=True)
class Exhibit:
    """Charts under one heading."""

    id: str
    title: str
    intro: str
    charts: tuple[Chart, ...]


ROOMS: tuple[tuple[str, str, str, Callable[[Run, Digest], Iterable[Chart]]], ...] = (
    ("compared", "B beside A", "How much longer each operation takes on B than on A.", ratios.charts),
    ("contracts", "The contract on A and on B", "How answers changed from A to B.", drift.charts),
    ("capacity", "Throughput and latency over load", "Each level that was tried, and where it ends.", capacity.charts),
    ("objectives", "Objectives", "What the load was held to, and what it did.", objectives.charts),
    ("latency", "Latency by operation", "How long requests took, and how that is spread.", latency.operations),
    ("streams", "Turns, first token and gaps", "How replies came, as the person saw it.", latency.streams),
    ("overhead", "Overhead of the deployment", "What turns took, less what the model took of it.", overhead.charts),
    ("time", "The load over time", "What happened from its first second to its last.", timing.charts),
    ("life", "A session's life", "The requests of one session, one after the other.", timeline.charts),
    ("messages", "Messages", "What was said, beside what the history holds.", messages.charts),
    ("selfcheck", "Self-check", "Whether the load measured its target, or itself.", selfcheck.charts),
    ("coverage", "Coverage of operations", "Statuses that came, and documented ones that did not.", coverage.charts),
)


def exhibits(run: Run, digest: Digest) -> list[Exhibit]:
    found = [(id_, title, intro, tuple(make(run, digest))) for id_, title, intro, make in ROOMS]
    return [Exhibit(*row) for row in found if row[3]]
