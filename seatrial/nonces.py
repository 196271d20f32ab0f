"""Marks in prompts that tell whose words they are: who sends them and who answers them reads the same grammar.

A nonce is the run's marker, the session's key and the turn, in brackets: `[seatrial-0f3a9b21.4-2.3]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NONCE = re.compile(r"\[(seatrial-[0-9a-f]+)\.(\d+-\d+)\.(\d+)\]")


@dataclass(frozen=True, slots=True)
class Nonce:
    """Whose words: the run, the session within it, and the turn within that (from 1)."""

    marker: str
    session: str
    turn: int

    def __str__(self) -> str:
        return f"[{self.marker}.{self.session}.{self.turn}]"


def nonces(text: str) -> list[Nonce]:
    """Every nonce in a text, of whatever run and session."""
    return [Nonce(marker, session, int(turn)) for marker, session, turn in _NONCE.findall(text)]
