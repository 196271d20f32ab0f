"""Times that are wrong, counts that do not add up."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import BOTH, CHAT, CREATE, HISTORY, LIST, Break, Fault, changed, messages, rows

HOUR = 3600
DATED = CREATE | LIST | HISTORY | CHAT | {"searchChats"}
TIMES = ("created_at", "updated_at", "timestamp")


def _each_time(document: Any, change: Callable[[float], float]) -> Any:
    """The document with every time in it changed, however deep."""
    if isinstance(document, list):
        return [_each_time(item, change) for item in document]
    if not isinstance(document, dict):
        return document
    return {
        name: change(value) if name in TIMES and isinstance(value, (int, float)) else _each_time(value, change)
        for name, value in document.items()
    }


def _times(change: Callable[[float], float]) -> Callable[[], Break]:
    return changed(DATED, lambda document, _: _each_time(document, change))


def _clock_off(seconds: int) -> Callable[[], Break]:
    """The machine's clock is off, and so is all that it tells."""
    shift = _times(lambda value: value + seconds)()

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await shift(asked, behind)
        told = dict(answer.headers).get(b"date")
        now = parsedate_to_datetime(told.decode()).timestamp() if told else None
        answer.headers = [pair for pair in answer.headers if pair[0].lower() != b"date"]
        answer.headers.append((b"date", formatdate(None if now is None else now + seconds, usegmt=True).encode()))
        return answer

    return lambda: breaking


def _messages_in_milliseconds(document: Any, _asked: Asked) -> Any:
    for message in messages(document):
        for name in TIMES:
            if isinstance(message.get(name), (int, float)):
                message[name] *= 1000
    return document


def _dated_by_import(document: Any, _asked: Asked) -> Any:
    for row in rows(document):
        row["created_at"] -= 40 * 24 * HOUR
    return document


def _usage(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[], Break]:
    def apply(document: Any, _asked: Asked) -> Any:
        usage = document.get("usage") if isinstance(document, dict) else None
        return document | {"usage": usage | change(usage)} if usage else document

    return changed({"createChatCompletion"}, apply)


FAULTS = [
    Fault("times-in-milliseconds", "time", BOTH, "Every chat is from the year 57000.",
          ("times-right",), _times(lambda value: value * 1000)),
    Fault("messages-in-milliseconds", "time", BOTH, "The messages of a chat are from the year 57000.",
          ("times-right",), changed(HISTORY, _messages_in_milliseconds)),
    Fault("times-in-local-time", "time", BOTH, "A chat that was made just now is from in two hours.",
          ("times-right",), _times(lambda value: value + 2 * HOUR)),
    Fault("list-dated-otherwise", "time", BOTH, "The list gives other dates than the chats themselves.",
          ("times-right",), changed(LIST, _dated_by_import)),
    Fault("updated-before-created", "time", (OPENWEBUI,), "A chat was changed before it was made.",
          ("times-right",),
          changed(CREATE, lambda document, _: document | {"updated_at": document["created_at"] - 5})),
    Fault("clock-off", "time", BOTH, "Everything is dated ten minutes too late.",
          ("clock-agrees",), _clock_off(600)),
    Fault("usage-negative", "shape", (OPENWEBUI,), "A reply costs minus one token.",
          ("usage-adds-up",), _usage(lambda _: {"completion_tokens": -1})),
    Fault("usage-short", "shape", (OPENWEBUI,), "The tokens in all are fewer than those of the prompt.",
          ("usage-adds-up",), _usage(lambda usage: {"total_tokens": usage["prompt_tokens"] - 1})),
]  # fmt: skip
