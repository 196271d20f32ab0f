"""Levels of a search for a capacity: throughput and latency over load, and the knee between holding and failing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from reports.charts.chart import (
    Chart,
    Spec,
    Values,
    chart,
    coloured,
    layers,
    marks,
    milliseconds,
    quantity,
    stacked,
    tip,
)
from reports.charts.drawing import BAD, C1, C2, C4, DIM, GOOD, SOFT, WIDTH
from reports.digest import Digest
from reports.wording import counted, duration, line, percent
from seatrial.records import Run
from seatrial.samples import Tried

OUTCOMES = {"holds": GOOD, "fails": BAD, "void": DIM}
TIMES = {"turn p50": C1, "turn p95": C2, "first token p95": C4}
SHAPES = {"domain": list(OUTCOMES), "range": ["circle", "cross", "triangle-up"]}
WIDE = WIDTH - 110
_LIMIT = re.compile(r"(turn|ttft) (p50|p95) *<=? *(\d+(?:\.\d+)?) *(ms|s|m)")
_MS = {"ms": 1.0, "s": 1_000.0, "m": 60_000.0}


def charts(run: Run, digest: Digest) -> Iterator[Chart]:
    levels = sorted(digest.levels, key=lambda one: (one.level, one.number))
    if not levels:
        return
    knee = knee_of(run, levels)
    x = _users(levels, knee)
    outcomes = {kind: ink for kind, ink in OUTCOMES.items() if any(one.outcome == kind for one in levels)}
    untitled = x | {"title": None}
    upper = layers(*_knee(knee, untitled), *_throughput(levels, untitled, outcomes), width=WIDE, height=190)
    lower, times = _latency(run, levels, x)
    panels = [upper, layers(*_knee(knee, x), *lower, width=WIDE, height=220)] if lower else [upper]
    colours = outcomes | times
    spec = stacked(*panels)
    told = [_told(knee, levels), _limited(digest.limits_at(knee[1]))]
    caption = " ".join(filter(None, [f"{counted(len(levels), 'try', 'tries')} of levels of users.", *told]))
    columns = {name: cell for name, cell in COLUMNS.items() if name not in SPARSE or any(map(SPARSE[name], levels))}
    rows = [[cell(one) for cell in columns.values()] for one in levels]
    yield chart("capacity-levels", "Throughput and latency over load", caption, spec, colours, list(columns), rows)


def knee_of(run: Run, levels: Sequence[Tried]) -> tuple[int | None, int | None]:
    """The highest level that holds and the lowest that fails: as the search answered, or as far as was tried."""
    holds, fails = run.counts.get("holds"), run.counts.get("fails")
    if holds is None:
        failed = [one.level for one in levels if one.outcome == "fails"]
        held = [
            one.level for one in levels if one.outcome == "holds" and one.level < min(failed, default=one.level + 1)
        ]
        holds, fails = max(held, default=0), min(failed, default=0)
    return holds or None, fails or None


def _told(knee: tuple[int | None, int | None], levels: Sequence[Tried]) -> str:
    holds, fails = knee
    if holds and fails:
        return f"The knee, shaded, lies between {holds:,} users, which holds, and {fails:,}, which fails."
    if fails:
        return f"The lowest level that was tried, {fails:,}, fails."
    if holds and any(one.outcome == "fails" for one in levels):
        return f"{holds:,} users hold; higher levels failed in some tries and held in others, so the knee is not found."
    return f"Nothing failed up to {holds:,} users: the knee lies above." if holds else ""


def _limited(who: Sequence[str]) -> str:
    return f"There the {' or the '.join(who)} was the limit." if who else ""


def _outcome(one: Tried) -> str:
    return line(one.outcome, 20) + ("" if one.proved or one.outcome == "void" else ", close")


COLUMNS: dict[str, Callable[[Tried], str]] = {
    "Users": lambda one: f"{one.level:,}",
    "Outcome": _outcome,
    "Looks": lambda one: f"{one.looks}",
    "Sessions": lambda one: f"{one.sessions:,}",
    "Turns/s": lambda one: f"{one.turns:.2f}",
    "Requests/s": lambda one: f"{one.requests:.2f}",
    "Errors": lambda one: percent(one.errors, 1),
    "Turn p50": lambda one: duration(one.turn_p50),
    "Turn p95": lambda one: duration(one.turn_p95),
    "First token p95": lambda one: duration(one.first_p95),
    "Limited by": lambda one: line(one.limit, 20) or "–",
    "Why": lambda one: line(one.why, 320) or "–",
}
SPARSE: dict[str, Callable[[Tried], object]] = {
    "First token p95": lambda one: one.first_p95 is not None,
    "Limited by": lambda one: one.limit,
}
"""Columns that are left out where no level has anything to say in them."""


def _users(levels: Sequence[Tried], knee: tuple[int | None, int | None]) -> Spec:
    found = sorted({one.level for one in levels})
    least, most = found[0] / 1.25, found[-1] * 1.25
    # Levels double, so they stand evenly on a logarithmic axis; the labels of close ones would cover each other.
    shown: list[int] = []
    for level in [*(end for end in knee if end), *found]:
        if all(abs(level / other - 1) > 0.12 and abs(other / level - 1) > 0.12 for other in shown):
            shown.append(level)
    axis = {"values": sorted(shown), "grid": False, "format": "d", "labelOverlap": False}
    return quantity("level", "users", axis=axis, type="log", domain=[least, most], nice=False)


def _knee(knee: tuple[int | None, int | None], x: Spec) -> list[Spec]:
    holds, fails = knee
    if not holds or not fails:
        return []
    band = [{"level": holds, "to": fails, "tip": tip(None, f"the knee: holds {holds:,} users, fails at {fails:,}")}]
    middle = [{"level": (holds * fails) ** 0.5}]
    return [
        marks("rect", band, {"x": x, "x2": {"field": "to"}}, color=BAD, opacity=0.14),
        marks("text", middle, {"x": x, "y": {"value": 10}, "text": {"value": "knee"}}, color=SOFT),
    ]


def _throughput(levels: Sequence[Tried], x: Spec, outcomes: dict[str, str]) -> list[Spec]:
    order = list(outcomes)
    values: list[Values] = [
        {"level": one.level, "turns": one.turns, "outcome": one.outcome,
         "tip": tip(order.index(one.outcome) if one.outcome in order else None,
                    f"{counted(one.level, 'user')}: {line(one.outcome, 20)}, {one.turns:.3g} turns a second, "
                    f"{percent(one.errors, 1)} errors. {line(one.why, 160)}".strip())}
        for one in levels
    ]  # fmt: skip
    y = quantity("turns", "turns a second", axis={"minExtent": 56}, domainMin=0)
    path = [
        {"level": level, "turns": mean}
        for level, mean in _means([(one.level, one.turns) for one in levels if one.outcome != "void"])
    ]
    shape = {"field": "outcome", "type": "nominal", "scale": SHAPES, "legend": None}
    return [
        marks("line", path, {"x": x, "y": y}, color=SOFT, strokeWidth=1.5),
        marks("point", values, {"x": x, "y": y, "shape": shape, "color": coloured("outcome", outcomes)},
              filled=True, size=110, opacity=1),
    ]  # fmt: skip


def _latency(run: Run, levels: Sequence[Tried], x: Spec) -> tuple[list[Spec], dict[str, str]]:
    found = [
        (name, one, ms)
        for one in levels
        for name, ms in zip(TIMES, (one.turn_p50, one.turn_p95, one.first_p95), strict=True)
        if ms is not None and one.outcome != "void"
    ]
    if not found:
        return [], {}
    used = {name: TIMES[name] for name in TIMES if any(name == which for which, *_ in found)}
    limits = _limits(run)
    outcomes = len({one.outcome for one in levels if one.outcome in OUTCOMES})
    order = {name: outcomes + number for number, name in enumerate(used)}
    y = milliseconds("ms", [*(ms for *_, ms in found), *(ms for _, ms in limits)], minExtent=56)
    values = [
        {"level": one.level, "ms": max(0.1, ms), "name": name,
         "tip": tip(order[name], f"{counted(one.level, 'user')}: {name} {duration(ms)}")}
        for name, one, ms in found
    ]  # fmt: skip
    lines = [
        {"level": level, "ms": max(0.1, mean), "name": name, "tip": tip(order[name], "")}
        for name in used
        for level, mean in _means([(one.level, ms) for which, one, ms in found if which == name])
    ]
    place = {"x": x, "y": y, "color": coloured("name", used)}
    rules = [{"ms": ms, "said": said} for said, ms in limits]
    held = [
        marks("rule", rules, {"y": y}, strokeDash=[4, 3], color=SOFT, strokeWidth=1.5),
        marks("text", rules, {"y": y, "x": {"value": 4}, "text": {"field": "said"}}, align="left", dy=-8, color=SOFT),
    ]  # fmt: skip
    return [
        *(held if rules else []),
        marks("line", lines, place, strokeWidth=1.75),
        marks("point", values, place, filled=True, size=60, opacity=1),
    ], used


def _limits(run: Run) -> list[tuple[str, float]]:
    """Objectives about a time that is drawn."""
    given = run.settings.get("slo")
    texts = [str(one) for one in given] if isinstance(given, list) else []
    return [(text, float(match[3]) * _MS[match[4]]) for text in texts if (match := _LIMIT.fullmatch(text.strip()))]


def _means(pairs: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """The mean of each level, in their order."""
    by_level: dict[int, list[float]] = {}
    for level, value in pairs:
        by_level.setdefault(level, []).append(value)
    for level, values in sorted(by_level.items()):
        yield level, sum(values) / len(values)
