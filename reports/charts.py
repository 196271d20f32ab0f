"""The charts of a run: what of the contract was seen, how long requests took, what became of messages.

Each has its numbers as a table beside it. A chart without data is not drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress

import altair as alt

from reports.digest import MESSAGES, WRONGS, Digest, Times
from reports.drawing import BAD, DIM, GOOD, INFO, LINE, SERIES, WARN, WIDTH, draw
from reports.latency import Latency, Spread, spread
from reports.wording import duration, line, percent

ROW = 22
ROWS_SHOWN = 40
"""Operations on one chart; more cannot be told apart. The tables have all."""

STEPS = 90
"""Points on an axis of time."""

MS_LABEL = "datum.value < 1000 ? datum.value + ' ms' : datum.value / 1000 + ' s'"


@dataclass(frozen=True)
class Chart:
    """`svg` is "" where there is nothing to draw with; `head` and `rows` say the same in a table."""

    title: str
    caption: str
    svg: str
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
            y=alt.Y("operation:N", sort=None, title=None),
            color=_colours("kind", kinds),
            order="order:Q",
        )
        .properties(width=WIDTH - 220, height=alt.Step(ROW))
    )
    caption = "How many of the statuses that the contract documents were brought about, operation by operation."
    return _made("Coverage", caption, "coverage", drawing, ["Operation", *kinds], rows)


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
    axis = alt.Axis(labelExpr=MS_LABEL, tickCount=6)
    place = {
        "x": alt.X("ms:Q", scale=alt.Scale(type="log", nice=True), axis=axis, title=None),
        "y": alt.Y("operation:N", sort=None, title=None),
    }
    span = _chart(values).mark_line(color=LINE, strokeWidth=4).encode(**place, detail="operation:N")
    dots = _chart(values).mark_point(filled=True, size=90, opacity=1).encode(**place, color=_colours("share", shown))
    drawing = alt.layer(span, dots).properties(width=WIDTH - 220, height=alt.Step(ROW))
    caption = "Under load, answered well." if loaded else "The suite's own requests, without load."
    caption += " A percentile that too few requests speak for is left out."
    title = "Latency by operation"
    return _made(title, caption, "latency", drawing, ["Operation", "Requests", "p50", "p95", "p99"], rows)


def throughput(digest: Digest) -> Chart | None:
    step = _step(digest)
    counts: dict[int, list[int]] = {}
    for times in digest.times.values():
        for at, ok in zip(times.at, times.ok, strict=True):
            counts.setdefault(int(max(0.0, at) / step), [0, 0])[0 if ok else 1] += 1
    if len(counts) < 2:
        return None
    kinds = {"answered": GOOD, "failed": BAD}
    values = [
        {"at": index * step, "until": (index + 1) * step, "kind": kind, "rate": number / step, "order": order}
        for index, pair in sorted(counts.items())
        for order, (kind, number) in enumerate(zip(kinds, pair, strict=True))
        if number
    ]
    drawing = (
        _chart(values)
        .mark_bar(stroke=None)
        .encode(
            x=alt.X("at:Q", title="seconds since the load began", axis=alt.Axis(grid=False)),
            x2="until:Q",
            y=alt.Y("rate:Q", title="requests a second", stack=True),
            color=_colours("kind", kinds),
            order="order:Q",
        )
        .properties(width=WIDTH - 80, height=180)
    )
    rows = [
        [f"{index * step:g} s", f"{good / step:.1f}", f"{bad / step:.1f}", percent(bad, good + bad)]
        for index, (good, bad) in sorted(counts.items())
    ]
    head = ["From", "Answered, a second", "Failed, a second", "Errors"]
    return _made("Throughput over time", f"In steps of {step:g} s.", "throughput", drawing, head, rows)


def over_time(digest: Digest) -> Chart | None:
    """The 95th percentile of each step where enough requests speak for it, the median where they do not."""
    step = _step(digest)
    most = sorted(sorted(digest.times, key=lambda name: -len(digest.times[name].ms))[: len(SERIES)])
    found = [(name, index, spread(ms)) for name in most for index, ms in _steps(digest.times[name], step)]
    share = "p95" if sum(one.p95 is not None for _, _, one in found) * 2 > len(found) else "p50"
    values = [
        {"at": (index + 0.5) * step, "operation": line(name, 40), "ms": ms}
        for name, index, one in found
        if (ms := getattr(one, share)) is not None
    ]
    if len({value["at"] for value in values}) < 2:
        return None
    colours = {line(name, 40): SERIES[number] for number, name in enumerate(most)}
    drawing = (
        _chart(values)
        .mark_line(strokeWidth=1.75)
        .encode(
            x=alt.X("at:Q", title="seconds since the load began", axis=alt.Axis(grid=False)),
            y=alt.Y("ms:Q", axis=alt.Axis(labelExpr=MS_LABEL, tickCount=5), title=share),
            color=_colours("operation", colours, columns=3),
        )
        .properties(width=WIDTH - 80, height=200)
    )
    rows = [
        [name, f"{index * step:g} s", f"{one.count:,}", duration(one.p50), duration(one.p95)]
        for name, index, one in found
    ]
    head = ["Operation", "From", "Requests", "p50", "p95"]
    caption = f"The {'95th percentile' if share == 'p95' else 'median'} of each {step:g} s, answered well."
    return _made("Latency over time", caption, "over-time", drawing, head, rows)


def messages(digest: Digest) -> Chart | None:
    if not digest.sessions:
        return None
    values: list[dict[str, object]] = [
        {"what": name, "number": digest.messages[name], "kind": "wrong" if name in WRONGS else "right"}
        for name in MESSAGES
    ]
    place = {
        "x": alt.X("number:Q", scale=alt.Scale(type="symlog"), axis=None),
        "y": alt.Y("what:N", sort=None, title=None),
    }
    colour = _colours("kind", {"right": GOOD, "wrong": BAD}).legend(None)
    bars = _chart(values).mark_bar(size=12).encode(**place, color=colour)
    labels = _chart(values).mark_text(align="left", dx=5).encode(**place, text=alt.Text("number:Q", format=",d"))
    drawing = alt.layer(bars, labels).properties(width=WIDTH - 220, height=alt.Step(ROW))
    rows = [[name, f"{digest.messages[name]:,}"] for name in MESSAGES]
    caption = f"Of {digest.sessions:,} sessions: what was said, beside what was kept. Long bars are shortened."
    return _made("Messages", caption, "messages", drawing, ["Messages", "Count"], rows)


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


def _chart(values: Iterable[dict[str, object]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(values)))


def _colours(name: str, colours: dict[str, str], columns: int = 0) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{name}:N", scale=scale, legend=alt.Legend(columns=columns))


def _made(
    title: str, caption: str, name: str, drawing: object, head: Sequence[str], rows: Sequence[Sequence[str]]
) -> Chart:
    return Chart(title, caption, draw(drawing, name, f"{title}. The table below holds the numbers."), head, rows)
