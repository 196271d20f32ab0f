"""What of the contract was seen: operations by status."""

from __future__ import annotations

from collections.abc import Iterator

from reports.charts.chart import ROWS_SHOWN, Chart, Values, chart, coloured, layers, marks, named, names, room, tip
from reports.charts.drawing import BAD, DIM, GOOD, PAPER, WARN, WIDTH
from reports.digest import Coverage, Digest
from reports.wording import counted, line
from seatrial.records import Run

KINDS = {"seen": GOOD, "documented, not seen": DIM, "undocumented": WARN}
HEIGHT = 24


def charts(_: Run, digest: Digest) -> Iterator[Chart]:
    if not digest.coverage:
        return
    failing = {group.finding.operation for group in digest.groups if group.finding.fails}
    rows = [_row(entry) for entry in digest.coverage]
    values = [cell for entry in digest.coverage[:ROWS_SHOWN] for cell in _cells(entry)]
    statuses = sorted({value["status"] for value in values})
    width = min(WIDTH - 20 - int(room(value["operation"] for value in values)), 62 * len(statuses))
    place = {
        "x": {
            "field": "status", "type": "ordinal", "sort": statuses, "title": None,
            "axis": {"orient": "top", "labelAngle": 0, "domain": False, "ticks": False},
            "scale": {"paddingInner": 0.06},
        },
        "y": names("operation", values) | {"scale": {"paddingInner": 0.12}},
    }  # fmt: skip
    cells = marks("rect", values, place | {"color": coloured("kind", KINDS)}, cornerRadius=3)
    words = [value for value in values if value["said"]]
    plain = [{name: text for name, text in value.items() if name != "tip"} for value in words]
    told = marks("text", plain, place | {"text": {"field": "said"}}, color=PAPER, fontSize=11)
    drawn = dict.fromkeys(entry.operation for entry in digest.coverage[:ROWS_SHOWN])
    bad = [{"operation": named(name)} for name in drawn if name in failing]
    flag = marks("text", bad, {"y": place["y"], "x": {"value": width + 6}, "text": {"value": "✗ fails"}},
                 align="left", color=BAD, fontSize=11)  # fmt: skip
    height = HEIGHT * len({value["operation"] for value in values})
    spec = layers(cells, told, *([flag] if bad else []), width=width, height=height)
    documented = sum(len(entry.seen) + len(entry.unseen) for entry in digest.coverage)
    came = sum(len(entry.seen) for entry in digest.coverage)
    caption = (
        f"{came:,} of {counted(documented, 'documented status', 'documented statuses')} came, in "
        f"{counted(len(digest.coverage), 'operation')}. Each field tells how often."
    )
    head = ["Operation", "Seen", "Documented, not seen", "Undocumented"]
    yield chart("coverage-map", "Statuses by operation", caption, spec, KINDS, head, rows)


def _cells(entry: Coverage) -> Iterator[Values]:
    for number, (kind, part) in enumerate(zip(KINDS, (entry.seen, entry.unseen, entry.undocumented), strict=True)):
        for seen in part:
            said = f"{seen.count:,}" if seen.count < 10_000 else f"{seen.count / 1000:,.0f}k"
            why = f": {line(seen.reason, 200)}" if seen.reason else ""
            times = f", {counted(seen.count, 'time')}" if seen.count else ""
            yield {
                "operation": named(entry.operation), "status": str(seen.status), "kind": kind,
                "said": said if seen.count else "",
                "tip": tip(number, f"{named(entry.operation)} {seen.status}: {kind}{times}{why}"),
            }  # fmt: skip


def _row(entry: Coverage) -> list[str]:
    missing = (f"{row.status} ({line(row.reason, 160)})" if row.reason else str(row.status) for row in entry.unseen)
    return [
        entry.operation,
        "; ".join(f"{row.status} × {row.count:,}" for row in entry.seen) or "–",
        "; ".join(missing) or "–",
        "; ".join(f"{row.status} × {row.count:,}" for row in entry.undocumented) or "–",
    ]
