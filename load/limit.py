"""Who kept a load from an objective: the deployment, or the model behind it.

Of turns that were too slow, whoever took the larger part; of turns that failed, the model where it refused, or was
still at it when the time was up. What the load process itself kept from it is no result at all (`validity`), so that it
is never the answer here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from load.objectives import Held, Objective, shown
from load.overhead import OVERHEAD
from seatrial.evidence import SOCKET_TURN, Evidence
from seatrial.records import RunFolder
from seatrial.samples import Joined, Judged
from seatrial.verbs import VERB_OPERATIONS

Who = Literal["server", "provider", ""]


class Limit(NamedTuple):
    """`who` is "" where nothing can be said; `said` is why, in words."""

    who: Who
    said: str


NOTHING = Limit("", "")


def limited(folder: RunFolder, api: str, held: Iterable[Held], evidence: Evidence) -> Iterator[Judged]:
    """The records of objectives, of each that was missed with who kept the load from it."""
    rows, others = list(folder.rows(OVERHEAD, Joined)), failed_besides(evidence, api)
    for one in held:
        found = limit(one.objective, api, rows, others) if one.verdict == "missed" else NOTHING
        yield replace(one.record(), limited_by=found.who, limited_why=found.said if found.who else "")


def told_of(one: Judged) -> str:
    """Who was the limit of what was missed, in words."""
    return f"{one.objective!r} was missed, and the {one.limited_by} was the limit: {one.limited_why}"


def failed_besides(evidence: Evidence, api: str) -> int:
    """How many requests failed that are no turns.

    A socket that does not open counts for the operation of a turn, and no turn is made of it.
    """
    turn = VERB_OPERATIONS.get(api, {}).get("send_message")
    sockets = evidence.failures.get(turn or "", 0) - evidence.failed("turn")[0]
    return sum(number for name, number in evidence.failures.items() if name != turn) + max(0, sockets)


def limit(objective: Objective, api: str, rows: Sequence[Joined], others: int = 0) -> Limit:
    """`rows` are the turns of the load beside what the provider recorded; without any, nothing is known.

    `others` are the failed requests of the load that are no turns.
    """
    if not any(row.calls for row in rows):
        return NOTHING
    turn = VERB_OPERATIONS.get(api, {}).get("send_message")
    subject, _, way = ("turn" if objective.subject == turn else objective.subject).partition(" ")
    rows = [row for row in rows if way in ("", row.way)]
    if objective.what == "errors":
        if not objective.subject and others > (turns := sum(row.ended != "done" for row in rows)):
            return Limit("server", f"failed requests that are no turns: {others}; failed turns: {turns}")
        return _of_failures(rows) if subject in ("", "turn") else _unasked(subject)
    if objective.subject == turn and objective.quantile is not None:
        # Of a turn over a socket, the request is only the acknowledgement, for which no model is asked.
        whole = [row for row in rows if f"turn {row.way}" != SOCKET_TURN]
        slow = any(row.ended == "done" and not objective.allows(row.ms) for row in whole)
        if len(whole) < len(rows) and not slow:
            return _unasked(f"the acknowledgement of {turn}")
        rows = whole
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
    asked = [row for row in failed if row.calls]
    if 2 * len(asked) < len(failed):  # of what never came to the model nobody knows who kept it from there
        return NOTHING
    refused, held_up = sum(row.failed for row in asked), sum(_was_held_up(row) for row in asked)
    who: Who = "provider" if 2 * (refused + held_up) >= len(asked) else "server"
    told = f"of {len(failed)} turns that failed the provider had failed {refused} and held up {held_up}"
    unknown = len(failed) - len(asked)
    return Limit(who, told + (f"; {unknown} never came to it" if unknown else ""))


def _was_held_up(row: Joined) -> bool:
    """Whether a turn failed because its model took too long: it was at it for the larger part, and to the end.

    A model that had answered when the turn failed has not failed it, however long it took; nor has one whose stream was
    broken off on its way.
    """
    if row.failed or row.model_ms is None or row.ended in ("cut", "aborted", "empty"):
        return False
    taken = row.model_ms + row.seen_late
    was_at_it = row.ended == "deadline" or row.model_left or taken >= row.ms
    return was_at_it and 2 * taken >= row.ms


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
