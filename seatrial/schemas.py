"""The second validator: bodies held to the contract's schemas by jsonschema, independent of schemathesis."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from seatrial.reading import shown

MOST_ROWS = 1_000
"""Rows of one list that are checked: of a longer one its first and last, since checking all would take minutes."""

MOST_FAULTS = 50
"""Different places of one answer that are told; the same field of many rows is one place."""

MOST_PLACE = 300
"""Characters of the name of a place."""

_URN = "urn:seatrial:contract"
_INDEX = re.compile(r"\[\d+\]")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which an answer departs from the contract. `where` is a JSON path, or "status" and the like."""

    kind: str
    where: str
    expected: str
    received: str


def place_of(where: str) -> str:
    """What names the place of a finding, the same in every run and for every row of a list: without ids and numbers.

    Waivers, known defects and baselines find it again by this name, whichever suite met it.
    """
    return _UUID.sub("*", _INDEX.sub("[*]", where[:MOST_PLACE]))


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
            yield from islice(_schema_faults(self._validators[key], _sampled(body)), MOST_FAULTS)
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


def _sampled(value: Any) -> Any:
    """The value with the middle of every long list or object left out."""
    if isinstance(value, list):
        kept = value if len(value) <= MOST_ROWS else value[: MOST_ROWS // 2] + value[-MOST_ROWS // 2 :]
        return [_sampled(item) for item in kept]
    if isinstance(value, dict):
        names = list(value)
        if len(names) > MOST_ROWS:
            names = names[: MOST_ROWS // 2] + names[-MOST_ROWS // 2 :]
        return {name: _sampled(value[name]) for name in names}
    return value


def _schema_faults(validator: Any, body: Any) -> Iterator[Fault]:
    told: set[tuple[str, str, str]] = set()
    for error in validator.iter_errors(body):
        for leaf in _leaves(error):
            for fault in _faults(leaf):
                place = _INDEX.sub("[*]", fault.where), fault.expected, leaf.validator
                if place not in told:
                    told.add(place)
                    yield fault


def _faults(leaf: Any) -> Iterator[Fault]:
    if leaf.validator != "required":
        yield Fault("body", leaf.json_path, f"{leaf.validator}: {_short(leaf.validator_value)}", _short(leaf.instance))
        return
    for name in leaf.validator_value:
        if name not in leaf.instance and leaf.message.startswith(repr(name)):
            yield Fault("body", f"{leaf.json_path}.{name}", "this field", "nothing")


def _leaves(error: Any) -> Iterator[Any]:
    """The most telling errors under a failed anyOf or oneOf: those that reach deepest."""
    if not error.context:
        yield error
        return
    best = jsonschema.exceptions.best_match([error])
    yield best if best is not None else error


def _short(value: Any) -> str:
    return shown(value, 160)
