"""Contract drift between two runs: what their answers have that the others' have not.

    for row in drift(folder_a, folder_b):
        row.operation, row.change, row.sentence

Answers are compared per operation and status, requests chosen by hand with the same ones of the other run. What a run
saw too rarely to tell, or what the contract leaves open, is no drift: two runs against one release come to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from seatrial.records import Run, RunFolder
from seatrial.release import Release
from seatrial.shapes import BODY, Shape

ENOUGH = 5
"""How often something would have had to come, going by the other run, for its absence to say something."""

Change = Literal["came", "went", "type", "nullable", "optional"]
Thing = Literal["operation", "status", "media type", "field"]
Key = tuple[int, str, str]


@dataclass(frozen=True)
class Drift:
    """One difference. `where` is the JSON path of a field; `before` and `after` are types, or a status' media types.

    `since` is the release between the two that brought it, `until` the last one that had it, as far as the contract
    says. `always`: every answer that has the place around it has it.
    """

    operation: str
    thing: Thing
    change: Change
    status: int = 0
    where: str = ""
    before: str = ""
    after: str = ""
    since: str = ""
    until: str = ""
    always: bool = True


class Side:
    """The shapes of one run."""

    def __init__(self, folder: RunFolder, run: Run) -> None:
        self.release = Release.parse(run.target_version)
        self.operations: dict[str, Shape] = {}
        self.chosen: dict[str, Answers] = {}
        self.generated: dict[str, Answers] = {}
        for row in folder.rows("shapes.jsonl", Shape):
            if not row.status:
                self.operations[row.operation] = row
                continue
            layer = self.generated if row.generated else self.chosen
            layer.setdefault(row.operation, Answers()).rows[row.status, row.media, row.where] = row


class Answers:
    """The rows of one operation."""

    def __init__(self) -> None:
        self.rows: dict[Key, Shape] = {}

    @cached_property
    def media(self) -> dict[int, list[str]]:
        """By status."""
        found: dict[int, list[str]] = {}
        for status, media, where in sorted(self.rows):
            if where == BODY:
                found.setdefault(status, []).append(media)
        return found

    @cached_property
    def _looked(self) -> dict[Key, int]:
        """How often the inside of an object was looked at, by the place of the object."""
        found: dict[Key, int] = {}
        for (status, media, where), row in self.rows.items():
            if is_field(where):
                found[status, media, where.rpartition(".")[0]] = row.looked
        return found

    def at(self, key: Key) -> Shape | None:
        """What was seen there; a row of nothing where the object around it was seen without it. None: not looked."""
        if key in self.rows:
            return self.rows[key]
        status, media, where = key
        looked = self._looked.get((status, media, where.rpartition(".")[0]), 0) if is_field(where) else 0
        return Shape("", status, media, where, (), 0, looked, described=False) if looked else None


def drift(a: RunFolder, b: RunFolder) -> list[Drift]:
    """By operation, and in it by status and place."""
    before, after = Side(a, a.load()), Side(b, b.load())
    return [row for name in sorted({*before.operations, *after.operations}) for row in _of(name, before, after)]


def not_compared(a: RunFolder, b: RunFolder) -> list[str]:
    """Operations that both runs know and did not ask in the same way, or that only one of them asked."""
    first, second = Side(a, a.load()), Side(b, b.load())
    compared = (first.chosen.keys() & second.chosen.keys()) | (first.generated.keys() & second.generated.keys())
    both = first.operations.keys() & second.operations.keys()
    return sorted(name for name in both - compared if first.operations[name].present or second.operations[name].present)


def _of(name: str, before: Side, after: Side) -> Iterator[Drift]:
    old, new = before.operations.get(name), after.operations.get(name)
    if old is None or new is None:
        if (only := old or new) is not None:
            yield _dated(Drift(name, "operation", "went" if old else "came"), only, before, after)
        return
    told: set[tuple[int, str]] = set()
    if name in before.chosen and name in after.chosen:
        for row in _chosen(name, before, after):
            told.add((row.status, row.where))
            yield row
    if name in before.generated and name in after.generated:
        for row in _fields(name, before, after, generated=True):
            if (row.status, row.where) not in told:
                yield row


def _chosen(name: str, before: Side, after: Side) -> Iterator[Drift]:
    old, new = before.chosen[name], after.chosen[name]
    for status in sorted({*old.media, *new.media}):
        if status not in old.media or status not in new.media:
            answers = new if status in new.media else old
            row = Drift(name, "status", "came" if answers is new else "went", status)
            yield _dated(row, answers.rows[status, answers.media[status][0], BODY], before, after)
        elif old.media[status] != new.media[status]:
            kinds = [", ".join(kind or "no content" for kind in side.media[status]) for side in (old, new)]
            yield Drift(name, "media type", "type", status, before=kinds[0], after=kinds[1])
    yield from _fields(name, before, after, generated=False)


def _fields(name: str, before: Side, after: Side, *, generated: bool) -> Iterator[Drift]:
    old, new = (side.generated[name] if generated else side.chosen[name] for side in (before, after))
    for key in sorted({*old.rows, *new.rows}, key=lambda key: (key[0], key[1], key[2].count("."), key[2])):
        first, second = old.at(key), new.at(key)
        # Entries of a list or a map come and go with what somebody keeps there; their types and fields do not.
        if first is None or second is None:
            continue
        here = second if second.present else first
        # What generated requests put in differs from run to run; what is always there, or never, was not put in.
        if generated and here.described and not (first.required or second.required):
            continue
        change = _presence(first, second, generated=generated) if is_field(key[2]) else None
        change = change or (None if generated else _kind(first, second))
        if change is not None:
            row = Drift(name, "field", change, key[0], key[2], types(first), types(second))
            row = replace(row, always=here.present == here.looked)
            yield _dated(row, here, before, after) if change in ("came", "went") else row


def _presence(old: Shape, new: Shape, *, generated: bool) -> Change | None:
    """Whether a field came, went, or is no longer always there."""
    if bool(old.present) != bool(new.present):
        here, there = (new, old) if new.present else (old, new)
        always = here.present == here.looked
        awaited = here.present / here.looked * there.looked
        if always or (awaited >= ENOUGH and not generated):
            return "came" if new.present else "went"
        return None
    if old.present == old.looked and 0 < new.present < new.looked and not generated:
        # What the contract calls optional is left out whenever there is nothing to say.
        open_to_it = old.described and not old.required
        awaited = (new.looked - new.present) / new.looked * old.looked
        return "optional" if not open_to_it and (old.required or awaited >= ENOUGH) else None
    return None


def _kind(old: Shape, new: Shape) -> Change | None:
    """Whether a value changed its type, or may now be null."""
    if not (old.present and new.present) or (old.described and not old.allowed):
        return None
    often = min(old.present, new.present) >= ENOUGH
    if not (old.types and new.types):  # null throughout, on one side
        return "type" if often and bool(old.types) != bool(new.types) and not (old.nulls and new.nulls) else None
    before, after = _widened(old), _widened(new)
    if not before & after:
        return "type"
    if after - before and not after <= set(old.allowed) and (old.allowed or often):
        return "type"
    if new.nulls and not old.nulls and "null" not in old.allowed:
        return "nullable" if old.allowed or new.nulls / new.present * old.present >= ENOUGH else None
    return None


def _widened(shape: Shape) -> set[str]:
    """The types seen; a whole number is a number, unless the contract asks for whole ones."""
    whole = "integer" in shape.allowed and "number" not in shape.allowed
    return {"number" if kind == "integer" and not whole else kind for kind in shape.types}


def is_field(where: str) -> bool:
    """Whether it is a field of an object, and not a whole body or the entries of a list or a map."""
    return "." in where and not where.endswith(("[*]", ".{*}"))


WORDS: Mapping[str, str] = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "array": "list", "object": "object",
}  # fmt: skip


def types(shape: Shape) -> str:
    """In words: "text or null"; nothing for what was never there."""
    words = [WORDS.get(kind, kind) for kind in shape.types] + (["null"] if shape.nulls else [])
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _dated(row: Drift, shape: Shape, before: Side, after: Side) -> Drift:
    """With the release that brought it and the last that had it, where the contract names one between the two."""
    if before.release is None or after.release is None:
        return row
    low, high = sorted((before.release, after.release))
    since, until = Release.parse(shape.since), Release.parse(shape.until)
    return replace(
        row,
        since=shape.since if since is not None and low < since <= high else "",
        until=shape.until if until is not None and low <= until < high else "",
    )
