"""Replies that are streamed as server-sent events, and go wrong on the way (Open WebUI)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind, ConnectionCut
from seatrial.lab.faults.making import Break, Fault, always

ONLY = (OPENWEBUI,)
COMPLETE = frozenset({"createChatCompletion"})
Events = AsyncIterator[bytes]
DONE = b"data: [DONE]"
STALLS_AT, STALL_SECONDS = 5, 7
"""The token before which a stream pauses, and for how long."""


async def _events(pieces: AsyncIterator[bytes]) -> Events:
    """The events of a stream, each with the empty line that ends it."""
    rest = b""
    async for piece in pieces:
        rest += piece
        while b"\n\n" in rest:
            event, rest = rest.split(b"\n\n", 1)
            yield event + b"\n\n"
    if rest:
        yield rest


def _streamed(change: Callable[[Events], Events]) -> Callable[[], Break]:
    """Event streams, their events changed."""

    async def instead(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if answer.is_stream:
            answer.stream(change(_events(answer.pieces)))
        return answer

    return always(COMPLETE, instead)


def _chunk(event: bytes) -> dict[str, Any]:
    try:
        document = json.loads(event.removeprefix(b"data:"))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _token(event: bytes) -> str:
    choices = _chunk(event).get("choices") or [{}]
    return str((choices[0].get("delta") or {}).get("content") or "")


def _finishes(event: bytes) -> bool:
    return any(choice.get("finish_reason") for choice in _chunk(event).get("choices") or [])


async def _without_done(events: Events) -> Events:
    async for event in events:
        if not event.startswith(DONE):
            yield event


async def _without_finish(events: Events) -> Events:
    async for event in events:
        if not _finishes(event):
            yield event


async def _finished_twice(events: Events) -> Events:
    async for event in events:
        yield event
        if _finishes(event):
            yield event


async def _goes_on(events: Events) -> Events:
    async for event in events:
        yield event
        if event.startswith(DONE):
            yield b'data: {"choices": [{"index": 0, "delta": {"content": " and more"}}]}\n\n'


async def _error_inside(events: Events) -> Events:
    seen = 0
    async for event in events:
        yield event
        seen += bool(_token(event))
        if seen == 3:
            yield b'data: {"error": {"message": "The provider went away."}}\n\n'
            return


async def _ends_in_the_middle(events: Events) -> Events:
    seen = 0
    async for event in events:
        yield event
        seen += 1
        if seen == 4:
            return


async def _breaks_in_the_middle(events: Events) -> Events:
    async for event in _ends_in_the_middle(events):
        yield event
    raise ConnectionCut


async def _torn(events: Events) -> Events:
    """One event is cut in two, as if each half were an event."""
    seen = 0
    async for event in events:
        seen += 1
        if seen == 3:
            yield event[:30] + b"\n\ndata: " + event[30:]
        else:
            yield event


async def _cut_in_an_event(events: Events) -> Events:
    seen = 0
    async for event in events:
        seen += 1
        if seen == 4:
            yield event[:25]
            return
        yield event


async def _loses_a_token(events: Events) -> Events:
    seen = 0
    async for event in events:
        seen += bool(_token(event))
        if seen != 3 or not _token(event):
            yield event


async def _doubles_a_token(events: Events) -> Events:
    seen = 0
    async for event in events:
        yield event
        seen += bool(_token(event))
        if seen == 3 and _token(event):
            yield event


async def _eats_spaces(events: Events) -> Events:
    async for event in events:
        chunk = _chunk(event)
        if text := _token(event):
            chunk["choices"][0]["delta"]["content"] = text.strip()
            yield b"data: " + json.dumps(chunk).encode() + b"\n\n"
        else:
            yield event


async def _buffered(events: Events) -> Events:
    yield b"".join([event async for event in events])


async def _stalls(events: Events) -> Events:
    """A pause in the middle, as of a worker that waits for a lock."""
    seen = 0
    async for event in events:
        seen += bool(_token(event))
        if seen == STALLS_AT and _token(event):
            await asyncio.sleep(STALL_SECONDS)
        yield event


async def _never_ends(events: Events) -> Events:
    """All of the reply but its end, and then a sign of life now and then."""
    async for event in events:
        if DONE not in event:
            yield event
    while True:
        await asyncio.sleep(1)
        yield b": still here\n\n"


async def _as_json(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if answer.is_stream:
        others = [pair for pair in answer.headers if pair[0].lower() != b"content-type"]
        answer.headers = [*others, (b"content-type", b"application/json")]
    return answer


async def _not_streamed(asked: Asked, behind: Behind) -> Answer:
    body = asked.document()
    stateless = "chat_id" not in body and "parent_id" not in body
    return await behind.answer(asked.saying(body | {"stream": False}) if body.get("stream") and stateless else asked)


loses_a_token = _streamed(_loses_a_token)

FAULTS = [
    Fault("stream-as-json", "stream", ONLY, "The browser does not read the reply as a stream.",
          ("stream-type",), always(COMPLETE, _as_json)),
    Fault("stream-refused", "stream", ONLY, "A reply that was to be streamed comes in one piece.",
          ("stream-type",), always(COMPLETE, _not_streamed)),
    Fault("event-torn", "stream", ONLY, "A piece of the reply cannot be read.",
          ("stream-framing",), _streamed(_torn)),
    Fault("stream-cut-in-an-event", "stream", ONLY, "The reply ends in the middle of a piece.",
          ("stream-framing",), _streamed(_cut_in_an_event)),
    Fault("stream-without-done", "stream", ONLY, "Clients wait for an end that never comes.",
          ("stream-finish",), _streamed(_without_done)),
    Fault("stream-without-finish", "stream", ONLY, "Clients cannot tell why the reply ended.",
          ("stream-finish",), _streamed(_without_finish)),
    Fault("stream-finishes-twice", "stream", ONLY, "Clients take one reply for two.",
          ("stream-finish",), _streamed(_finished_twice)),
    Fault("stream-goes-on", "stream", ONLY, "Something comes after the end, and is lost or shown.",
          ("stream-finish",), _streamed(_goes_on)),
    Fault("error-in-a-stream", "stream", ONLY, "The reply stops, and the answer was a 200.",
          ("stream-finish",), _streamed(_error_inside)),
    Fault("stream-ends-early", "stream", ONLY, "The reply stops in the middle as if it were whole.",
          ("stream-finish",), _streamed(_ends_in_the_middle)),
    Fault("stream-breaks", "stream", ONLY, "The connection breaks in the middle of a reply.",
          ("stream-finish",), _streamed(_breaks_in_the_middle)),
    Fault("token-lost", "stream", ONLY, "A word of the streamed reply is missing.",
          ("stream-text",), loses_a_token),
    Fault("token-doubled", "stream", ONLY, "A word of the streamed reply comes twice.",
          ("stream-text",), _streamed(_doubles_a_token)),
    Fault("spaces-eaten", "stream", ONLY, "Words of the streamed reply run together.",
          ("stream-text",), _streamed(_eats_spaces)),
    Fault("stream-buffered", "time", ONLY, "Nothing happens, then the whole reply appears at once.",
          ("stream-live",), _streamed(_buffered)),
    Fault("stream-stalls", "time", ONLY, "In the middle of a reply nothing comes for many seconds.",
          ("stream-live",), _streamed(_stalls)),
    Fault("stream-never-ends", "time", ONLY, "The reply is all there, and the page waits for more for ever.",
          ("stream-finish",), _streamed(_never_ends)),
]  # fmt: skip
