"""JSON as a browser would take it, from somebody who may mean harm: bounded in size and depth, nothing but JSON."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import Any, NoReturn

MAX_VALUES = 250_000
"""Some 50 MB of memory, of which several answers at once need as much; a chat of thousands of messages has a tenth."""

MAX_DEPTH = 100
"""Deeper than anybody means, and far from where comparing, showing and checking the values would fail."""


def parse(text: bytes | str) -> Any:
    """The values of a JSON text. Raises `ValueError`, and nothing else, for one that cannot be used.

    What Python reads and JSON does not know (NaN, Infinity, UTF-16, lone bytes) is refused.
    """
    if isinstance(text, bytes):
        try:
            text = text.removeprefix(BOM_UTF8).decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    opened = text.count("[") + text.count("{")
    if opened + text.count(",") > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES:,} values")
    try:
        document = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} deep") from None
    if opened > MAX_DEPTH:
        _bounded(document)
    return document


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
"""Kept: `json.loads` makes one for each text."""


def _bounded(document: Any) -> None:
    """Level by level: what is nested may be deeper than Python can follow by calling itself."""
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise ValueError(f"nested more than {MAX_DEPTH} deep")
