"""What a target's answers look like: per operation and status the fields, their types, how often they are there.

    shapes = Shapes(contract)
    shapes.hear(call, reply)
    shapes.rows("openwebui")         # -> Shape, one for each place of an answer

Shapes hold no value of an answer: places, types and counts only. Two runs against the same release have to come to
the same shapes whatever they sent, so what is in an answer because somebody put it there is left out: the inside of
what the contract leaves free, and fields that came back as they were sent. `reports.drift` compares two runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from seatrial.contract import Contract, Operation
from seatrial.described import Described, json_type
from seatrial.exchange import NO_BODY, Call, Reply, Unexpected

OPERATION = ""
"""Where the row of an operation as a whole stands; its status is 0."""

BODY = "$"
ENTRIES = 200
"""Entries of one list that are looked at."""

DEPTH = 50
"""How deep into a request is looked."""

NAMES = 60
"""Fields without a description that one place may have; what has more is a map, and its keys are data."""

PLACES = 2_000
"""Places of the answers of one operation and status; a target that thinks of new names each time gets no more."""

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,39}")
_DATA = re.compile(r"(?=[^\d]*\d)[0-9a-fA-F-]{8,}|.*\d{6,}.*")


@dataclass(frozen=True)
class Shape:
    """One place of the answers of an operation with one status and media type, and what was seen there.

    `where` is a JSON path: entries of a list are `[*]`, keys that are data `{*}`, the whole body `$`. It was there
    `present` times of the `looked` times that the object around it was; `nulls` of those it was null, and `types` are
    what it was otherwise. `generated`: seen in answers to made-up requests, which differ from run to run.

    The rest is what the contract says of the place: whether it describes it (`described`), demands it (`required`),
    of which types (`allowed`, empty for any), and since and until which release. The row with status 0 stands for the
    operation itself, answered `present` times.
    """

    operation: str
    status: int
    media: str
    where: str
    types: tuple[str, ...]
    present: int
    looked: int
    nulls: int = 0
    generated: bool = False
    described: bool = True
    required: bool = False
    allowed: tuple[str, ...] = ()
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        """Rows that are read again bring lists."""
        for name in ("types", "allowed"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


@dataclass
class Place:
    """What was seen of one place, so far."""

    described: Described | None
    required: bool = False
    types: Counter[str] = field(default_factory=Counter)


@dataclass
class Answers:
    """The answers of one operation, status and media type."""

    count: int = 0
    places: dict[str, Place] = field(default_factory=dict)
    objects: Counter[str] = field(default_factory=Counter)


class Shapes:
    """Folds answers into shapes as they come."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._answers: dict[tuple[str, int, str, bool], Answers] = {}
        self._sent: set[tuple[str, str]] = set()
        self._described: dict[tuple[str, int, str], Described | None] = {}

    def hear(self, call: Call, reply: Reply, *, generated: bool = False) -> None:
        """Learn from one answer. Of refusals of generated requests only the status and media type count."""
        if call.json is not NO_BODY:
            self._sent.update(_steps(call.json))
        operation = self._contract.operations.get(call.operation)
        if operation is None or reply.cut:
            return
        answers = self._answers.setdefault((call.operation, reply.status, reply.media_type, generated), Answers())
        answers.count += 1
        if not reply.is_json:
            return
        try:
            body = reply.document()
        except Unexpected:
            return
        described = self._description(operation, reply) if not generated or reply.status < 300 else None
        _Walk(answers, self._sent).see(BODY, body, described)

    def _description(self, operation: Operation, reply: Reply) -> Described | None:
        key = operation.id, reply.status, reply.media_type
        if key not in self._described:
            response = operation.responses.get(str(reply.status)) or operation.responses.get("default") or {}
            content = (response.get("content") or {}).get(reply.media_type)
            schema = None if content is None else content.get("schema")
            self._described[key] = None if content is None else Described.of(self._contract.document, schema)
        return self._described[key]

    def rows(self, api: str) -> Iterator[Shape]:
        """One row for each operation of the API, asked or not, and one for each place of its answers."""
        told: Counter[str] = Counter()
        for (name, *_), answers in self._answers.items():
            told[name] += answers.count
        for operation in sorted(self._contract.of(api), key=lambda operation: operation.id):
            since, until = _marks(operation.raw)
            count = told[operation.id]
            yield Shape(operation.id, 0, "", OPERATION, (), count, count, since=since, until=until)
            for key in sorted(self._answers):
                if key[0] == operation.id:
                    yield from _places(operation, key[1:], self._answers[key])


