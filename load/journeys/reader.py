"""The journey `reader`: somebody who pages through the list and opens old conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from load.integrity import Comparison, compare
from load.journeys.session import LOOK_AGAIN, LOOKS, check
from load.part import Part, Refused
from load.prompts import nonces
from load.seeding import said_in
from seatrial.contract import SESSIONS
from seatrial.exchange import Unexpected
from seatrial.openwebui import PAGE
from seatrial.samples import HARMS, Integrity

GONE = (401, 404)
"""How a conversation that is not there is refused: Open WebUI says 401, the Session API 404."""


def reader(part: Part) -> Integrity:
    """Lists all sessions, then opens as many as a session has turns, of those that the account was filled with.

    What they hold is known, and so is which there are: what is missing after three looks is lost. Nothing is written.
    """
    reading = _Reading(part)
    if part.pause() and reading.list_sessions():
        for _ in range(part.visit.turns):
            if not part.seeded or not part.pause():
                break
            reading.open_one()
    return reading.record()


@dataclass
class _Reading:
    """What one visit found, each session counted once. `told` is what was wrong, in words.

    `doubted` are those to open first; `verified` is False once one could not be read.
    """

    part: Part
    found: dict[str, Comparison] = field(default_factory=dict)
    doubted: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    verified: bool = True

    def list_sessions(self) -> bool:
        """Page through the list; False where it does not come, so that nobody could open anything."""
        part, missing = self.part, set(self.part.seeded)
        try:
            for number in range(LOOKS):
                if number:
                    part.sleep(LOOK_AGAIN * number)
                listed = part.actor.list_sessions()
                missing -= {session.id for session in listed}
                if not missing:
                    return True
                if part.actor.verbs.api != SESSIONS and len(listed) >= PAGE:
                    # What moves between two pages while they are asked for is on neither, and so may be chats of the
                    # same second, which come in any order: whether they are gone shows when they are opened.
                    self.doubted = sorted(missing)
                    return True
        except Refused as error:
            self.told.append(f"not listed: {error}")
            return False
        for session_id in sorted(missing):
            self._keep(session_id, _lost(part.seeded[session_id], "it is missing on the list"))
        return True

    def open_one(self) -> None:
        """Whichever: of hundreds nobody reads all."""
        session_id = self.part.chance.choice(self.doubted or list(self.part.seeded))
        opened = _opened(self.part, session_id)
        if isinstance(opened, Comparison):
            self._keep(session_id, opened)
            return
        self.verified = False
        self.told.append(f"session {session_id}: {opened}")
        self.found.setdefault(session_id, Comparison(acknowledged=len(self.part.seeded[session_id])))

    def record(self) -> Integrity:
        blank = Integrity(
            self.part.now(), self.part.visit.key, 0, 0, 0, 0, 0, 0, 0, 0, 0, deleted=True,
            detail="; ".join(self.told[:3]), verified=self.verified,
        )  # fmt: skip
        counted = ("acknowledged", "stored", *HARMS)
        counts = {name: sum(getattr(one, name) for one in self.found.values()) for name in counted}
        return replace(blank, **counts)

    def _keep(self, session_id: str, found: Comparison) -> None:
        earlier = self.found.get(session_id)
        if earlier is not None and not earlier.is_whole:
            return
        self.found[session_id] = found
        if found.detail:
            self.told.append(f"session {session_id}: {found.detail}")


def _opened(part: Part, session_id: str) -> Comparison | str:
    """What a seeded session holds, or why that is not known."""
    texts, gone = part.seeded[session_id], [False]
    named = next((nonce.session for nonce in nonces(texts[0])), "")

    def look() -> Comparison:
        try:
            history = part.actor.get_history(session_id)
        except Unexpected as error:
            if error.reply.status not in GONE:
                raise
            gone.append(True)
            return _lost(texts, f"it is gone (status {error.reply.status})")
        gone.append(False)
        if [message.content for message in history] == list(texts):  # comparing takes long where there are hundreds
            return Comparison(acknowledged=len(texts), stored=len(texts))
        return compare(said_in(texts), history, part.visit.marker, named)

    found = check(look, part.sleep)
    return (_ruled_out(part, session_id) or found) if gone[-1] else found


def _ruled_out(part: Part, session_id: str) -> str:
    """Why a session that is refused as if it were gone need not be, "" where it is.

    Whose credentials are refused gets no list either; and what is on the list is there.
    """
    try:
        listed = part.actor.list_sessions()
    except Refused as error:
        return f"history not read, nor the list: {error}"
    return "it is on the list, and its history is refused" if session_id in {one.id for one in listed} else ""


def _lost(texts: Sequence[str], why: str) -> Comparison:
    return Comparison(acknowledged=len(texts), lost=len(texts), told=[f"lost: all {len(texts)} messages, as {why}"])
