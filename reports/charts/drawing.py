"""Draws Vega-Lite's JSON as SVG for inside the page: no browser, no network, no colour of its own.

Colours are the page's CSS variables, so that one drawing reads in light, in dark and on paper. The same chart gives
the same text: it is measured with a font that vl-convert brings along, and shown in the reader's. What a mark says
when it is pointed at is kept as `data-tip`, and the number of its series as `data-series`; the page's script shows it.
"""

from __future__ import annotations

import re
from typing import Any

WIDTH = 880
VERSION = "6.1"
TIP = "\u241f"
"""Between the number of a series and the words of a mark, in its description."""

INK = {
    "#000001": "--ink",
    "#000002": "--soft",
    "#000003": "--line",
    "#000004": "--good",
    "#000005": "--dim",
    "#000006": "--warn",
    "#000007": "--bad",
    "#000008": "--info",
    "#000009": "--c1",
    "#00000a": "--c2",
    "#00000b": "--c3",
    "#00000c": "--c4",
    "#00000d": "--c5",
    "#00000e": "--c6",
    "#00000f": "--paper",
}
TEXT, SOFT, LINE, GOOD, DIM, WARN, BAD, INFO, C1, C2, C3, C4, C5, C6, PAPER = INK
"""Stand-ins in the drawing for the colours of the page; nothing else may use them."""

SERIES = (C1, C2, C3, C4, C5, C6)
MEASURED_WITH = "Liberation Sans"


def colour(ink: str) -> str:
    """What the page calls a colour of a drawing, for a legend outside it."""
    return f"var({INK[ink]})"


def draw(spec: dict[str, Any], name: str, label: str) -> str:
    """The SVG, or "" where it cannot be drawn: a report without a drawing beats none. `name` is unique on its page."""
    import vl_convert  # it takes half a second, which a run without a chart is spared

    try:
        svg: str = vl_convert.vegalite_to_svg(spec | {"config": _CONFIG}, vl_version=VERSION)
    except Exception:  # noqa: BLE001 - vl-convert documents no errors; the numbers stand in the table
        return ""
    return _inline(svg, name, label)


def _inline(svg: str, name: str, label: str) -> str:
    for ink, variable in INK.items():
        svg = svg.replace(f'"{ink}"', f'"var({variable})"')
    # Vega numbers its clips over the life of the process: renumbered, or two renderings differ.
    numbers: dict[str, str] = {}
    for old in re.findall(r' id="([^"]+)"', svg):
        numbers.setdefault(old, f"{name}-{len(numbers)}")
    svg = re.sub(r' id="([^"]+)"', lambda match: f' id="{numbers[match[1]]}"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{numbers.get(match[1], match[1])})", svg)
    svg = re.sub(rf' aria-label="(\d*){TIP}([^"]*)"', _told, svg)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r' (class|aria-[a-z]+|role|pointer-events|font-family)="[^"]*"', "", svg)
    svg = re.sub(r' (?:opacity|stroke-width)="1"| font-size="12px"', "", svg)
    svg = re.sub(
        r' (d|transform|x2|y2|width|height)="[^"]*\.\d[^"]*"',
        lambda match: re.sub(r"\d+\.\d{2,}", _short, match[0]),
        svg,
    )
    svg = re.sub(r' width="([\d.]+)" height="[\d.]+"', _sized, svg, count=1)
    label = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _told(match: re.Match[str]) -> str:
    series = f' data-series="{match[1]}"' if match[1] else ""
    return series + (f' data-tip="{match[2]}"' if match[2] else "")


def _sized(match: re.Match[str]) -> str:
    """As wide as the page is to a drawing of full width, and never too small to read: then it is scrolled."""
    wide = float(match[1])
    return f' style="width:{min(100, 100 * wide / WIDTH):.0f}%;min-width:{0.72 * wide:.0f}px"'


def _short(match: re.Match[str]) -> str:
    return f"{float(match[0]):.1f}".removesuffix(".0")


_PLAIN = {
    "labelColor": SOFT,
    "titleColor": SOFT,
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
}
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": MEASURED_WITH,
    "padding": 4,
    "view": {"stroke": None},
    "axis": _PLAIN | {"gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "labelLimit": 270, "labelPadding": 6},
    "text": {"color": TEXT, "fontSize": 12},
}
