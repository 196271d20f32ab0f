"""Replies that arrive piece by piece, and what happens to the pieces."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import SEND, Break

from .noting import fault
from .pieces import Events, chunk_in, event_with, streaming, text_in, with_text

OWUI = (OPENWEBUI,)
BUFFER = 4096


def _each(change: Callable[[str], str]) -> Callable[[], Break]:
    """Every piece of text, changed by itself."""

    async def apply(given: Events) -> Events:
        async for event in given:
            chunk = chunk_in(event)
            yield with_text(chunk, change(text_in(chunk))) if text_in(chunk) else event

    return streaming(apply)


async def _no_reason(given: Events) -> Events:
    async for event in given:
        if chunk := chunk_in(event):
            chunk["choices"][0]["finish_reason"] = None
            yield event_with(chunk)
        else:
            yield event


async def _again(given: Events) -> Events:
    """The second piece is sent again, as after a retry."""
    told = 0
    async for event in given:
        yield event
        told += bool(text_in(chunk_in(event)))
        if told == 2:
            told += 1
            yield event


async def _first_lost(given: Events) -> Events:
    lost = False
    async for event in given:
        if not lost and text_in(chunk_in(event)):
            lost = True
            continue
        yield event


async def _swapped(given: Events) -> Events:
    """The third and the fourth piece in the other order."""
    told, held = 0, b""
    async for event in given:
        told += bool(text_in(chunk_in(event)))
        if told == 3 and not held:
            held = event
            continue
        yield event
        if told == 4 and held:
            yield held
            told += 1
    if held and told == 3:
        yield held


async def _so_far(given: Events) -> Events:
    """Each piece repeats all that was said before it."""
    said = ""
    async for event in given:
        chunk = chunk_in(event)
        said += text_in(chunk)
        yield with_text(chunk, said) if text_in(chunk) else event


async def _heartbeats(given: Events) -> Events:
    """Heartbeats in the place of data, where comments belong."""
    async for event in given:
        if text_in(chunk_in(event)):
            yield b"data: : keep-alive\n\n"
        yield event


async def _no_blank_lines(given: Events) -> Events:
    async for event in given:
        yield event[:-1] if event.endswith(b"\n\n") else event


async def _talking_on(given: Events) -> Events:
    last = b""
    async for event in given:
        last = event if text_in(chunk_in(event)) else last
        yield event
    yield last


async def _error_at_the_end(given: Events) -> Events:
    """The provider's bill is refused when all is said; the end is an error and no `[DONE]`."""
    async for event in given:
        if event.strip() != b"data: [DONE]":
            yield event
    yield b'data: {"error": {"message": "stream usage could not be recorded", "code": 500}}\n\n'


def _in_diamonds(text: str) -> str:
    """Each byte of an emoji made into text by itself, as where tokens end within a character."""
    return "".join("\ufffd" * len(sign.encode()) if ord(sign) > 0xFFFF else sign for sign in text)


async def _in_buffers(given: Events) -> Events:
    full = b""
    async for event in given:
        full += event
        while len(full) >= BUFFER:
            yield full[:BUFFER]
            full = full[BUFFER:]
    yield full


def _said_to_be_json() -> Break:
    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in SEND and answer.is_stream:
            others = [pair for pair in answer.headers if pair[0].lower() != b"content-type"]
            answer.headers = [*others, (b"content-type", b"application/json")]
        return answer

    return breaking


def _never_streams() -> Break:
    """A gateway that cannot stream asks for the whole reply instead. Stored turns are left alone."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        document = asked.document()
        if asked.operation in SEND and document.get("stream") is True and "user_message" not in document:
            return await behind.answer(asked.saying(document | {"stream": False}))
        return await behind.answer(asked)

    return breaking


STEPS: list[tuple[str, str, str, Callable[[], Break]]] = [
    ("stream-without-reason", "My program waits for finish_reason and takes every reply for an unfinished one.",
     "https://github.com/open-webui/open-webui/issues/16377", streaming(_no_reason)),
    ("stream-says-it-again", "A few words in the middle of the reply stand there twice.",
     "https://github.com/open-webui/open-webui/issues/20286", streaming(_again)),
    ("stream-loses-the-start", "Replies begin in the middle of a sentence.", "imagined", streaming(_first_lost)),
    ("stream-out-of-order", "Words of the streamed reply stand in the wrong order.", "imagined", streaming(_swapped)),
    ("stream-cumulative", "The reply reads: The, The mass, The mass of, The mass of the.",
     "https://github.com/Vali-98/ChatterUI/issues/8", streaming(_so_far)),
    ("stream-heartbeat-as-data", "Slow replies break with 'Unexpected token :'.",
     "https://github.com/nexu-io/open-design/pull/111 (heartbeats, here in the wrong place)", streaming(_heartbeats)),
    ("stream-without-blank-lines", "My client sees one endless event and shows nothing until the end.",
     "https://github.com/vllm-project/aibrix/pull/2653", streaming(_no_blank_lines)),
    ("stream-talks-after-done", "After the reply is done, its last word comes once more.", "imagined",
     streaming(_talking_on)),
    ("stream-ends-in-an-error", "The reply is all there, and then it turns red with an error.", "imagined",
     streaming(_error_at_the_end)),
    ("stream-breaks-characters", "Emojis are black diamonds while the reply is streamed, and right when it is not.",
     "https://github.com/mudler/LocalAI/issues/677", _each(_in_diamonds)),
    ("stream-in-4k-buffers", "The reply does not flow, it comes in lumps of half a page.",
     "https://github.com/open-webui/docs/pull/308", streaming(_in_buffers)),
    ("stream-said-to-be-json", "Unexpected token 'd', \"data: {\"id\"...\" is not valid JSON.",
     "https://github.com/open-webui/open-webui/issues/25712", _said_to_be_json),
    ("stream-flag-ignored", "I ask for a stream and get the whole reply in one piece, as JSON.", "imagined",
     _never_streams),
    ("stream-words-run-together", "The streamed replyhas lostthe spaces betweenits pieces.",
     "imagined (a proxy that trims lines)", _each(str.rstrip)),
]  # fmt: skip

FAULTS = [fault(name, "stream", OWUI, words, source, make) for name, words, source, make in STEPS]
