"""The second validator: bodies held to the contract's schemas by jsonschema, independent of schemathesis."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_URN = "urn:seatrial:contract"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which an answer departs from the contract. `where` is a JSON path, or "status" and the like."""

    kind: str
    where: str
    expected: str
    received: str


class Schemas:
    """The schemas of one document, each compiled when it is first asked for."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        resource: Any = Resource.from_contents(document, default_specification=DRAFT202012)
        empty: Any = Registry()
        self._registry = empty.with_resource(_URN, resource)
        self._validators: dict[Hashable, Any] = {}

    def faults(self, key: Hashable, schema: Any, body: Any) -> Iterator[Fault]:
        """Where a body departs from a schema of the document; `key` stands for the schema from then on."""
        if key not in self._validators:
            rooted = _rooted(schema)
            self._validators[key] = jsonschema.Draft202012Validator(rooted, registry=self._registry)
        try:
            yield from _schema_faults(self._validators[key], body)
        except RecursionError:
            yield Fault("body", "$", "JSON of a reasonable depth", "JSON nested too deep to check")


def _rooted(schema: Any) -> Any:
    """The schema with its references pointing into the whole document."""
    if isinstance(schema, dict):
        return {
            key: _URN + value if key == "$ref" and isinstance(value, str) and value.startswith("#") else _rooted(value)
            for key, value in schema.items()
        }
    return [_rooted(item) for item in schema] if isinstance(schema, list) else schema


def _schema_faults(validator: Any, body: Any) -> Iterator[Fault]:
    for error in validator.iter_errors(body):
        for leaf in _leaves(error):
            expected = f"{leaf.validator}: {_short(leaf.validator_value)}"
            if leaf.validator == "required":
                missing = [name for name in leaf.validator_value if name not in leaf.instance]
                for name in missing:
                    if leaf.message.startswith(repr(name)):
                        yield Fault("body", f"{leaf.json_path}.{name}", "this field", "nothing")
            else:
                yield Fault("body", leaf.json_path, expected, _short(leaf.instance))


def _leaves(error: Any) -> Iterator[Any]:
    """The most telling errors under a failed anyOf or oneOf: those that reach deepest."""
    if not error.context:
        yield error
        return
    best = jsonschema.exceptions.best_match([error])
    yield best if best is not None else error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 160 else text[:160] + "…"
