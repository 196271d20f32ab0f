"""A record out of what JSON holds of it: a dataclass, whose fields say of which types their values may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints


def made(kind: Any, document: dict[str, Any]) -> Any:
    """The record of these fields. Raises `TypeError` for one that is missing, unknown, or of another type."""
    record, wanted = kind(**document), _wanted(kind)
    for name, value in document.items():
        types, inside = wanted[name]
        fits = isinstance(value, types)
        if fits and inside and value:
            held = value.values() if isinstance(value, dict) else value
            fits = all(isinstance(one, inside) for one in held)
        if not fits:
            raise TypeError(f"{name} is {value!r:.40}")
    return record


@cache
def _wanted(kind: type) -> dict[str, tuple[tuple[type, ...], tuple[type, ...]]]:
    """Of each field the types that its value may have as JSON has them, and those of what is in a list or an object."""
    hints = get_type_hints(kind)
    return {name: (_types(hint), _types(_inner(hint))) for name, hint in hints.items()}


def _types(hint: Any) -> tuple[type, ...]:
    """None at all, where anything will do: there is nothing inside to look at."""
    origin = get_origin(hint) or hint
    if origin is UnionType:
        return tuple(one for part in get_args(hint) for one in _types(part))
    if origin is Literal:
        return tuple({type(one) for one in get_args(hint)})
    usual: dict[Any, tuple[type, ...]] = {
        None: (), Any: (object,), float: (int, float), tuple: (list,), Sequence: (list,), Mapping: (dict,),
        NoneType: (NoneType,),
    }  # fmt: skip
    return usual.get(origin, (origin,))


def _inner(hint: Any) -> Any:
    """What a list or an object holds; None where the value is neither."""
    told = [one for one in get_args(hint) if one is not Ellipsis]
    return told[-1] if get_origin(hint) in (list, dict, tuple, Sequence, Mapping) and told else None
