"""What a stream of server-sent events amounts to: a pure reading of its events and their times."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from seatrial.parsing import parse
from seatrial.sse import DONE, EventReader

BURST_SHARE = 0.05
"""Tokens that arrive within this share of the whole reply's time came in one burst."""

BURST_TOKENS, BURST_SECONDS = 8, 0.25
"""Shorter replies, in tokens or time, say nothing about buffering."""


STALL_SECONDS, STALL_SHARE = 5.0, 20
"""A pause as long as this, and so many times the usual one, is one that people notice."""


MOST_NOTED = 100
"""Events of one kind of fault that are kept, of a stream that may have a million."""


@dataclass
class Reading:
    """A stream that was read to its end. Times are seconds since the request was sent."""

    text: str = ""
    finishes: list[str] = field(default_factory=list)
    done: int = 0
    after_done: int = 0
    malformed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unfinished: str = ""
    token_times: list[float] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    ended: float = 0.0

    def note(self, what: str) -> None:
        """An event that is none; of many, the first ones."""
        if len(self.malformed) < MOST_NOTED:
            self.malformed.append(what)

    def faults(self) -> Iterator[tuple[str, str, str, str]]:
        """(rule, where, expected, received) for everything that is wrong with the framing and the end."""
        if self.malformed:
            yield "stream-framing", "events", "JSON in every event", self.malformed[0][:200]
        if self.unfinished:
            yield "stream-framing", "end", "an end between events", f"cut in {self.unfinished[:120]!r}"
        if self.errors:
            yield "stream-finish", "error", "a reply", f"an error event inside a 200: {self.errors[0][:200]}"
            return
        if self.done != 1:
            yield "stream-finish", "[DONE]", "one data: [DONE] at the end", f"{self.done}"
        if self.after_done:
            yield "stream-finish", "after [DONE]", "nothing after [DONE]", f"{self.after_done} events"
        if len(self.finishes) != 1:
            yield "stream-finish", "finish_reason", "one finish_reason", f"{len(self.finishes)}: {self.finishes[:3]}"

    @property
    def is_burst(self) -> bool:
        """Many tokens, nearly all at once, after a time in which they could have come one by one."""
        if len(self.token_times) < BURST_TOKENS or self.ended < BURST_SECONDS:
            return False
        spread = self.token_times[-1] - self.token_times[0]
        return spread < BURST_SHARE * self.ended

    @property
    def stall(self) -> float:
        """Seconds of the longest pause between two tokens, where it is out of all proportion to the others; else 0."""
        gaps = [b - a for a, b in pairwise(self.token_times)]
        longest = max(gaps, default=0.0)
        return longest if longest >= STALL_SECONDS and longest > STALL_SHARE * statistics.median(gaps) else 0.0


def read(chunks: Iterable[tuple[float, bytes]]) -> Reading:
    """Read an OpenAI-style stream from pieces of its body with their times."""
    reading, reader = Reading(), EventReader()
    text: list[str] = []
    for moment, chunk in chunks:
        reading.ended = moment
        try:
            events = list(reader.feed(chunk))
        except ValueError as error:
            reading.note(str(error))
            break
        for event in events:
            if reading.done:
                reading.after_done += 1
            if event.data == DONE:
                reading.done += 1
            else:
                _take(reading, text, event.data, moment)
    reading.unfinished = reader.close()
    reading.text = "".join(text)
    return reading


def _take(reading: Reading, text: list[str], data: str, moment: float) -> None:
    try:
        document = parse(data)
    except ValueError:
        reading.note(f"no JSON: {data[:160]}")
        return
    if not isinstance(document, dict):
        reading.note(f"no object: {data[:160]}")
        return
    if document.get("error"):
        if len(reading.errors) < MOST_NOTED:
            reading.errors.append(json.dumps(document["error"], ensure_ascii=False)[:1000])
        return
    if isinstance(document.get("usage"), dict):
        reading.usage = document["usage"]
    choices = document.get("choices") or []
    for choice in choices if isinstance(choices, list) else [None]:
        delta = choice.get("delta") or {} if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(delta, dict):
            reading.note(f"no choice: {data[:160]}")
            continue
        content = delta.get("content")
        if isinstance(content, str) and content:
            text.append(content)
            reading.token_times.append(moment)
        if choice.get("finish_reason") and len(reading.finishes) < MOST_NOTED:
            reading.finishes.append(str(choice["finish_reason"])[:40])
