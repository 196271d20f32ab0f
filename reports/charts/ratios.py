"""Two targets beside each other: each operation's ratio with its interval, and the limit."""

from __future__ import annotations

from collections.abc import Iterator

from reports.charts.chart import Chart, chart
from reports.charts.dots import dots
from reports.charts.drawing import BAD, GOOD, WARN
from reports.digest import Digest
from reports.wording import duration, line
from seatrial.records import Run

KINDS = {"pass": GOOD, "inconclusive": WARN, "fail": BAD}


def charts(_: Run, digest: Digest) -> Iterator[Chart]:
    if not digest.compared:
        return
    rows, found = [], []
    for one, span in digest.compared:
        interval = f"{span.low:.3f} – {span.high:.3f}"
        times = [duration(one.a) if one.a else "–", duration(one.b) if one.b else "–"]
        wanted = f"{one.wanted:,}" if one.wanted else "–"
        rows.append([line(one.operation, 80), *times, f"{span.ratio:.3f}", interval, f"{span.limit:g}",
                     f"{one.pairs:,}", wanted, line(one.verdict, 30)])  # fmt: skip
        said = f"{line(one.operation, 60)}: {span.ratio:.3f}, between {interval}, {line(one.verdict, 30)}"
        if min(span) > 0:
            found.append((line(one.operation, 60), span.ratio, span.low, span.high, line(one.verdict, 30), said))
    limits = {span.limit for _, span in digest.compared}
    lines = {"same": 1.0} | ({"limit": next(iter(limits))} if len(limits) == 1 else {})
    spec = dots(found, KINDS, "time on B / time on A", lines) if found else None
    caption = "Right of 1, B is slower. A line through a dot holds the ratios that the pairs do not rule out."
    head = ["Operation", "p95 on A", "p95 on B", "Ratio", "Ratio interval", "Limit", "Pairs", "Pairs wanted", "Verdict"]
    yield chart("ratio-intervals", "Ratios with their intervals", caption, spec, KINDS, head, rows)
