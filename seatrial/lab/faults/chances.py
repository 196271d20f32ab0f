"""What goes wrong now and then: each request has the same chance, so that a run sees it or does not.

How likely a run of so many requests is to see one is `1 - (1 - chance) ** requests`; benchmarks/detection.py counts.
"""

from __future__ import annotations

from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind, ConnectionCut, once
from seatrial.lab.faults.histories import answered_only
from seatrial.lab.faults.making import BOTH, CREATE, DELETE, HISTORY, LIST, SEND, Fault, always, changed
from seatrial.lab.faults.streams import COMPLETE, loses_a_token

VERBS = CREATE | SEND | LIST | HISTORY | DELETE


def _verb(asked: Asked) -> bool:
    return asked.operation in VERBS


def _turn(asked: Asked) -> bool:
    """Is to be kept: a message in a session."""
    return asked.operation in SEND and asked.session is not None


def _plain(asked: Asked) -> bool:
    """Is answered with the reply itself, and kept: half of what is kept nowhere is a reply like any other."""
    return _turn(asked) and not asked.document().get("stream")


def _stream(asked: Asked) -> bool:
    """Is answered with server-sent events: what belongs to a chat comes over the socket."""
    body = asked.document()
    return asked.operation in COMPLETE and bool(body.get("stream")) and not body.keys() & {"chat_id", "parent_id"}


async def _failing(_asked: Asked, _behind: Behind) -> Answer:
    return Answer.of(500, {"detail": "Something went wrong."})


async def _bad_gateway(_asked: Asked, _behind: Behind) -> Answer:
    """As what stands in front says that the server behind it is not there."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Answer(502, [(b"content-type", b"text/html")], once(page))


async def _breaking(_asked: Asked, _behind: Behind) -> Answer:
    raise ConnectionCut


def _halved(document: Any, _asked: Asked) -> Any:
    if isinstance(document, dict):
        if isinstance(document.get("reply"), str):
            document["reply"] = document["reply"][: len(document["reply"]) // 2]
        for choice in document.get("choices") or []:
            text = choice["message"]["content"]
            choice["message"]["content"] = text[: len(text) // 2]
    return document


FAULTS = [
    Fault("one-in-fifty-fails", "availability", BOTH, "One request in fifty is answered with an error.",
          ("valid-use",), always(VERBS, _failing), chance=1 / 50, of=_verb),
    Fault("one-in-fifty-502", "availability", BOTH, "One request in fifty is answered by the gateway, with a 502.",
          ("valid-use",), always(VERBS, _bad_gateway), chance=1 / 50, of=_verb),
    Fault("one-in-fifty-breaks", "availability", BOTH, "One request in fifty gets no answer.",
          ("no-answer",), always(VERBS, _breaking), chance=1 / 50, of=_verb),
    Fault("one-turn-in-twenty-lost", "durability", BOTH, "One message in twenty is answered and kept nowhere.",
          ("history-content", "turn-stored", "valid-use"), always(SEND, answered_only), chance=1 / 20, of=_turn),
    Fault("one-reply-in-five-cut", "durability", BOTH, "One reply in five is shown in half, and whole after a reload.",
          ("history-content", "turn-stored"), changed(SEND, _halved), chance=1 / 5, of=_plain),
    Fault("one-stream-in-five-lossy", "stream", (OPENWEBUI,), "A word is missing in one of five streamed replies.",
          ("stream-text",), loses_a_token, chance=1 / 5, of=_stream),
]  # fmt: skip
