"""Streamed replies taken apart: their events, the chunks in these, and the text that each adds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import SEND, Break

Events = AsyncIterator[bytes]


def streaming(change: Callable[[Events], Events]) -> Callable[[], Break]:
    """Changes the server-sent events of a completion, one whole event after the other."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in SEND and answer.is_stream:
            answer.stream(change(events(answer.pieces)))
        return answer

    return lambda: breaking


async def events(pieces: AsyncIterator[bytes]) -> Events:
    """The events in a body, each with the blank line at its end."""
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n\n")
        for event in whole:
            yield event + b"\n\n"
    if rest:
        yield rest


def chunk_in(event: bytes) -> dict[str, Any]:
    """The chunk that an event carries; empty for `[DONE]`, comments and errors."""
    try:
        chunk = json.loads(event.strip().removeprefix(b"data:"))
    except ValueError:
        return {}
    return chunk if isinstance(chunk, dict) and chunk.get("choices") else {}


def event_with(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def text_in(chunk: dict[str, Any]) -> str:
    """The text that a chunk adds to the reply."""
    return str((chunk["choices"][0].get("delta") or {}).get("content") or "") if chunk else ""


def with_text(chunk: dict[str, Any], text: str) -> bytes:
    """The chunk's event with another text."""
    chunk["choices"][0]["delta"]["content"] = text
    return event_with(chunk)
