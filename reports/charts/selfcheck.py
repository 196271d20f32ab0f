"""The load process beside a server of known timing, and how late it woke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reports.charts.chart import Chart, chart, coloured, layers, marks, quantity, seconds, stacked, tip
from reports.charts.drawing import C1, C2, C3, C4, LINE
from reports.digest import Digest
from reports.measured import Measured
from reports.wording import duration, percent
from seatrial.measuring import nearest
from seatrial.records import Run
from seatrial.samples import Pulse

WHEN = {"before": C1, "during": C2, "after": C3}
LATE = "woke late by, at the worst"


def charts(_: Run, digest: Digest) -> Iterator[Chart]:
    load = digest.load
    if load.known:
        yield _known(load)
    if load.pulses:
        yield _pulses(load)
    if load.arrivals:
        yield _arrivals(load)


def _known(load: Measured) -> Chart:
    rows, values = [], []
    order = list(WHEN)
    for when in WHEN:
        found = [one for one in load.known if one.when == when]
        if not found:
            continue
        firsts, gaps = [abs(one.first) for one in found], [abs(gap) for one in found for gap in one.gaps]
        rows.append([when, f"{len(found):,}", *_at(firsts, 0.95), *_at(gaps, 0.99)])
        values += [
            {"at": one.at, "wrong": one.first, "when": when,
             "tip": tip(order.index(when), f"{when} the load, at {one.at:.1f} s: wrong by {one.first:.1f} ms")}
            for one in found[:2000]
        ]  # fmt: skip
    ends = [one.at for one in load.known]
    x = quantity("at", "seconds since the load began", axis={"grid": False, "tickCount": 8}, nice=False,
                 domain=[min(0.0, *ends), max(load.seconds, *ends) + 0.5])  # fmt: skip
    y = quantity("wrong", "wrong by, in ms", axis={"minExtent": 48})
    spec = layers(
        marks("rule", [{"wrong": 0}], {"y": y}, color=LINE, strokeWidth=1.5),
        marks("point", values, {"x": x, "y": y, "color": coloured("when", WHEN)}, filled=True, size=36, opacity=0.8),
        height=150,
    )
    head = ["When", "Streams", "First token wrong by", "Gaps wrong by"]
    caption = (
        "Each dot is a first token that was known: what was measured, less what was true. The table has p95 and p99."
    )
    return chart("known-streams", "Known streams", caption, spec, WHEN, head, rows)


def _pulses(load: Measured) -> Chart:
    kinds = {LATE: C1, "share of a core": C4}
    values = [
        {"at": one.at, "late": one.latest, "kind": LATE, "tip": tip(0, f"at {one.at:.0f} s: {one.latest:.1f} ms late")}
        for one in _thinned(load.pulses)
    ]
    shares = [
        {"at": one.at, "cpu": one.cpu, "kind": "share of a core",
         "tip": tip(1, f"at {one.at:.0f} s: {one.cpu:.0%} of a core")}
        for one in _thinned(load.pulses)
    ]  # fmt: skip
    until = max(load.seconds, *(one.at for one in load.pulses))
    x, color = seconds("at", until), coloured("kind", kinds)
    y = quantity("late", "late by, in ms", axis={"minExtent": 48})
    z = quantity("cpu", "of a core", axis={"minExtent": 48, "format": ".0%", "tickCount": 3})
    looks = {"filled": True, "size": 22, "opacity": 0.9}
    upper = layers(marks("point", values, {"x": x, "y": y, "color": color}, **looks), height=120)
    spec = stacked(upper, layers(marks("point", shares, {"x": x, "y": z, "color": color}, **looks), height=70))
    latest, usual = [one.latest for one in load.pulses], [one.late for one in load.pulses]
    cpu = sorted(one.cpu for one in load.pulses)
    rows = [
        ["median of each second", *_at(usual, 0.5, 0.95), duration(max(usual))],
        ["worst of each second", *_at(latest, 0.5, 0.95), duration(max(latest))],
        ["share of a core", *(percent(nearest(cpu, share), 1) for share in (0.5, 0.95)), percent(cpu[-1], 1)],
    ]
    head = ["What", "p50", "p95", "Longest"]
    caption = "How late the load process woke, and how much of a processor core it used, second by second."
    return chart("lateness", "The load process", caption, spec, kinds, head, rows)


def _arrivals(load: Measured) -> Chart:
    late = [one.late for one in load.arrivals if one.started]
    started = [one for one in load.arrivals if one.started]
    rows = [[f"{len(load.arrivals):,}", f"{len(started):,}", *(_at(late, 0.95) if late else ["–"])]]
    head = ["Sessions due", "Started", "Began late by"]
    return Chart("arrivals", "Arrivals", "Of an open loop: sessions start when they are due.", "", (), head, rows)


def _at(values: Iterable[float], *quantiles: float) -> list[str]:
    ordered = sorted(values)
    return [duration(nearest(ordered, quantile)) for quantile in quantiles] if ordered else ["–" for _ in quantiles]


def _thinned(rows: Sequence[Pulse], most: int = 600) -> Sequence[Pulse]:
    """Evenly chosen: more points than pixels show nothing more."""
    return rows[:: max(1, -(-len(rows) // most))]
