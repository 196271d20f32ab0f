"""What a stream of server-sent events amounts to: a pure reading of its events and their times."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from seatrial.parsing import parse
from seatrial.sse import DONE, EventReader

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
    if reading.unfinished.removeprefix("data:").strip() == DONE:
        # Its last line end is missing, as from Open WebUI's pipe functions; clients read lines, and miss nothing.
        reading.done, reading.unfinished = reading.done + 1, ""
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
