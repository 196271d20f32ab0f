"""What became of messages, and the sessions whose history differs."""

from __future__ import annotations

from collections.abc import Iterator

from reports.charts.chart import ROW, Chart, Values, chart, coloured, layers, marks, names, room, tip
from reports.charts.drawing import BAD, GOOD, WIDTH
from reports.digest import Digest
from reports.measured import MESSAGES
from reports.wording import line
from seatrial.records import Run
from seatrial.samples import HARMS

KINDS = {"as it should be": GOOD, "wrong": BAD}


def charts(_: Run, digest: Digest) -> Iterator[Chart]:
    load = digest.load
    if not load.sessions:
        return
    values: list[Values] = []
    for name in MESSAGES:
        number, wrong = load.messages[name], name in HARMS
        values.append({"what": name, "number": number, "kind": "wrong" if wrong else "as it should be",
                       "told": f"{number:,}", "tip": tip(int(wrong), f"{number:,} {name}")})  # fmt: skip
    width = WIDTH - 120 - int(room(MESSAGES))
    scale = {"type": "symlog"}
    place = {"x": {"field": "number", "type": "quantitative", "scale": scale, "axis": None}, "y": names("what", values)}
    plain = [{key: text for key, text in value.items() if key != "tip"} for value in values]
    spec = layers(
        marks("bar", values, place | {"color": coloured("kind", KINDS)}, size=14, cornerRadiusEnd=2),
        marks("text", plain, place | {"text": {"field": "told"}}, align="left", dx=6),
        width=width, height=ROW * len(values),
    )  # fmt: skip
    rows = [[name, f"{load.messages[name]:,}"] for name in MESSAGES]
    others = " Of the others only turns, acknowledged and refused are counted." if load.compared < load.sessions else ""
    caption = f"{load.told_compared}.{others} The axis is logarithmic: long bars are shortened."
    yield chart("message-counts", "What became of messages", caption, spec, KINDS, ["Messages", "Count"], rows)
    if load.wrong_sessions:
        head = ["Session", *(name[:1].upper() + name[1:] for name in HARMS), "Detail"]
        told = [
            [line(one.session, 60), *(f"{getattr(one, name):,}" for name in HARMS), line(one.detail, 200) or "–"]
            for one in load.wrong_sessions
        ]
        yield Chart("wrong-sessions", "Sessions whose history differs", "The first of them.", "", (), head, told)
