"""Reading an answer: take what a verb needs from it, or say exactly what was expected where."""

from __future__ import annotations

from typing import Any

from seatrial.exchange import Reply, Unexpected


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
        raise Unexpected(reply, f"{place} as {names}", repr(value)[:120], place)
    return value


def identifier(reply: Reply, document: Any, where: str = "$") -> str:
    """`document["id"]`, which must be able to stand in a path: `deleteChat` with an empty one means all chats."""
    value: str = member(reply, document, "id", str, where)
    if not names_one(value):
        raise Unexpected(reply, f"{where}.id that can stand in a path", repr(value), f"{where}.id")
    return value


def names_one(value: object) -> bool:
    """Whether a value is an id: a text that is neither empty nor dots, which clients resolve away."""
    return isinstance(value, str) and value.strip(".") != ""


def items(reply: Reply, value: Any, where: str = "$") -> list[Any]:
    if not isinstance(value, list):
        raise Unexpected(reply, f"{where} as a list", repr(value)[:120], where)
    return value


def number(value: Any) -> float | None:
    """A time as the API gives it, None where it gives none or something else."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
