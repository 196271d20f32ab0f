"""Values with their intervals, one row for each, on a logarithmic axis of ratios, beside what they may not pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.charts.chart import ROW, Spec, Values, coloured, layers, marks, named, names, quantity, room, tip
from reports.charts.drawing import SOFT, WIDTH

Dot = tuple[str, float, float, float, str, str]
"""Name, value, low, high, kind, and what is said of it."""

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)


def dots(
    found: Sequence[Dot],
    kinds: Mapping[str, str],
    title: str,
    lines: Mapping[str, float],
    *,
    limits: Sequence[tuple[str, float]] = (),
    percent: bool = False,
) -> Spec:
    """`lines` go through all rows; `limits` are what each row alone may not pass, by its name."""
    order = list(kinds)
    values: list[Values] = [
        {"name": named(name), "value": value, "low": low, "high": high, "kind": kind,
         "tip": tip(order.index(kind) if kind in order else None, said)}
        for name, value, low, high, kind, said in found
    ]  # fmt: skip
    ends = [end for _, value, low, high, *_ in found for end in (value, low, high)] + list(lines.values())
    ends += [limit for _, limit in limits]
    least, most = max(1e-4, min(ends) * 0.93), max(ends) * 1.07
    within = [tick for tick in TICKS if least <= tick <= most]
    shown = [tick for tick in within if most / least < 8 or str(tick).strip("0.") in ("1", "5", "2")]
    width = WIDTH - 40 - int(room(value["name"] for value in values))
    label = {"labelExpr": "format(datum.value, '.0%')" if percent else "format(datum.value, '~r')"}
    x = quantity("value", title, axis={"values": shown} | label, type="log", domain=[least, most], nice=False)
    place = {"y": names("name", values), "color": coloured("kind", kinds)}
    at = [{"value": value, "name": name} for name, value in lines.items()]
    own = [{"name": named(name), "value": value} for name, value in limits]
    plain = [{key: text for key, text in value.items() if key != "tip"} for value in values]
    return layers(
        marks("rule", at, {"x": x}, strokeDash=[4, 3], color=SOFT, strokeWidth=1.5),
        marks("text", at, {"x": x, "y": {"value": -8}, "text": {"field": "name"}}, color=SOFT),
        *([marks("tick", own, {"y": place["y"], "x": x}, color=SOFT, thickness=2, size=20)] if own else []),
        marks("rule", plain, place | {"x": x | {"field": "low"}, "x2": {"field": "high"}}, strokeWidth=3),
        marks("point", values, place | {"x": x}, filled=True, size=90, opacity=1),
        width=width, height=(ROW + 4) * len({value["name"] for value in values}),
        padding={"top": 22, "left": 4, "right": 16, "bottom": 4},
    )  # fmt: skip
