"""How times are spread: one row for each operation, and for each measure of streamed replies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from reports.charts.chart import (
    ROWS_SHOWN,
    Chart,
    Spec,
    Values,
    chart,
    coloured,
    exact,
    layers,
    marks,
    milliseconds,
    named,
    room,
    tip,
)
from reports.charts.drawing import BAD, C1, INFO, LINE, WARN, WIDTH
from reports.digest import Digest
from reports.latency import SHARES, Latency, Spread
from reports.measured import WAYS, voided
from reports.wording import counted, duration, line, percent
from seatrial.records import Run

BINS = 56
BAND = 34
LEAST = 0.005
"""The share of the shortest times that may stand together in the first bar: one of them would stretch the axis."""

COLOURS = {"p50": INFO, "p95": WARN, "p99": BAD}
HEAD = ["Operation", "Requests", "Errors", "p50", "p95", "p99", "Longest"]


def operations(run: Run, digest: Digest) -> Iterator[Chart]:
    title, loaded = "Latency by operation", digest.load.latencies
    if loaded:
        caption = f"Under load, answered well{voided(run)}.{_seeded(run)}"
        yield spread_chart("latency-spread", title, caption, loaded, HEAD)
    elif alone := seen_alone(digest):
        caption = f"The suite's own requests, without load: those with the usual success.{_seeded(run)}"
        yield spread_chart("latency-spread", title, caption, alone, [HEAD[0], "Number", *HEAD[3:]])


def streams(run: Run, digest: Digest) -> Iterator[Chart]:
    load = digest.load
    if not load.turns and not load.ends:
        return
    head = ["Measure", "Number", *HEAD[3:]]
    caption = f"Of turns that were done, by the way in which the reply came{voided(run)}."
    rows = [row for row in load.streams if row.count]
    if rows:
        yield spread_chart("stream-spread", "How replies came", caption, rows, head)
    if load.stalls:
        told = [
            [line(turned.session, 60), WAYS.get(turned.way, turned.way), f"{turned.at:.1f} s", duration(turned.ms),
             duration(turned.first), duration(longest)]
            for longest, turned in load.stalls[:10]
        ]  # fmt: skip
        names = ["Session", "Reply came by", "Began at", "Whole turn", "First token", "Longest gap"]
        stood = f"The replies whose text stood still for longest{voided(run)}."
        yield Chart("stalls", "Longest gaps", stood, "", (), names, told)
    ends = sorted(load.ends.items())
    told = [[WAYS.get(way, way), ended, f"{number:,}"] for (way, ended), number in ends]
    caption = "Only a reply that was done is a success; one that just stops is none."
    yield Chart("ends", "How turns ended", caption, "", (), ["Reply came by", "Ended", "Turns"], told)


def seen_alone(digest: Digest) -> list[Latency]:
    """Of requests that the contract suite sent: those with the usual success, of which it told the percentiles only."""
    return [
        Latency(entry.operation, usual.count, 0, Spread(usual.count, usual.p50_ms, usual.p95_ms, None), {})
        for entry in digest.coverage
        if (usual := entry.usual)
    ]


def told(row: Latency, share: str) -> str:
    """A percentile, and the interval that the samples support: `812 ms (760–903)`."""
    value = getattr(row.succeeded, share)
    bounds = row.intervals.get(share)
    if value is None or bounds is None or bounds.low is None or bounds.high is None:
        return duration(value)
    return f"{duration(value)} ({duration(bounds.low)} – {duration(bounds.high)})"


def _seeded(run: Run) -> str:
    chats, each = run.settings.get("seed_chats"), run.settings.get("seed_messages")
    if not chats:
        return ""
    messages = counted(int(each or 0) + int(each or 0) % 2, "message")  # each question has its reply
    return f" Each account held {counted(int(chats), 'chat')} of {messages} beforehand."


def spread_chart(
    id_: str, title: str, caption: str, found: Sequence[Latency], head: Sequence[str], beside: Sequence[Latency] = ()
) -> Chart:
    """The times of each row as a little histogram with its percentiles, and these as a table.

    `beside` are rows of the table alone: times so much shorter that nothing of either could be seen.
    """
    with_errors = "Errors" in head
    rows = [
        [row.operation, f"{row.count:,}", *([percent(row.failures, row.count)] if with_errors else [])]
        + [told(row, share) for share in SHARES]
        + [duration(max(row.times) if len(row.times) else None)]
        for row in (*found, *beside)
    ]
    shown = [row for row in found[:ROWS_SHOWN] if len(row.times) or row.succeeded.p50 is not None]
    spec, colours = _spread(shown) if shown else (None, {})
    more = " Bars show how often each time came; a line through a dot is its interval." if spec and any(
        len(row.times) for row in shown
    ) else ""  # fmt: skip
    return chart(id_, title, caption + more, spec, colours, head, rows)


def _spread(found: Sequence[Latency]) -> tuple[Spec, dict[str, str]]:
    """A little histogram for each row over a shared logarithmic axis, with its percentiles on the floor of it."""
    points = [point for at, row in enumerate(found) for point in _points(at, row)]
    ends = [ms for row in found if len(row.times) for ms in _ends(row.times)]
    ends += [point["ms"] for point in points]
    low, high = math.log10(max(0.1, min(ends))), math.log10(max(0.1, *ends))
    size = max((high - low) / BINS, 0.01)
    bars = [bar for at, row in enumerate(found) for bar in _bars(at, row, low, size)]
    height, left = BAND * len(found), int(room(named(row.operation) for row in found))
    x, y = milliseconds("ms", ends), {"y": exact("y")}
    colours = {name: ink for name, ink in COLOURS.items() if any(point["share"] == name for point in points)}
    numbered = coloured("share", COLOURS)
    lines = [{"y": BAND * (at + 1) - 6} for at in range(len(found))]
    labels = [line_ | {"name": named(row.operation)} for line_, row in zip(lines, found, strict=True)]
    floor = {"x": {"value": 0}, "x2": {"value": WIDTH - 30 - left}}
    spec = layers(
        marks("rule", lines, floor | y, color=LINE),
        marks("text", labels, {"x": {"value": -10}, "text": {"field": "name"}, **y}, align="right", baseline="bottom"),
        marks("rect", bars, {"x": x, "x2": {"field": "to"}, "y2": {"field": "top"}, **y}, color=C1, opacity=0.45),
        marks("rule", [p for p in points if "low" in p], y | {"x": x | {"field": "low"}, "x2": {"field": "high"},
              "color": numbered}, strokeWidth=2),
        marks("point", points, y | {"x": x, "color": numbered}, filled=True, size=70, opacity=1),
        width=WIDTH - 30 - left, height=height, padding={"left": left + 4, "right": 24, "top": 4, "bottom": 4},
    )  # fmt: skip
    return spec, colours


def _ends(times: Sequence[float]) -> tuple[float, float]:
    import numpy as np

    return float(np.quantile(times, LEAST, method="inverted_cdf")), max(times)


def _bars(at: int, row: Latency, low: float, size: float) -> Iterator[Values]:
    if not len(row.times):
        return
    import numpy as np

    bins = np.bincount(((np.log10(np.maximum(row.times, 10**low)) - low) / size).astype(int), minlength=1)
    most, floor = int(bins.max()), BAND * (at + 1) - 6
    for number in np.flatnonzero(bins):
        begins, ends = (10 ** (low + size * (number + step)) for step in (0, 1))
        share = percent(int(bins[number]), len(row.times))
        said = f"{named(row.operation)}: {duration(begins)} to {duration(ends)}, {int(bins[number]):,} times ({share})"
        top = floor - (BAND - 9) * int(bins[number]) / most
        yield {"ms": begins, "to": ends, "y": floor, "top": top, "tip": tip(None, said)}


def _points(at: int, row: Latency) -> Iterable[Values]:
    for number, share in enumerate(SHARES):
        value = getattr(row.succeeded, share)
        if value is None:
            continue
        said = f"{named(row.operation)}: {share} {told(row, share)}"
        point: Values = {"ms": max(0.1, value), "share": share, "y": BAND * (at + 1) - 6, "tip": tip(number, said)}
        bounds = row.intervals.get(share)
        if bounds and bounds.low is not None and bounds.high is not None:
            point |= {"low": max(0.1, bounds.low), "high": max(0.1, bounds.high)}
        yield point
