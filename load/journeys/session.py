"""The journey `session`: create, chat, read the history, delete, and say what became of every message.

It knows no Locust: an actor delivers, `pause` lets time pass between turns and says whether to go on.
"""

from __future__ import annotations

from collections.abc import Callable

from load.integrity import Comparison, Said, compare
from load.part import Part, Refused, Visit
from load.prompts import Nonce, prompt
from seatrial.actor import Actor
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.samples import Integrity
from seatrial.verbs import Session

LOOKS = 3
"""Times that a history is read before it counts as unreadable, or a message as lost or changed."""

LOOK_AGAIN = 1.0
"""Seconds before the second look; the third comes after twice that."""


def session(part: Part) -> Integrity:
    """Play one session. `pause` returns False when no more turns are wanted: the session ends in order then.

    A refused create ends it; a refused turn does not, the next one continues from the last good message.
    A turn without any answer does: it may still be running, and would overtake the next one.
    """
    actor, visit = part.actor, part.visit
    try:
        opened = actor.create_session(visit.title)
    except Refused as error:
        return Integrity(part.now(), visit.key, 0, 0, 1, 0, 0, 0, 0, 0, 0, deleted=True, detail=f"not created: {error}")
    _converse(actor, visit, opened, part.pause)
    checked = check(lambda: compare(visit.said, actor.get_history(opened.id), visit.marker, visit.key), part.sleep)
    deleted, trouble = delete(part, opened.id)
    return verdict(visit, part.now(), checked, deleted, trouble)


def verdict(visit: Visit, at: float, checked: Comparison | str, deleted: bool, trouble: str = "") -> Integrity:
    """The record of a visit. `checked` is the comparison, or why there is none."""
    refused = sum(one.reply is None for one in visit.said)
    turns = len(visit.said)
    if isinstance(checked, str):
        why = "; ".join(filter(None, (checked, trouble)))
        acknowledged = 2 * (turns - refused)
        return Integrity(
            at, visit.key, turns, acknowledged, refused, 0, 0, 0, 0, 0, 0, deleted, detail=why, verified=False
        )
    return Integrity(
        at,
        visit.key,
        turns,
        checked.acknowledged,
        refused,
        checked.stored,
        checked.lost,
        checked.doubled,
        checked.altered,
        checked.foreign,
        checked.reordered,
        deleted,
        detail="; ".join(filter(None, (checked.detail, trouble))),
        kept=checked.kept,
        truncated=checked.truncated,
        echoed=checked.echoed,
    )


def _converse(actor: Actor, visit: Visit, here: Session, pause: Callable[[], bool]) -> None:
    for turn in range(1, visit.turns + 1):
        if not pause():
            return
        text = prompt(Nonce(visit.marker, visit.key, turn))
        visit.said.append(Said(text))
        try:
            answered = actor.send_message(here, text)
        except Unexpected:
            continue
        except NoAnswer:
            return
        visit.said[-1] = Said(text, answered.reply)
        here = answered.session or here


def check(look: Callable[[], Comparison], sleep: Callable[[float], None]) -> Comparison | str:
    """The comparison with the history, or why there is none.

    What counts against the server is there at the second look, too: a history that is then refused leaves it open.
    """
    found: Comparison | None = None
    seen, trouble = 0, ""
    for number in range(LOOKS):
        if number:
            sleep(LOOK_AGAIN * number)
        try:
            found = look()
        except Refused as error:
            trouble = f"history not read: {error}"
            continue
        seen += 1
        if found.is_whole:
            return found
    return found if found is not None and seen > 1 else trouble


def delete(part: Part, session_id: str) -> tuple[bool, str]:
    """Whether it is gone, and what was in the way. Nobody asks for what the deployment lets nobody do."""
    if not part.line.account.deletes:
        return False, ""
    trouble = ""
    for _ in range(2):
        try:
            part.actor.delete_session(session_id)
            return True, ""
        except Unexpected as error:
            if error.reply.status == 404:
                return True, trouble or f"gone before it was deleted: {error}"
            trouble = f"not deleted: {error}"
        except NoAnswer as error:
            trouble = f"not deleted: {error}"
    return False, trouble
