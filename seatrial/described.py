"""What the contract says of a value: its fields, entries and types, with references and alternatives followed.

    body = Described.of(document, schema)
    body.fields["chat"].types        # ("object",)
    body.is_free                     # nothing is said of what is inside

A value that may have one of several forms (`anyOf`) has the fields of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

Node = Mapping[str, Any]
TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def json_type(value: object) -> str:
    """JSON's name of a value's type; whole numbers are integers."""
    return TYPES.get(type(value), "null")


class Described:
    """One schema of a document. `nodes` are its alternatives, each without references."""

    def __init__(self, document: Node, nodes: list[Node], since: str = "", until: str = "") -> None:
        self._document, self._nodes = document, nodes
        self.since, self.until = since, until

    @classmethod
    def of(cls, document: Node, schema: object) -> Described:
        node = schema if isinstance(schema, dict) else {}
        since, until = str(node.get("x-since") or ""), str(node.get("x-until") or "")
        return cls(document, list(_alternatives(document, node)), since, until)

    @cached_property
    def fields(self) -> dict[str, Described]:
        """The fields that are named, by name."""
        named: dict[str, Described] = {}
        for node in self._nodes:
            for name, schema in (node.get("properties") or {}).items():
                named.setdefault(name, Described.of(self._document, schema))
        return named

    @cached_property
    def required(self) -> frozenset[str]:
        """Fields that every form of the object has."""
        objects = [node for node in self._nodes if "object" in (_types(node) or {"object"})]
        forms = [frozenset(node.get("required") or ()) for node in objects]
        return frozenset.intersection(*forms) if forms else frozenset()

    @cached_property
    def entries(self) -> Described | None:
        """A list's entries, None where nothing is said of them."""
        return self._inside("items")

    @cached_property
    def values(self) -> Described | None:
        """The values of a map whose keys are data, None where the object is no such map."""
        return self._inside("additionalProperties")

    @cached_property
    def types(self) -> tuple[str, ...]:
        """JSON's names of the types it may have; empty for any."""
        found = [_types(node) for node in self._nodes]
        return tuple(sorted(set().union(*found))) if all(found) else ()

    @property
    def is_free(self) -> bool:
        """Whether an object may hold whatever somebody put in: no field is named, nor what its values are."""
        return not self.fields and self.values is None

    def _inside(self, key: str) -> Described | None:
        inner = [node[key] for node in self._nodes if isinstance(node.get(key), dict)]
        return Described.of(self._document, inner[0] if len(inner) == 1 else {"anyOf": inner}) if inner else None


def _alternatives(document: Node, node: Node) -> Iterator[Node]:
    """The forms that a schema allows, references followed, what `allOf` demands together put together."""
    node = followed(document, node)
    for keyword in ("anyOf", "oneOf"):
        if keyword in node:
            for choice in node[keyword]:
                yield from _alternatives(document, choice)
            return
    if "allOf" not in node:
        yield node
        return
    merged: dict[str, Any] = {key: value for key, value in node.items() if key != "allOf"}
    for part in node["allOf"]:
        for other in _alternatives(document, part):
            merged = {**other, **merged}
            merged["properties"] = {**(other.get("properties") or {}), **(merged.get("properties") or {})}
            merged["required"] = [*(other.get("required") or ()), *(merged.get("required") or ())]
    yield merged


def followed(document: Node, node: Node) -> Node:
    """The node without its `$ref` inside the document; keys beside it stay."""
    while "$ref" in node:
        target: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _types(node: Node) -> set[str]:
    """Empty for a node that says nothing of the type."""
    kind = node.get("type")
    if kind is not None:
        return {kind} if isinstance(kind, str) else set(kind)
    values = node["enum"] if "enum" in node else [node["const"]] if "const" in node else []
    named = {json_type(value) for value in values}
    return named or ({"object"} if "properties" in node else {"array"} if "items" in node else set())
