"""A contract's file: read as YAML with line numbers, and checked to be OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seatrial.errors import ContractError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Located:
    """A document, and the line in the file of any place in it."""

    document: Mapping[str, Any]
    root: yaml.Node

    def line(self, path: Sequence[str | int]) -> int:
        """The line (from 1) of the deepest part of `path` that exists."""
        node = self.root
        line = node.start_mark.line
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line
        return line + 1


def read(path: Path) -> Located:
    """Raises `ContractError` for a file that is missing, is not YAML, or is not valid OpenAPI 3.1."""
    source = str(path)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ContractError(source, None, f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ContractError(source, None, f"is not UTF-8 text (byte {error.start})") from None
    try:
        root = yaml.compose(text, Loader=_Loader)
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ContractError(
            source, mark.line + 1 if mark else None, getattr(error, "problem", "") or "is no YAML"
        ) from None
    if not isinstance(document, dict) or root is None:
        raise ContractError(source, 1, "is no OpenAPI document")
    located = Located(document, root)
    if not str(document.get("openapi", "")).startswith("3.1"):
        raise ContractError(source, located.line(("openapi",)), "must be OpenAPI 3.1")
    _check(located, source)
    return located


def _check(located: Located, source: str) -> None:
    # Imported here: it takes half a second, and only a contract of one's own needs the opinion each time.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    try:
        error = next(iter(OpenAPIV31SpecValidator(located.document).iter_errors()), None)
    except Exception as failure:  # noqa: BLE001 - an unresolvable $ref surfaces as any of several exceptions
        raise ContractError(source, None, f"is not valid OpenAPI: {_first_line(failure)}") from None
    if error is not None:
        place = tuple(getattr(error, "absolute_path", ()) or ())
        raise ContractError(
            source, located.line(place), f"{'.'.join(map(str, place)) or 'document'}: {_first_line(error)}"
        )


def _first_line(error: Exception) -> str:
    return (getattr(error, "message", None) or str(error) or type(error).__name__).splitlines()[0][:200]


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
