"""What users say under load: short questions, each with a nonce that tells whose words they are.

A nonce is the run's marker, the session's key and the turn, in brackets: `[seatrial-0f3a9b21.4-2.3]`.
A scripted provider repeats it in its reply; a real model may or may not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NONCE = re.compile(r"\[(seatrial-[0-9a-f]+)\.(\d+-\d+)\.(\d+)\]")

QUESTIONS = (
    "why do ships have bulkheads?",
    "what does a lighthouse tell a sailor?",
    "why is a knot a measure of speed?",
    "what is ballast for?",
    "how does a sextant help at sea?",
    "why do harbours have pilots?",
    "what does a bilge pump do?",
)


@dataclass(frozen=True, slots=True)
class Nonce:
    """Whose words: the run, the session within it, and the turn within that (from 1)."""

    marker: str
    session: str
    turn: int

    def __str__(self) -> str:
        return f"[{self.marker}.{self.session}.{self.turn}]"


def prompt(nonce: Nonce) -> str:
    return f"{nonce} Answer in one short sentence: {QUESTIONS[nonce.turn % len(QUESTIONS)]}"


def nonces(text: str) -> list[Nonce]:
    """Every nonce in a text, of whatever run and session."""
    return [Nonce(marker, session, int(turn)) for marker, session, turn in _NONCE.findall(text)]
