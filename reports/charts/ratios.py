"""Two targets beside each other: each operation's ratio with its interval, and the limit; then what only informs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.charts.chart import Chart, chart
from reports.charts.dots import Dot, dots
from reports.charts.drawing import BAD, GOOD, INFO, WARN
from reports.digest import Digest
from reports.wording import duration, line, percent, points
from seatrial.ratios import Ratio
from seatrial.records import Run

KINDS = {"pass": GOOD, "inconclusive": WARN, "fail": BAD}
INFORMS = {"informs": INFO}


def charts(run: Run, digest: Digest) -> Iterator[Chart]:
    if digest.compared:
        yield _judged(digest, "sessions" if run.command == "load" else "pairs")
    if failed := [one for one in digest.ratios if one.measure == "failed"]:
        yield _failed(failed)
    if informing := [one for one in digest.ratios if one.ratio is not None and not one.verdict]:
        yield _informing(informing)
    if without := [one for one in digest.ratios if one.ratio is None and one.why]:
        rows = [[line(one.operation, 80), line(one.measure, 30), _verdict(one), line(one.why, 200)] for one in without]
        caption = "Asked too seldom for a judgement. Where that leaves the question open, it says so."
        yield Chart("not-judged", "Not compared", caption, "", (), ["Operation", "Measure", "Judged", "Why"], rows)


def _judged(digest: Digest, units: str) -> Chart:
    """`units` are what was drawn again for the intervals."""
    rows, found = list[list[str]](), list[Dot]()
    for one, span in digest.compared:
        wanted = f"{one.wanted:,}" if one.wanted else "–"
        rows.append([line(one.operation, 80), _ms(one.a), _ms(one.b), f"{span.ratio:.3f}", between(one),
                     f"{span.limit:.3f}", f"{one.pairs:,}", wanted, line(one.verdict, 30)])  # fmt: skip
        said = f"{line(one.operation, 60)}: {span.ratio:.3f}, between {between(one)}, {line(one.verdict, 30)}"
        if min(span) > 0:
            found.append((line(one.operation, 60), span.ratio, span.low, span.high, line(one.verdict, 30), said))
    limits = {span.limit for _, span in digest.compared}
    drawn = {name for name, *_ in found}
    own = [(name, span.limit) for one, span in digest.compared if (name := line(one.operation, 60)) in drawn]
    lines = {"same": 1.0} | ({"limit": next(iter(limits))} if len(limits) == 1 else {})
    ticks = own if len(limits) > 1 else []
    spec = dots(found, KINDS, "time on B / time on A", lines, limits=ticks) if found else None
    caption = f"Right of 1, B is slower. A line through a dot holds the ratios that the {units} do not rule out."
    caption += " The tick in each row is its limit." if ticks and spec else ""
    head = ["Operation", "p95 on A", "p95 on B", "Ratio", "Ratio interval", "Limit", "Pairs", "Pairs wanted", "Judged"]
    return chart("ratio-intervals", "Ratios with their intervals", caption, spec, KINDS, head, rows)


def _failed(found: Sequence[Ratio]) -> Chart:
    limits = [f"{points(one.limit, '+g')} more" if one.limit else "–" for one in found]
    rows = [
        ["all requests", percent(one.a, 1), percent(one.b, 1), more(one), limit, f"{one.pairs:,}", _verdict(one)]
        for one, limit in zip(found, limits, strict=True)
    ]
    caption = "Shares of the requests, and by how much more of them may fail in B. This is judged, too."
    head = ["Operation", "Failed on A", "Failed on B", "Difference", "Limit", "Pairs", "Judged"]
    return Chart("failed-requests", "Requests that failed", caption, "", (), head, rows)


def _informing(found: Sequence[Ratio]) -> Chart:
    rows = [
        [measure(one), _ms(one.a), _ms(one.b), f"{one.ratio:.3f}", between(one), f"{one.pairs:,}"]
        for one in found
    ]  # fmt: skip
    drawn: list[Dot] = []
    for one in found:
        if one.ratio and one.low and one.high and min(one.ratio, one.low, one.high) > 0:
            said = f"{measure(one)}: {one.ratio:.3f}, between {between(one)}"
            drawn.append((measure(one), one.ratio, one.low, one.high, "informs", said))
    spec = dots(drawn, INFORMS, "time on B / time on A", {"same": 1.0}) if drawn else None
    caption = "The usual time of each operation, and until a reply begins. These are not judged."
    head = ["Measure", "Median on A", "Median on B", "Ratio", "Ratio interval", "Pairs"]
    return chart("what-informs", "What informs", caption, spec, INFORMS if spec else {}, head, rows)


def measure(one: Ratio) -> str:
    """Such as "getHistory p50"; of the first token there is one over all."""
    return line(f"{one.operation} {one.measure}".strip(), 60)


def between(one: Ratio) -> str:
    return f"{one.low:.3f} – {one.high:.3f}" if one.low is not None and one.high is not None else "–"


def more(one: Ratio) -> str:
    """By how much more, or less, of its requests B fails."""
    return points(one.b - one.a, "+.2f")


def _verdict(one: Ratio) -> str:
    return line(one.verdict, 30) or "not judged"


def _ms(ms: float) -> str:
    return duration(ms) if ms else "–"
