"""Mistakes that are handled badly: taken for good, answered with a server error, or doing harm."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import (
    BOTH,
    DELETE,
    HISTORY,
    LIST,
    READ_MISTAKES,
    SEND,
    WRITE,
    Break,
    Fault,
    Register,
    always,
    messages,
    put_messages,
)


async def _taken_for_good(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if answer.status != 422:
        return answer
    if asked.operation == "sendMessage":
        return Answer.of(200, {"reply": "What do you mean?", "model": "scripted", "session_id": None})
    return await behind.answer(asked.saying({"chat": {}}))


async def _number_as_text(asked: Asked, behind: Behind) -> Answer:
    body = asked.document()
    prompt = body.get("prompt")
    if isinstance(prompt, int):
        return await behind.answer(asked.saying(body | {"prompt": str(prompt)}))
    return await behind.answer(asked)


async def _word_as_page(asked: Asked, behind: Behind) -> Answer:
    page = asked.query.get("page", "1")
    return await behind.answer(asked if re.fullmatch(r"-?\d+", page) else asked.querying(page="1"))


def _failing(status: int) -> Break:
    """What is refused with this status fails."""

    async def instead(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        return Answer.of(500, {"detail": "Internal Server Error"}) if answer.status == status else answer

    return instead


async def _odd_ids_fail(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    odd = answer.status >= 400 and not re.fullmatch(r"[0-9a-fA-F-]+", asked.values[0])
    return Answer.of(500, {"detail": "Internal Server Error"}) if odd else answer


class _Spoiling:
    """After one wrong request the list of that account fails."""

    def __init__(self) -> None:
        self.spoiled: set[str] = set()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        who = behind.caller(asked)
        if asked.operation in LIST and who in self.spoiled:
            return Answer.of(500, {"detail": "Internal Server Error"})
        answer = await behind.answer(asked)
        if asked.operation in READ_MISTAKES and answer.status == 422 and who is not None:
            self.spoiled.add(who)
        return answer


class _Forgetful:
    """After one wrong request, conversations of that account lack what was said last."""

    def __init__(self) -> None:
        self.mistaken: set[str] = set()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        who = behind.caller(asked)
        if asked.operation in WRITE | READ_MISTAKES and answer.status in (400, 422) and who is not None:
            self.mistaken.add(who)
        elif asked.operation in HISTORY and answer.status == 200 and who in self.mistaken:
            document = await answer.document()
            if said := messages(document):
                answer.put(put_messages(document, said[:-1]))
        return answer


class _Missing:
    """What was never made is answered as if it were there."""

    def __init__(self, operations: Collection[str], instead: Break) -> None:
        self.operations, self.instead = operations, instead
        self.register = Register(anonymous=True)

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        refused = asked.operation in self.operations and answer.status in (401, 404)
        never_made = asked.session is not None and asked.session not in self.register.owner
        if refused and never_made and behind.caller(asked) in self.register.seen:
            return await self.instead(asked, behind)
        return answer


def _missing(operations: Collection[str], instead: Break) -> Callable[[], Break]:
    return lambda: _Missing(operations, instead)


async def _empty_history(asked: Asked, _behind: Behind) -> Answer:
    if asked.operation == "getHistory":
        return Answer.of(200, {"session_id": asked.values[0], "messages": []})
    answer = Answer.of(200, None)
    answer.put_bytes(b"<!doctype html><html><body><div id=app></div></body></html>", "text/html")
    return answer


async def _said_deleted(asked: Asked, _behind: Behind) -> Answer:
    return Answer.of(200, {"deleted": True, "id": asked.values[0]} if asked.operation == "deleteSession" else True)


async def _turn_nowhere(asked: Asked, behind: Behind) -> Answer:
    kept = ("chat_id", "id", "parent_id", "user_message", "session_id")
    return await behind.answer(asked.saying({k: v for k, v in asked.document().items() if k not in kept}))


FAULTS = [
    Fault("mistake-taken", "status", BOTH, "A request that makes no sense is answered as if it did.",
          ("bad-input-refused",), always(READ_MISTAKES, _taken_for_good)),
    Fault("number-taken-as-text", "status", (SESSIONS,), "A number as prompt passes for text.",
          ("bad-input-refused",), always({"sendMessage"}, _number_as_text)),
    Fault("word-taken-as-page", "status", (OPENWEBUI,), "Page 'abc' of the list is its first page.",
          ("bad-input-refused",), always({"listChats"}, _word_as_page)),
    Fault("mistake-fails", "status", BOTH, "A wrong body ends in Internal Server Error.",
          ("no-server-error",), always(READ_MISTAKES, _failing(422))),
    Fault("odd-id-fails", "status", BOTH, "An address with odd characters ends in Internal Server Error.",
          ("no-server-error",), always(HISTORY, _odd_ids_fail)),
    Fault("mistake-spoils-the-account", "availability", BOTH, "After an odd request an account's list does not load.",
          ("bad-input-harmless",), _Spoiling),
    Fault("mistake-loses-a-message", "durability", BOTH, "After one odd request conversations lack their last message.",
          ("bad-input-harmless",), _Forgetful),
    Fault("missing-looks-empty", "status", BOTH, "A conversation that never was opens, and is empty.",
          ("missing-refused",), _missing(HISTORY, _empty_history)),
    Fault("deleting-nothing-succeeds", "status", BOTH, "Deleting what never was says that it was deleted.",
          ("missing-refused",), _missing(DELETE, _said_deleted)),
    Fault("turn-into-nowhere", "status", BOTH, "A message into a conversation that never was is answered, and lost.",
          ("missing-refused",), _missing(SEND, _turn_nowhere)),
]  # fmt: skip
