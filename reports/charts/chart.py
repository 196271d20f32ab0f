"""What every chart is made of: marks as Vega-Lite's JSON, axes, colours, and the table that says the same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.charts.drawing import TIP, WIDTH, colour, draw
from reports.definitions import defined
from reports.wording import line

Values = dict[str, Any]
Spec = dict[str, Any]

ROW = 26
ROWS_SHOWN = 60
"""Operations on one chart; more cannot be told apart. The tables have all."""

_NUMBER = re.compile(
    r"–|under 0\.1 %|over 99\.9 %|[-+]?[\d.,]+( (ms|s|min|%))?"
    r"( – [\d.]+| \([-\d., mins]+ – [-\d., mins]+\))?"
)
MS_LABEL = "datum.value < 1000 ? datum.value + ' ms' : datum.value / 1000 + ' s'"


@dataclass(frozen=True)
class Chart:
    """`svg` is "" where there is nothing to draw; `head` and `rows` say the same in a table.

    `legend` has pairs of a name and a CSS colour, in the order in which the marks number them.
    """

    id: str
    title: str
    caption: str
    svg: str
    legend: Sequence[tuple[str, str]]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers alone."""
        return [
            index > 0
            and all(_NUMBER.fullmatch(row[index]) for row in self.rows)
            and (defined(name) is not None or any(row[index] != "–" for row in self.rows))
            for index, name in enumerate(self.head)
        ]


def chart(
    id_: str,
    title: str,
    caption: str,
    spec: Spec | None,
    colours: Mapping[str, str],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Chart:
    svg = draw(spec, id_, f"{title}. {caption} The table below holds the numbers.") if spec else ""
    return Chart(id_, title, caption, svg, [(name, colour(ink)) for name, ink in colours.items()], head, rows)


def tip(series: int | None, text: str) -> str:
    """What is said of a mark when it is pointed at, behind the number of its series in the legend."""
    return f"{'' if series is None else series}{TIP}{text}"


def marks(mark: str, values: Iterable[Values], encoding: Spec, **looks: Any) -> Spec:
    """One layer. Values with a `tip` say it when they are pointed at."""
    rows = list(values)
    if rows and "tip" in rows[0]:
        encoding = encoding | {"description": {"field": "tip", "type": "nominal"}}
    return {"data": {"values": rows}, "mark": {"type": mark, **looks}, "encoding": encoding}


def layers(*specs: Spec, width: int = WIDTH - 80, height: int = 200, **more: Any) -> Spec:
    return {"layer": list(specs), "width": width, "height": height, **more}


def stacked(*panels: Spec) -> Spec:
    """One above the other, each with colours and shapes of its own."""
    return {
        "vconcat": list(panels),
        "spacing": 16,
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
    }


def coloured(field: str, colours: Mapping[str, str]) -> Spec:
    scale = {"domain": list(colours), "range": list(colours.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def exact(field: str) -> Spec:
    """A position or strength that is not to be scaled."""
    return {"field": field, "type": "quantitative", "scale": None}


def quantity(field: str, title: str | None = None, *, axis: Spec | None = None, **scale: Any) -> Spec:
    # With chosen values a count would thin them out.
    usual = {} if axis and "values" in axis else {"tickCount": 5, "labelOverlap": True}
    return {"field": field, "type": "quantitative", "title": title, "axis": usual | (axis or {}), "scale": scale}


def room(names: Iterable[str]) -> float:
    """Pixels for names at the left; by the letter, since the reader's font is not the one that is measured with."""
    return min(270.0, 20 + 6.6 * max(map(len, names), default=0))


def names(field: str, values: Sequence[Values], **axis: Any) -> Spec:
    """One row for each name, in their order."""
    extent = room(str(value[field]) for value in values)
    return {
        "field": field, "type": "nominal", "sort": None, "title": None,
        "axis": {"minExtent": extent, "maxExtent": extent, "domain": False, "ticks": False, **axis},
    }  # fmt: skip


def seconds(field: str, until: float) -> Spec:
    """Seconds since the load began."""
    axis = {"grid": False, "tickCount": 8}
    return quantity(field, "seconds since the load began", axis=axis, nice=False, domain=[0, max(until, 0.001)])


def milliseconds(field: str, found: Iterable[float], title: str | None = None, **axis: Any) -> Spec:
    """A logarithmic axis over all that was found, with round numbers that leave each other room."""
    found = [max(0.1, ms) for ms in found]
    low, high = min(found), max(found)
    decades = math.log10(high / low)
    round_numbers = (1, 2, 5) if decades < 1.7 else (1, 3) if decades < 3.2 else (1,)
    ticks = [number * 10.0**power for power in range(-1, 8) for number in round_numbers]
    below = max((t for t in ticks if t <= low), default=ticks[0])
    above = min((t for t in ticks if t >= high), default=ticks[-1])
    shown = [tick for tick in ticks if below <= tick <= above]
    return quantity(
        field, title, axis={"values": shown, "labelExpr": MS_LABEL, "labelOverlap": False, **axis}, type="log",
        domain=[below, max(above, below * 2)], nice=False,
    )  # fmt: skip


def named(operation: str) -> str:
    """A name as a chart has room for it."""
    return line(operation, 36)
