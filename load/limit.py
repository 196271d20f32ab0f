"""Who kept a load from an objective: the deployment, or the model behind it.

Of turns that were too slow, whoever took the larger part; of turns that failed, whoever failed first. What the load
process itself kept from it is no result at all (`validity`), so that it is never the answer here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from load.objectives import Held, Objective, shown
from load.overhead import OVERHEAD
from seatrial.records import RunFolder
from seatrial.samples import Joined, Judged
from seatrial.verbs import VERB_OPERATIONS

Who = Literal["server", "provider", ""]


class Limit(NamedTuple):
    """`who` is "" where nothing can be said; `said` is why, in words."""

    who: Who
    said: str


NOTHING = Limit("", "")


def limited(folder: RunFolder, api: str, held: Iterable[Held]) -> Iterator[Judged]:
    """The records of objectives, of each that was missed with who kept the load from it."""
    rows = list(folder.rows(OVERHEAD, Joined))
    for one in held:
        found = limit(one.objective, api, rows) if one.verdict == "missed" else NOTHING
        yield replace(one.record(), limited_by=found.who, limited_why=found.said if found.who else "")


def told_of(one: Judged) -> str:
    """Who was the limit of what was missed, in words."""
    return f"{one.objective!r} was missed, and the {one.limited_by} was the limit: {one.limited_why}"


def limit(objective: Objective, api: str, rows: Sequence[Joined]) -> Limit:
    """`rows` are the turns of the load beside what the provider recorded; without any, nothing is known."""
    if not any(row.calls for row in rows):
        return NOTHING
    turn = VERB_OPERATIONS.get(api, {}).get("send_message")
    subject, _, way = ("turn" if objective.subject == turn else objective.subject).partition(" ")
    rows = [row for row in rows if way in ("", row.way)]
    if objective.what == "errors":
        return _of_failures(rows) if subject in ("", "turn") else _unasked(subject)
    if objective.quantile is None:
        return Limit("server", "messages came to harm in it")
    return _of_times(objective, subject, rows) if subject in _MEASURES else _unasked(subject)


_MEASURES = {
    "turn": ("ms", "model_ms", "due"),
    "ttft": ("first", "model_first", "due_first"),
    "gap": ("stall", "model_stall", None),
    "stall": ("stall", "model_stall", None),
}


def _unasked(operation: str) -> Limit:
    return Limit("server", f"{operation} asks no model")


def _of_failures(rows: Sequence[Joined]) -> Limit:
    failed = [row for row in rows if row.ended != "done"]
    if not failed:
        return Limit("server", "the turns were answered, and other requests failed")
    by_model = sum(row.failed for row in failed)
    who: Who = "provider" if 2 * by_model >= len(failed) else "server"
    return Limit(who, f"of {len(failed)} turns that failed the provider had failed {by_model}")


def _of_times(objective: Objective, measure: str, rows: Sequence[Joined]) -> Limit:
    whole, model, due = _MEASURES[measure]
    slow = [
        (getattr(row, whole), getattr(row, model) + (row.seen_late if due else 0.0), getattr(row, due) if due else None)
        for row in rows
        if row.ended == "done" and getattr(row, model) is not None and not objective.allows(getattr(row, whole))
    ]
    if not slow:
        return NOTHING
    waited, models = (sum(column) / len(slow) for column in list(zip(*slow, strict=True))[:2])
    late = sum(took - expected for _, took, expected in slow if expected is not None) / len(slow)
    more = f", {shown(late)} of it beyond its script" if late >= 1 else ""
    who: Who = "provider" if 2 * models >= waited else "server"
    return Limit(who, f"of {shown(waited)} that the slow ones took on average, the provider had {shown(models)}{more}")
