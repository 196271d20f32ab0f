"""Draws an altair chart as SVG for inside the page: no browser, no network, no colour of its own.

Colours are the page's CSS variables, so that one drawing reads in light, in dark and on paper. The same
chart gives the same text.
"""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import vl_convert

WIDTH = 880
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
}
TEXT, SOFT, LINE, GOOD, DIM, WARN, BAD, INFO, *SERIES = INK
"""Stand-ins in the drawing for the colours of the page; nothing else may use them."""

FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"


def colour(ink: str) -> str:
    """What the page calls a colour of a drawing, for a legend outside it."""
    return f"var({INK[ink]})"


def draw(chart: Any, name: str, label: str) -> str:
    """The SVG, or "" where it cannot be drawn: a report without a drawing beats none. `name` is unique on its page."""
    try:
        spec = chart.configure(**_config()).to_dict()
        version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
        svg: str = vl_convert.vegalite_to_svg(spec, vl_version=version)
    except Exception:  # noqa: BLE001 - altair and vl-convert document no errors; the numbers stand in the table
        return ""
    return _inline(svg, name, label)


def _inline(svg: str, name: str, label: str) -> str:
    for ink, variable in INK.items():
        svg = svg.replace(f'"{ink}"', f'"var({variable})"')
    # Vega numbers its clips over the life of the process: renumbered, or two renderings differ.
    numbers: dict[str, str] = {}
    for old in re.findall(r'id="([^"]+)"', svg):
        numbers.setdefault(old, f"{name}-{len(numbers)}")
    svg = re.sub(r'id="([^"]+)"', lambda match: f'id="{numbers[match[1]]}"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{numbers.get(match[1], match[1])})", svg)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    svg = re.sub(r' (class|aria-[a-z]+|role|pointer-events)="[^"]*"', "", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _config() -> dict[str, Any]:
    plain = {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    return {
        "aria": False,
        "background": "transparent",
        "font": FONT,
        "padding": 4,
        "view": {"stroke": None},
        "axis": plain
        | {"gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "labelLimit": 260, "labelPadding": 5},
        "text": {"color": TEXT, "fontSize": 12},
    }
