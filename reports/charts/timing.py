"""A load from its first second to its last: requests and errors a second, sessions under way, latency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reports.charts.chart import (
    Chart,
    Spec,
    Values,
    chart,
    coloured,
    layers,
    marks,
    milliseconds,
    named,
    quantity,
    seconds,
    stacked,
    tip,
)
from reports.charts.drawing import BAD, C2, GOOD, LINE, SERIES
from reports.digest import Digest
from reports.latency import Spread, spread
from reports.measured import Column, Measured, voided
from reports.wording import duration, percent
from seatrial.records import Run

STEPS = 90
"""Points on an axis of time."""

ROUND = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)


def charts(run: Run, digest: Digest) -> Iterator[Chart]:
    load = digest.load
    if not load.operations:
        return
    step = step_of(load.seconds)
    for drawn in (_throughput(load, step), _latency(load, step, voided(run))):
        if drawn:
            yield drawn


def step_of(length: float) -> float:
    """Seconds: a round number that makes at most `STEPS` of a load."""
    rough = max(length / STEPS, 0.001)
    return next((step for step in ROUND if step >= rough), rough)


def _throughput(load: Measured, step: float) -> Chart | None:
    import numpy as np

    number = int(load.seconds / step) + 1
    good, bad = (
        sum((_counts(getattr(requests, kind), step, number) for requests in load.operations.values()), np.zeros(number))
        for kind in ("good", "bad")
    )
    if np.count_nonzero(good + bad) < 2:
        return None
    away = _under_way(load, step, number)
    kinds = {"answered well": GOOD, "failed": BAD, "sessions under way": C2}
    values, lines, rows = [], [], []
    for index in range(number):
        start = index * step
        # The load ends within its last step, which is shorter.
        length = max(min(step, load.seconds - start), step / 4)
        rates = good[index] / length, bad[index] / length
        share = percent(int(bad[index]), int(good[index] + bad[index]))
        rows.append([f"{start:g} s", f"{rates[0]:.1f}", f"{rates[1]:.1f}", share, f"{away[index]:.1f}"])
        place = {"at": start, "until": start + length}
        parts = (("answered well", 0.0, rates[0]), ("failed", rates[0], sum(rates)))
        for order, (kind, low, high) in enumerate(parts):
            if high > low:
                said = f"from {start:g} s: {high - low:.1f} a second {kind}"
                values.append(place | {"kind": kind, "low": low, "high": high, "tip": tip(order, said)})
        said = f"from {start:g} s: {away[index]:.1f} sessions under way"
        lines.append({"at": start + length / 2, "away": away[index], "kind": "sessions under way", "tip": tip(2, said)})
    x = seconds("at", load.seconds)
    top = quantity("low", "requests a second", axis={"minExtent": 48})
    color = coloured("kind", kinds)
    bars = marks("rect", values, {"x": x, "x2": {"field": "until"}, "y": top, "y2": {"field": "high"}, "color": color})
    under = layers(
        marks(
            "line", [{**row, "tip": tip(2, "")} for row in lines], _line(x, color), strokeWidth=2, interpolate="step"
        ),
        marks("point", lines, _line(x, color), filled=True, size=14, opacity=1),
        height=90,
    )
    spec = stacked(layers(*_edges(load), bars, height=170), under)
    head = ["From", "Answered well, a second", "Failed, a second", "Errors", "Sessions under way"]
    caption = f"Requests a second by when they were sent, in steps of {step:g} s; below, sessions at work."
    return chart("throughput", "Throughput over time", caption + _edge_words(load), spec, kinds, head, rows)


def _line(x: Spec, color: Spec) -> Spec:
    return {"x": x, "y": quantity("away", "sessions", axis={"minExtent": 48, "tickCount": 3}), "color": color}


def _latency(load: Measured, step: float, doubt: str) -> Chart | None:
    """The 95th percentile of each step where enough requests speak for it, the median where they do not.

    `doubt` is what its caption says besides.
    """
    most = sorted(sorted(load.operations, key=lambda name: -len(load.operations[name]))[: len(SERIES)])
    step = _wide(step, load.seconds, [len(load.operations[name].good.ms) for name in most])
    found = [(name, index, one) for name in most for index, one in _steps(load.operations[name].good, step)]
    share = "p95" if sum(one.p95 is not None for _, _, one in found) * 2 > len(found) else "p50"
    drawn = [name for name in most if any(name == which and getattr(one, share) is not None for which, _, one in found)]
    order = {name: number for number, name in enumerate(drawn)}
    values: list[Values] = [
        {
            "at": (index + 0.5) * step, "operation": named(name), "ms": max(0.1, ms),
            "tip": tip(order[name], f"{named(name)} from {index * step:g} s: {share} {duration(ms)} of {one.count:,}"),
        }
        for name, index, one in found
        if (ms := getattr(one, share)) is not None
    ]  # fmt: skip
    if len({value["at"] for value in values}) < 3:
        return None
    colours = {named(name): SERIES[number] for name, number in order.items()}
    place = {
        "x": seconds("at", load.seconds),
        "y": milliseconds("ms", (value["ms"] for value in values), minExtent=56),
        "color": coloured("operation", colours),
    }
    lines = [value | {"tip": tip(list(colours).index(value["operation"]), "")} for value in values]
    spec = layers(
        *_edges(load),
        marks("line", lines, place, strokeWidth=1.75),
        marks("point", values, place, filled=True, size=16, opacity=1),
        height=230,
    )
    rows = [
        [name, f"{index * step:g} s", f"{one.count:,}", duration(one.p50), duration(one.p95)]
        for name, index, one in found
    ]
    head = ["Operation", "From", "Good answers", "p50", "p95"]
    caption = f"The {'95th percentile' if share == 'p95' else 'median'} of each {step:g} s, answered well{doubt}."
    return chart("latency-time", "Latency over time", caption + _edge_words(load), spec, colours, head, rows)


def _wide(step: float, length: float, counts: Sequence[int]) -> float:
    """A step in which half of the operations have samples enough for a median, but four of them at least."""
    usual = sorted(counts)[len(counts) // 2] / max(length, step)
    wide = next((wider for wider in ROUND if wider >= step and usual * wider >= 8), step)
    return max((wider for wider in ROUND if step <= wider <= min(wide, length / 4)), default=step)


def _edges(load: Measured) -> list[Spec]:
    """Lines at the end of the warm-up, and where no new turn was started."""
    at = [edge for edge in (load.since, load.until) if 0 < edge < load.seconds]
    x = seconds("at", load.seconds)
    rules = marks("rule", [{"at": edge} for edge in at], {"x": x}, strokeDash=[4, 3], color=LINE, strokeWidth=2)
    return [rules] if at else []


def _edge_words(load: Measured) -> str:
    warm, end = 0 < load.since < load.seconds, 0 < load.until < load.seconds
    if warm and end:
        return f" Times count between the dashed lines: {load.since:.1f} s to {load.until:g} s."
    if warm:
        return f" Times count from the dashed line on, {load.since:.1f} s."
    return f" Times count up to the dashed line, {load.until:g} s." if end else ""


def _counts(column: Column, step: float, number: int) -> Any:
    import numpy as np

    return np.bincount((np.maximum(column.at, 0) / step).astype(int), minlength=number)[:number]


def _under_way(load: Measured, step: float, number: int) -> Any:
    """How many sessions were between their first and their last request, on average over each step."""
    import numpy as np

    begun, ended = np.maximum(load.begun, 0), np.maximum(load.ended, 0)
    edges = np.arange(number + 1) * step
    # The time that all sessions together have spent up to each edge: begun ones less ended ones.
    spent = _passed(np, begun, edges) - _passed(np, ended, edges)
    return np.diff(spent) / step


def _passed(np: Any, moments: Any, edges: Any) -> Any:
    """The sum of max(0, edge - moment) over all moments, for each edge."""
    ordered = np.sort(moments)
    before = np.searchsorted(ordered, edges)
    return before * edges - np.concatenate([[0.0], np.cumsum(ordered)])[before]


def _steps(column: Column, step: float) -> Iterator[tuple[int, Spread]]:
    """The spread of the times in each step."""
    import numpy as np

    if not len(column.ms):
        return
    steps, ms = (np.maximum(column.at, 0) / step).astype(int), np.asarray(column.ms)
    order = np.argsort(steps, kind="stable")
    found, starts = np.unique(steps[order], return_index=True)
    for index, part in zip(found, np.split(ms[order], starts[1:]), strict=True):
        yield int(index), spread(map(float, part))
