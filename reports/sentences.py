"""Drift in sentences: short, plain, for somebody who runs the deployment for others."""

from __future__ import annotations

from reports.drift import Drift
from reports.wording import line


def sentence(row: Drift) -> str:
    """What changed, to be read behind the operation's name: "the answer has a field `active` (...), new in 0.11.4"."""
    told = {"operation": _operation, "status": _status, "media type": _media, "field": _field}[row.thing]
    return told(row)


def _operation(row: Drift) -> str:
    if row.change == "came":
        return "the operation is new" + (f" in {row.since}" if row.since else "")
    return "the operation is gone" + _history(row)


def _status(row: Drift) -> str:
    if row.change == "came":
        return f"it now also answers {row.status}" + (f", new in {row.since}" if row.since else "")
    return f"it no longer answers {row.status}{_history(row)}"


def _media(row: Drift) -> str:
    return f"{_answer(row)} comes as {line(row.after, 120)}; it was {line(row.before, 120)}"


def _field(row: Drift) -> str:
    whose, name = _place(row)
    field = f"the field `{name}` of {whose}" if name else whose
    if row.change == "came":
        kind = f" ({row.after})" if row.after else ""
        has = "has" if row.always else "may have"
        if row.since:
            return f"{whose} {has} a field `{name}`{kind}, new in {row.since}"
        return f"{whose} {has} a new field `{name}`{kind}"
    if row.change == "went":
        return f"{whose} no longer has the field `{name}`" + (f" ({row.before})" if row.before else "") + _history(row)
    if row.change == "type":
        return f"{field} changed from {row.before} to {row.after}"
    if row.change == "nullable":
        return f"{field} ({row.before}) may now be null"
    return f"{field} ({row.before}) may now be missing"


def _answer(row: Drift) -> str:
    """An answer that is no success is told by its status."""
    return "the answer" if row.status < 300 else f"the answer {row.status}"


def _history(row: Drift) -> str:
    """When the releases between the two brought or lost it, for what is not there any more."""
    if row.until:
        return f"; {row.until} was the last release that had it"
    return f"; it came with {row.since}" if row.since else ""


def _place(row: Drift) -> tuple[str, str]:
    """Whose field, and its name: `$.data[*].id` is the field `id` of "each entry of `data`"."""
    cut = max(row.where.rfind("[*]"), row.where.rfind(".{*}"))
    if cut < 0:
        return _answer(row), line(row.where.removeprefix("$").removeprefix("."), 120)
    mark = "[*]" if row.where.startswith("[*]", cut) else ".{*}"
    outer = row.where[:cut].removeprefix("$").removeprefix(".")
    of = f" of `{line(outer, 120)}`" if outer else ""
    whose = f"each entry{of}" + ("" if row.status < 300 else f" in {_answer(row)}")
    return whose, line(row.where[cut + len(mark) :].removeprefix("."), 120)
