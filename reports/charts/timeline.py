"""A session as it went: its requests one after the other, each as long as it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.charts.chart import Chart, Values, chart, coloured, exact, layers, marks, named, quantity, room, tip
from reports.charts.drawing import BAD, C2, GOOD, LINE, WIDTH
from reports.digest import Digest
from reports.wording import counted, duration, line
from seatrial.records import Run
from seatrial.samples import Sample

MOST = 40
"""Requests of one session that are drawn."""

BAND = 22
KINDS = {"answered well": GOOD, "failed": BAD}


def charts(_: Run, digest: Digest) -> Iterator[Chart]:
    for kind, acts in digest.load.life():
        yield _life(kind, acts, digest.load.tokens.get(acts[0].session, []))


def _life(kind: str, acts: Sequence[Sample], tokens: Sequence[float]) -> Chart:
    acts = sorted(acts, key=lambda act: act.at)
    begun, name = acts[0].at, line(acts[0].session, 40)
    firsts = []
    ended = max(act.at + act.ms / 1000 for act in acts)
    values: list[Values] = []
    rows = []
    for number, act in enumerate(acts):
        start, end = act.at - begun, act.at - begun + act.ms / 1000
        rows.append([act.operation, f"{start:.2f} s", duration(act.ms), str(act.status or "no answer"),
                     line(act.error, 100) or "–"])  # fmt: skip
        came = next((at - begun for at in tokens if act.at <= at <= act.at + act.ms / 1000 + 0.001), None)
        if came is not None:
            firsts.append({"at": came, "y": BAND * number + 2, "y2": BAND * (number + 1) - 2,
                           "tip": tip(2, f"first token after {duration((came - start) * 1000)}")})  # fmt: skip
        said = f"{named(act.operation)}: after {start:.2f} s, {duration(act.ms)}, {act.status or 'no answer'}"
        place = {"y": BAND * number + 4, "y2": BAND * (number + 1) - 4, "at": start, "to": end}
        what = "answered well" if act.ok else "failed"
        values.append(place | {"kind": what, "tip": tip(int(not act.ok), said), "took": duration(act.ms),
                               "name": named(act.operation), "middle": BAND * (number + 0.5)})  # fmt: skip
    shown = values[:MOST]
    left = int(room(value["name"] for value in shown))
    x = quantity("at", "seconds since the session began", axis={"tickCount": 8}, domain=[0, max(ended - begun, 0.001)])
    plain = [{key: text for key, text in value.items() if key != "tip"} for value in shown]
    # Requests much shorter than the session still have to be seen: the stroke gives them a pixel and a half.
    bars = marks(
        "rect", shown, {"x": x, "x2": {"field": "to"}, "y": exact("y"), "y2": {"field": "y2"},
                        "color": coloured("kind", KINDS), "stroke": coloured("kind", KINDS)}, strokeWidth=1.5,
    )  # fmt: skip
    middle = {"y": exact("middle")}
    lines = marks("rule", plain, middle | {"x": {"value": 0}, "x2": {"value": WIDTH - 100 - left}}, color=LINE)
    labels = marks("text", plain, middle | {"x": {"value": -10}, "text": {"field": "name"}}, align="right")
    took = marks("text", plain, middle | {"x": x | {"field": "to"}, "text": {"field": "took"}}, align="left", dx=6)
    ticks = marks("rule", firsts[:MOST], {"x": x, "y": exact("y"), "y2": {"field": "y2"}}, color=C2, strokeWidth=2.5)
    spec = layers(
        lines, bars, *([ticks] if firsts else []), labels, took, width=WIDTH - 100 - left, height=BAND * len(shown),
        padding={"left": left + 4, "right": 72, "top": 4, "bottom": 4},
    )  # fmt: skip
    more = f" The first {MOST} of {counted(len(acts), 'request')} are drawn." if len(acts) > MOST else ""
    caption = f"{counted(len(acts), 'request')} in {ended - begun:.1f} s; between them the person thinks.{more}"
    head = ["Operation", "Sent after", "Took", "Status", "Error"]
    id_ = "life-" + kind.rpartition(" ")[2]
    return chart(id_, f"A session {kind} ({name})" if kind[:2] == "of" else f"The slowest session ({name})",
                 caption, spec, KINDS | ({"first token": C2} if firsts else {}), head, rows)  # fmt: skip
