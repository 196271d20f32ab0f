"""The charts of a run: what of the contract was seen, how long requests took, what became of messages.

Each has its numbers as a table beside it. A chart without data is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import altair as alt

from reports.digest import MESSAGES, WRONGS, Digest, Times
from reports.drawing import BAD, DIM, GOOD, INFO, LINE, SERIES, WARN, WIDTH, colour, draw
from reports.latency import Latency, Spread, spread
from reports.wording import duration, line, percent

ROW = 22
ROWS_SHOWN = 40
"""Operations on one chart; more cannot be told apart. The tables have all."""

STEPS = 90
"""Points on an axis of time."""

Values = dict[str, object]
MS_LABEL = "datum.value < 1000 ? datum.value + ' ms' : datum.value / 1000 + ' s'"


@dataclass(frozen=True)
class Chart:
    """`svg` is "" where there is nothing to draw with; `head` and `rows` say the same in a table.

    `legend` has pairs of a name and a CSS colour.
    """

    title: str
    caption: str
    svg: str
    legend: Sequence[tuple[str, str]]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def charts(digest: Digest) -> list[Chart]:
    makers: list[Callable[[Digest], Chart | None]] = [coverage, latency, throughput, over_time, messages]
    return [chart for make in makers if (chart := make(digest))]


def load_latency(digest: Digest) -> list[Latency]:
    rows = []
    for operation, times in digest.times.items():
        good, bad = (spread(compress(times.ms, chosen)) for chosen in (times.ok, (not ok for ok in times.ok)))
        rows.append(Latency(operation, len(times.ms), times.failed, good, bad))
    return rows


def seen_latency(digest: Digest) -> list[Latency]:
    """Of requests that the contract suite sent, one at a time; it told the percentiles only."""
    return [
        Latency(entry.operation, count, 0, Spread(count, usual.p50_ms, usual.p95_ms, None), spread(()))
        for entry in digest.coverage
        if (usual := entry.usual) and (count := sum(row.count for row in (*entry.seen, *entry.undocumented)))
    ]


def coverage(digest: Digest) -> Chart | None:
    kinds = {"documented, seen": GOOD, "documented, not seen": DIM, "undocumented": WARN}
    rows, values = [], []
    for entry in digest.coverage:
        parts = [entry.seen, entry.unseen, entry.undocumented]
        rows.append([entry.operation, *(", ".join(str(row.status) for row in part) or "–" for part in parts)])
        if len(rows) <= ROWS_SHOWN:
            values += [
                {"operation": line(entry.operation, 40), "kind": kind, "order": order, "statuses": len(part)}
                for order, (kind, part) in enumerate(zip(kinds, parts, strict=True))
                if part
            ]
    if not values:
        return None
    drawing = (
        _chart(values)
        .mark_bar(size=12)
        .encode(
            x=alt.X("statuses:Q", title="statuses", axis=alt.Axis(tickMinStep=1, format="d")),
            y=_names("operation", values),
            color=_colours("kind", kinds),
            order="order:Q",
        )
        .properties(width=WIDTH - 220, height=alt.Step(ROW))
    )
    caption = "The statuses that the contract documents for each operation, and whether they came."
    return _made("Coverage", caption, drawing, kinds, ["Operation", *kinds], rows)


def latency(digest: Digest) -> Chart | None:
    loaded = load_latency(digest)
    found = loaded or seen_latency(digest)
    rows = [
        [row.operation, f"{row.count:,}", *map(duration, (row.succeeded.p50, row.succeeded.p95, row.succeeded.p99))]
        for row in found
    ]
    values = [
        {"operation": line(row.operation, 40), "share": share, "ms": max(0.1, ms)}
        for row in found[:ROWS_SHOWN]
        for share in ("p50", "p95", "p99")
        if (ms := getattr(row.succeeded, share)) is not None
    ]
    if not values:
        return None
    shares = {"p50": INFO, "p95": WARN, "p99": BAD}
    shown = {name: shares[name] for name in shares if any(value["share"] == name for value in values)}
    place = {"x": _times("x", values), "y": _names("operation", values)}
    span = _chart(values).mark_line(color=LINE, strokeWidth=4).encode(**place, detail="operation:N")
    dots = _chart(values).mark_point(filled=True, size=90, opacity=1).encode(**place, color=_colours("share", shown))
    drawing = alt.layer(span, dots).properties(width=WIDTH - 220, height=alt.Step(ROW))
    caption = "Under load, answered well." if loaded else "The suite's own requests, without load."
    caption += " A percentile that too few requests speak for is left out."
    head = ["Operation", "Requests", "p50", "p95", "p99"]
    return _made("Latency by operation", caption, drawing, shown, head, rows)


def throughput(digest: Digest) -> Chart | None:
    step = _step(digest)
    counts: dict[int, list[int]] = {}
    for times in digest.times.values():
        for at, ok in zip(times.at, times.ok, strict=True):
            counts.setdefault(int(max(0.0, at) / step), [0, 0])[0 if ok else 1] += 1
    if len(counts) < 2:
        return None
    values, rows = [], []
    for index, (good, bad) in sorted(counts.items()):
        start = index * step
        # The load ends within its last step, which is shorter.
        seconds = max(min(step, digest.seconds - start), step / 4)
        rates = good / seconds, (good + bad) / seconds
        rows.append([f"{start:g} s", f"{rates[0]:.1f}", f"{rates[1] - rates[0]:.1f}", percent(bad, good + bad)])
        place = {"at": start, "until": start + seconds}
        values.append(place | {"kind": "answered well", "low": 0, "high": rates[0]})
        values.append(place | {"kind": "failed", "low": rates[0], "high": rates[1]})
    kinds = {"answered well": GOOD, "failed": BAD}
    drawing = (
        _chart(values)
        .mark_rect(strokeWidth=0)
        .encode(
            x=_seconds("at"),
            x2="until:Q",
            y=alt.Y("low:Q", title=None, axis=alt.Axis(tickCount=5, minExtent=48)),
            y2="high:Q",
            color=_colours("kind", kinds),
        )
        .properties(width=WIDTH - 80, height=180)
    )
    head = ["From", "Answered well, a second", "Failed, a second", "Errors"]
    return _made("Throughput over time", f"Requests a second, in steps of {step:g} s.", drawing, kinds, head, rows)


def over_time(digest: Digest) -> Chart | None:
    """The 95th percentile of each step where enough requests speak for it, the median where they do not."""
    step = _step(digest)
    most = sorted(sorted(digest.times, key=lambda name: -len(digest.times[name].ms))[: len(SERIES)])
    found = [(name, index, spread(ms)) for name in most for index, ms in _steps(digest.times[name], step)]
    share = "p95" if sum(one.p95 is not None for _, _, one in found) * 2 > len(found) else "p50"
    values = [
        {"at": (index + 0.5) * step, "operation": line(name, 40), "ms": max(0.1, ms)}
        for name, index, one in found
        if (ms := getattr(one, share)) is not None
    ]
    if len({value["at"] for value in values}) < 2:
        return None
    colours = {line(name, 40): SERIES[number] for number, name in enumerate(most)}
    drawing = (
        _chart(values)
        .mark_line(strokeWidth=1.75)
        .encode(x=_seconds("at"), y=_times("y", values), color=_colours("operation", colours))
        .properties(width=WIDTH - 80, height=220)
    )
    rows = [
        [name, f"{index * step:g} s", f"{one.count:,}", duration(one.p50), duration(one.p95)]
        for name, index, one in found
    ]
    head = ["Operation", "From", "Requests", "p50", "p95"]
    caption = f"The {'95th percentile' if share == 'p95' else 'median'} of each {step:g} s, answered well."
    return _made("Latency over time", caption, drawing, colours, head, rows)


def messages(digest: Digest) -> Chart | None:
    if not digest.sessions:
        return None
    kinds = {"as it should be": GOOD, "wrong": BAD}
    values: list[Values] = [
        {"what": name, "number": digest.messages[name], "kind": "wrong" if name in WRONGS else "as it should be"}
        for name in MESSAGES
    ]
    place = {"x": alt.X("number:Q", scale=alt.Scale(type="symlog"), axis=None), "y": _names("what", values)}
    bars = _chart(values).mark_bar(size=12).encode(**place, color=_colours("kind", kinds))
    labels = _chart(values).mark_text(align="left", dx=5).encode(**place, text=alt.Text("number:Q", format=",d"))
    drawing = alt.layer(bars, labels).properties(width=WIDTH - 220, height=alt.Step(ROW))
    rows = [[name, f"{digest.messages[name]:,}"] for name in MESSAGES]
    caption = f"Of {digest.sessions:,} sessions: what was said, beside what was kept. Long bars are shortened."
    return _made("Messages", caption, drawing, kinds, ["Messages", "Count"], rows)


def _step(digest: Digest) -> float:
    """Seconds: a round number that makes at most `STEPS` of the load."""
    rough = max(digest.seconds / STEPS, 0.001)
    return next((step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800) if step >= rough), 3600)


def _steps(times: Times, step: float) -> list[tuple[int, list[float]]]:
    """The milliseconds of good answers by step of time."""
    buckets: dict[int, list[float]] = {}
    for at, ms, ok in zip(times.at, times.ms, times.ok, strict=True):
        if ok:
            buckets.setdefault(int(max(0.0, at) / step), []).append(ms)
    return sorted(buckets.items())


def _chart(values: Iterable[Values]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(values)))


def _names(field: str, values: Sequence[Values]) -> alt.Y:
    # Room by the letter: the reader's font is not the one that Vega measures with.
    room = min(260, 20 + 7.5 * max(len(str(value[field])) for value in values))
    return alt.Y(f"{field}:N", sort=None, title=None, axis=alt.Axis(minExtent=room, domain=False, ticks=False))


def _seconds(field: str) -> alt.X:
    axis = alt.Axis(grid=False, tickCount=8, labelOverlap=True)
    return alt.X(f"{field}:Q", title="seconds since the load began", axis=axis, scale=alt.Scale(nice=False))


def _times(channel: str, values: Sequence[Values]) -> alt.X | alt.Y:
    """Milliseconds on a logarithmic axis, with round numbers that leave each other room."""
    found = [float(str(value["ms"])) for value in values]
    low, high = min(found), max(found)
    decades = math.log10(high / low)
    round_numbers = (1, 2, 5) if decades < 1.5 else (1, 3) if decades < 3 else (1,)
    ticks = [number * 10.0**power for power in range(-1, 8) for number in round_numbers]
    below, above = max(t for t in ticks if t <= low), min(t for t in ticks if t >= high)
    shown = [tick for tick in ticks if below <= tick <= above]
    axis = alt.Axis(values=shown, labelExpr=MS_LABEL, minExtent=56 if channel == "y" else 0)
    scale = alt.Scale(type="log", domain=[below, max(above, below * 2)])
    kind: type[alt.X | alt.Y] = alt.X if channel == "x" else alt.Y
    return kind("ms:Q", title=None, scale=scale, axis=axis)


def _colours(field: str, colours: dict[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def _made(
    title: str,
    caption: str,
    drawing: object,
    colours: dict[str, str],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Chart:
    svg = draw(drawing, title.lower().replace(" ", "-"), f"{title}. The table below holds the numbers.")
    return Chart(title, caption, svg, [(name, colour(ink)) for name, ink in colours.items()], head, rows)