class _Walk:
    """One answer on its way into what was seen before it."""

    def __init__(self, answers: Answers, sent: set[tuple[str, str]]) -> None:
        self._answers, self._sent = answers, sent

    def see(self, where: str, value: Any, described: Described | None, *, required: bool = False) -> None:
        if where not in self._answers.places and len(self._answers.places) >= PLACES:
            return
        place = self._answers.places.setdefault(where, Place(described, required))
        place.types[json_type(value)] += 1
        if described is None:
            return
        if isinstance(value, list) and described.entries is not None:
            for entry in value[:ENTRIES]:
                self.see(f"{where}[*]", entry, described.entries)
        if isinstance(value, dict) and not described.is_free:
            self._fields(where, value, described)

    def _fields(self, where: str, value: dict[str, Any], described: Described) -> None:
        self._answers.objects[where] += 1
        for name, inner in described.fields.items():
            path, required = f"{where}.{name}", name in described.required
            self._answers.places.setdefault(path, Place(inner, required))
            if name in value:
                self.see(path, value[name], inner, required=required)
        unknown = [name for name in value if name not in described.fields]
        for name in unknown:
            if described.values is not None:
                self.see(f"{where}.{{*}}", value[name], described.values)
            elif _is_data(name) or len(unknown) > NAMES:
                self.see(f"{where}.{{*}}", value[name], None)
            elif (_last(where), name) not in self._sent:
                self.see(f"{where}.{name}", value[name], None)


def _places(operation: Operation, key: tuple[int, str, bool], answers: Answers) -> Iterator[Shape]:
    status, media, generated = key
    response = operation.responses.get(str(status), {})
    since, until = (of_it or of_all for of_it, of_all in zip(_marks(response), _marks(operation.raw), strict=True))
    documented = str(status) in operation.responses
    for where, place in sorted({BODY: Place(None), **answers.places}.items()):
        counts = dict(place.types)
        nulls = counts.pop("null", 0)
        present = nulls + sum(counts.values())
        said = place.described
        yield Shape(
            operation=operation.id,
            status=status,
            media=media,
            where=where,
            types=tuple(sorted(counts)),
            present=answers.count if where == BODY else present,
            looked=answers.count if where == BODY else answers.objects.get(_outer(where), present),
            nulls=nulls,
            generated=generated,
            described=documented if where == BODY else said is not None,
            required=place.required,
            allowed=said.types if said else (),
            since=since if where == BODY else said.since if said else "",
            until=until if where == BODY else said.until if said else "",
        )


def _marks(node: Any) -> tuple[str, str]:
    return str(node.get("x-since") or ""), str(node.get("x-until") or "")


def _outer(where: str) -> str:
    """The object around a field; nothing for the entries of a list or a map, which are there or are not."""
    outer, dot, name = where.rpartition(".")
    return outer if dot and name != "{*}" and not where.endswith("[*]") else "none"


def _last(where: str) -> str:
    """The last step of a path, as `_steps` names it."""
    return where.rpartition(".")[2]


def _steps(value: Any, around: str = BODY, deep: int = 0) -> Iterator[tuple[str, str]]:
    """Each field of what was sent, behind the step before it: what comes back there was sent there."""
    if deep > DEPTH:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            step = "{*}" if _is_data(name) else name
            yield around, step
            yield from _steps(inner, step, deep + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _steps(inner, f"{around}[*]", deep + 1)


def _is_data(name: str) -> bool:
    """Whether a key is somebody's data and not the name of a field: an id, an address, a number, a text."""
    return not _NAME.fullmatch(name) or bool(_DATA.fullmatch(name))
