"""What users say under load: short questions, each with a nonce that tells whose words they are.

A scripted provider repeats it in its reply; a real model may or may not.
"""

from __future__ import annotations

from seatrial.nonces import Nonce, nonces

__all__ = ["QUESTIONS", "Nonce", "nonces", "prompt"]

QUESTIONS = (
    "why do ships have bulkheads?",
    "what does a lighthouse tell a sailor?",
    "why is a knot a measure of speed?",
    "what is ballast for?",
    "how does a sextant help at sea?",
    "why do harbours have pilots?",
    "what does a bilge pump do?",
)


def prompt(nonce: Nonce) -> str:
    return f"{nonce} Answer in one short sentence: {QUESTIONS[nonce.turn % len(QUESTIONS)]}"
