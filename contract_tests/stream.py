"""What is wrong with a stream that was read: its framing, its end, and the pace at which it came."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from seatrial.parsing import parse
from seatrial.sse import EventReader
from seatrial.streams import Reading

BURST_SHARE = 0.05
"""Tokens that arrive within this share of the whole reply's time came in one burst."""

BURST_TOKENS, BURST_SECONDS = 8, 0.25
"""Shorter replies, in tokens or time, say nothing about buffering."""

READ_SECONDS = 0.002
"""Pieces that are not further apart were sent together: no model makes tokens that fast."""

BURST_READS, READ_TOKENS = 3, 4
"""What was kept back comes in so few reads, with so many tokens in each; what is made comes as it is made."""

STALL_SECONDS, STALL_SHARE = 5.0, 20
"""A pause as long as this, and so many times the usual one, is one that people notice."""

FLOW_SECONDS, FLOW_SHARE = 1.0, 3
"""A stream is still being written when its last token is no older than this, or than so many times its longest gap."""

TOKENS = ("content", "reasoning_content", "reasoning", "thinking")
"""Where a delta has what a model makes: a thought is a token too, under whichever name a provider tells it."""


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


def made_at(chunks: Iterable[tuple[float, bytes]]) -> list[float]:
    """When each token came, thoughts included, in seconds since the request was sent."""
    reader, moments = EventReader(), []
    for moment, chunk in chunks:
        try:
            moments += [moment for event in reader.feed(chunk) if _brings_a_token(event.data)]
        except ValueError:
            break
    return moments


def _brings_a_token(data: str) -> bool:
    try:
        document = parse(data)
    except ValueError:
        return False
    choices = document.get("choices") if isinstance(document, dict) else None
    return any(_made(choice) for choice in choices) if isinstance(choices, list) else False


def _made(choice: Any) -> bool:
    delta = choice.get("delta") if isinstance(choice, dict) else None
    return isinstance(delta, dict) and any(isinstance(delta.get(name), str) and delta[name] for name in TOKENS)


def is_burst(moments: Sequence[float], ended: float) -> bool:
    """Many tokens, nearly all at once and in a few reads, after a time in which they could have come one by one.

    A model that thought for long in silence is quick afterwards; its tokens still come one by one.
    """
    if len(moments) < BURST_TOKENS or ended < BURST_SECONDS:
        return False
    reads = 1 + sum(later - earlier > READ_SECONDS for earlier, later in pairwise(moments))
    in_few = reads <= BURST_READS and len(moments) >= READ_TOKENS * reads
    return in_few and moments[-1] - moments[0] < BURST_SHARE * ended


def is_under_way(moments: Sequence[float], ended: float) -> bool:
    """Whether tokens still came when a stream was left."""
    if len(moments) < 2:
        return False
    longest = max(later - earlier for earlier, later in pairwise(moments))
    return ended - moments[-1] <= max(FLOW_SECONDS, FLOW_SHARE * longest)


def stall(reading: Reading) -> float:
    """Seconds of the longest pause between two tokens, where it is out of all proportion to the others; else 0."""
    gaps = [b - a for a, b in pairwise(reading.token_times)]
    longest = max(gaps, default=0.0)
    return longest if longest >= STALL_SECONDS and longest > STALL_SHARE * statistics.median(gaps) else 0.0
