"""What is wrong with a stream that was read: its framing, its end, and the pace at which it came."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import pairwise

from seatrial.streams import Reading

BURST_SHARE = 0.05
"""Tokens that arrive within this share of the whole reply's time came in one burst."""

BURST_TOKENS, BURST_SECONDS = 8, 0.25
"""Shorter replies, in tokens or time, say nothing about buffering."""

STALL_SECONDS, STALL_SHARE = 5.0, 20
"""A pause as long as this, and so many times the usual one, is one that people notice."""


def faults(reading: Reading) -> Iterator[tuple[str, str, str, str]]:
    """(rule, where, expected, received) for everything that is wrong with the framing and the end."""
    if reading.malformed:
        yield "stream-framing", "events", "JSON in every event", reading.malformed[0][:200]
    if reading.unfinished:
        yield "stream-framing", "end", "an end between events", f"cut in {reading.unfinished[:120]!r}"
    if reading.errors:
        yield "stream-finish", "error", "a reply", f"an error event inside a 200: {reading.errors[0][:200]}"
        return
    if reading.done != 1:
        yield "stream-finish", "[DONE]", "one data: [DONE] at the end", f"{reading.done}"
    if reading.after_done:
        yield "stream-finish", "after [DONE]", "nothing after [DONE]", f"{reading.after_done} events"
    if len(reading.finishes) != 1:
        yield "stream-finish", "finish_reason", "one finish_reason", f"{len(reading.finishes)}: {reading.finishes[:3]}"


def is_burst(reading: Reading) -> bool:
    """Many tokens, nearly all at once, after a time in which they could have come one by one."""
    if len(reading.token_times) < BURST_TOKENS or reading.ended < BURST_SECONDS:
        return False
    spread = reading.token_times[-1] - reading.token_times[0]
    return spread < BURST_SHARE * reading.ended


def stall(reading: Reading) -> float:
    """Seconds of the longest pause between two tokens, where it is out of all proportion to the others; else 0."""
    gaps = [b - a for a, b in pairwise(reading.token_times)]
    longest = max(gaps, default=0.0)
    return longest if longest >= STALL_SECONDS and longest > STALL_SHARE * statistics.median(gaps) else 0.0
