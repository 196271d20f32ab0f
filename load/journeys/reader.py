"""The journey `reader`: somebody who pages through the list and opens old conversations."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from load.integrity import compare
from load.part import Part, Refused
from load.seeding import KEY, said_in
from seatrial.samples import HARMS, Integrity
from seatrial.verbs import Session


def reader(part: Part) -> Integrity:
    """Lists all sessions, then opens as many as a session has turns, of those that the account was filled with.

    What they hold is known: messages that are missing from them are lost. Nothing is written.
    """
    counts: Counter[str] = Counter(dict.fromkeys(HARMS, 0))
    told: list[str] = []
    try:
        listed = part.actor.list_sessions() if part.pause() else []
        # Sessions of other users of the account may be gone before they are opened.
        listed = [session for session in listed if session.id in part.seeded]
    except Refused as error:
        listed, told = [], [f"not listed: {error}"]
    for _ in range(part.visit.turns):
        if not listed or not part.pause():
            break
        _open(part, part.chance.choice(listed), counts, told)
    detail = "; ".join(told[:3])
    blank = Integrity(part.now(), part.visit.key, 0, 0, 0, 0, 0, 0, 0, 0, 0, deleted=True, detail=detail)
    return replace(blank, **counts)  # type: ignore[arg-type]


def _open(part: Part, session: Session, counts: Counter[str], told: list[str]) -> None:
    texts = part.seeded[session.id]
    try:
        history = part.actor.get_history(session.id)
    except Refused as error:
        told.append(f"not read: {error}")
        return
    if [message.content for message in history] == list(texts):  # comparing takes long where there are hundreds
        return
    comparison = compare(said_in(texts), history, part.visit.marker, KEY)
    counts.update({name: getattr(comparison, name) for name in HARMS})
    if comparison.detail:
        told.append(f"session {session.id}: {comparison.detail}")
