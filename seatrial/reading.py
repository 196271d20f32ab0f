"""Reading an answer: take what a verb needs from it, or say exactly what was expected where."""

from __future__ import annotations

import reprlib
from typing import Any

from seatrial.exchange import Reply, Unexpected

LONGEST_ID = 500
"""Characters of an id that goes into an address."""

_brief = reprlib.Repr()
_brief.maxlevel, _brief.maxlist, _brief.maxdict, _brief.maxstring, _brief.maxother = 6, 12, 12, 200, 200


def success(reply: Reply, *statuses: int) -> Any:
    """The JSON of a successful answer. Raises `Unexpected` for another status, HTML, or no JSON."""
    wanted = statuses or (200,)
    if reply.status not in wanted:
        raise Unexpected(reply, " or ".join(map(str, wanted)))
    if reply.cut:
        raise Unexpected(reply, "a complete answer", f"a body cut short ({reply.cut})", "body")
    return reply.document()


def member(reply: Reply, document: Any, name: str, kind: type | tuple[type, ...], where: str = "$") -> Any:
    """`document[name]`, which must be there and of the kind given."""
    place = f"{where}.{name}"
    if not isinstance(document, dict) or name not in document:
        raise Unexpected(reply, f"{place}", "nothing there", place)
    value = document[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = kind.__name__ if isinstance(kind, type) else " or ".join(k.__name__ for k in kind)
        raise Unexpected(reply, f"{place} as {names}", shown(value), place)
    return value


def held(document: Any, name: str) -> Any:
    """What an object has under a name, None where it has nothing there or the document is no object."""
    return document.get(name) if isinstance(document, dict) else None


def identifier(reply: Reply, document: Any, where: str = "$", name: str = "id") -> str:
    """`document["id"]`, which must be able to stand in a path: `deleteChat` with an empty one means all chats."""
    value: str = member(reply, document, name, str, where)
    if not names_one(value):
        raise Unexpected(reply, f"{where}.{name} that can stand in a path", shown(value), f"{where}.{name}")
    return value


def names_one(value: object) -> bool:
    """Whether a value is an id: a text of a reasonable length that is neither empty nor dots, which clients resolve
    away, and holds nothing that no address can (half a character).
    """
    if not isinstance(value, str) or value.strip(".") == "" or len(value) > LONGEST_ID:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def items(reply: Reply, value: Any, where: str = "$") -> list[Any]:
    if not isinstance(value, list):
        raise Unexpected(reply, f"{where} as a list", shown(value), where)
    return value


def identifiers(reply: Reply) -> list[str]:
    """The ids of a list of things, which is the whole answer."""
    return [identifier(reply, row, f"$[{i}]") for i, row in enumerate(items(reply, success(reply)))]


def number(value: Any) -> float | None:
    """A time as the API gives it, None where it gives none or something else."""
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    except OverflowError:  # JSON's numbers have no largest one
        return None


def shown(value: Any, length: int = 120) -> str:
    """A value as a line of an error; of a long or deep one, as much as fits."""
    text = _brief.repr(value)
    return text if len(text) <= length else text[:length] + "…"
