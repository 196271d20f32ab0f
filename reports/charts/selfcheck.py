"""The load processes beside a server of known timing, and how late they woke: each by itself, as it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import TypeVar

from reports.charts.chart import Chart, chart, coloured, layers, marks, quantity, seconds, stacked, tip
from reports.charts.drawing import C1, C2, C3, C4, LINE
from reports.digest import Digest
from reports.noted import Noted
from reports.wording import duration, line, percent
from seatrial.records import Run

WHEN = {"before": C1, "during": C2, "after": C3}
LATE = "woke late by, at the worst"
Row = TypeVar("Row")


def charts(_: Run, digest: Digest) -> Iterator[Chart]:
    length, noted = digest.load.seconds, {line(name, 60): one for name, one in digest.load.noted.items()}
    # A process that woke and was never checked is void for that: it stands in the table with nothing.
    if checked := {name: one for name, one in noted.items() if one.known or one.pulses}:
        yield _known(checked, length)
    if awake := {name: one for name, one in noted.items() if one.pulses}:
        yield _pulses(awake, length)
    if open_ := {name: one for name, one in noted.items() if one.arrivals}:
        yield _arrivals(open_)


def _known(noted: Mapping[str, Noted], length: float) -> Chart:
    found = sorted(
        ((name, one) for name, each in noted.items() for one in each.known if one.when in WHEN),
        key=lambda row: row[1].at,
    )
    order, several = list(WHEN), len(noted) > 1
    values = [
        {"at": one.at, "wrong": one.first, "when": one.when,
         "tip": tip(order.index(one.when), f"{one.when} the load, at {one.at:.1f} s: wrong by {one.first:.1f} ms"
                                           + (f", {name}" if several else ""))}
        for name, one in _thinned(found)
    ]  # fmt: skip
    ends = [one.at for _, one in found]
    x = quantity("at", "seconds since the load began", axis={"grid": False, "tickCount": 8}, nice=False,
                 domain=[min([0.0, *ends]), max([length, *ends]) + 0.5])  # fmt: skip
    y = quantity("wrong", "wrong by, in ms", axis={"minExtent": 48})
    spec = layers(
        marks("rule", [{"wrong": 0}], {"y": y}, color=LINE, strokeWidth=1.5),
        marks("point", values, {"x": x, "y": y, "color": coloured("when", WHEN)}, filled=True, size=36, opacity=0.8),
        height=150,
    )
    rows = [[name, f"{len(one.known):,}", duration(one.first), duration(one.gap)] for name, one in noted.items()]
    head = ["Process", "Streams", "First token wrong by", "Gaps wrong by"]
    caption = (
        "Each dot is a first token that was known: what was measured, less what was true. "
        "The table has what each process is judged by: p95 of its first tokens, p99 of its gaps."
    )
    return chart("known-streams", "Known streams", caption, spec if found else None, WHEN, head, rows)


def _pulses(noted: Mapping[str, Noted], length: float) -> Chart:
    kinds = {LATE: C1, "share of a core": C4}
    pulses = sorted((one for each in noted.values() for one in each.pulses), key=lambda one: one.at)
    values = [
        {"at": one.at, "late": one.latest, "kind": LATE, "tip": tip(0, f"at {one.at:.0f} s: {one.latest:.1f} ms late")}
        for one in _thinned(pulses)
    ]
    shares = [
        {"at": one.at, "cpu": one.cpu, "kind": "share of a core",
         "tip": tip(1, f"at {one.at:.0f} s: {one.cpu:.0%} of a core")}
        for one in _thinned(pulses)
    ]  # fmt: skip
    x, color = seconds("at", max([length, *(one.at for one in pulses)])), coloured("kind", kinds)
    y = quantity("late", "late by, in ms", axis={"minExtent": 48})
    z = quantity("cpu", "of a core", axis={"minExtent": 48, "format": ".0%", "tickCount": 3})
    looks = {"filled": True, "size": 22, "opacity": 0.9}
    upper = layers(marks("point", values, {"x": x, "y": y, "color": color}, **looks), height=120)
    spec = stacked(upper, layers(marks("point", shares, {"x": x, "y": z, "color": color}, **looks), height=70))
    rows = [
        [name, duration(one.woke), duration(max(pulse.latest for pulse in one.pulses)), percent(one.cpu or 0.0, 1)]
        for name, one in noted.items()
    ]
    head = ["Process", "Woke late by", "Longest", "Of a core"]
    caption = (
        "How late each second's worst wake-up was, and how much of a processor core was used. "
        "The table has what each process is judged by, p95 of its seconds, and the median of its core."
    )
    return chart("lateness", "The load process", caption, spec, kinds, head, rows)


def _arrivals(noted: Mapping[str, Noted]) -> Chart:
    rows = [
        [name, f"{len(one.arrivals):,}", percent(one.started or 0.0, 1), duration(began if isfinite(began) else None)]
        for name, one in noted.items()
        if (began := one.began) is not None
    ]
    head = ["Process", "Sessions due", "Started", "Began late by"]
    caption = "Of an open loop: sessions start when they are due. How late they began is p95."
    return Chart("arrivals", "Arrivals", caption, "", (), head, rows)


def _thinned(rows: Sequence[Row], most: int = 600) -> Sequence[Row]:
    """Evenly chosen: more points than pixels show nothing more."""
    return rows[:: max(1, -(-len(rows) // most))]
