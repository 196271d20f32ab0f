"""Answers that are wrong in themselves, whatever they say: status, shape, none at all."""

from __future__ import annotations

import asyncio
from typing import Any

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind, ConnectionCut
from seatrial.lab.faults.making import (
    BOTH,
    CREATE,
    DELETE,
    HISTORY,
    LIST,
    MODEL,
    READ_MISTAKES,
    SEND,
    Break,
    Fault,
    always,
    changed,
    every,
    rows,
)

HOURS = 3600 * 6
LATE, HISTORY_LATE = 0.25, 0.3
PAGE = b"<!doctype html><html><head><title>Chat</title></head><body><div id=app></div></body></html>"


def _with_status(status: int, only: int = 200) -> Break:
    async def instead(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if answer.status == only:
            answer.status = status
            if status == 204:
                answer.put_bytes(b"")
        return answer

    return instead


def _refusing(status: int, detail: str) -> Break:
    async def instead(_asked: Asked, _behind: Behind) -> Answer:
        return Answer.of(status, {"detail": detail})

    return instead


async def _breaking(_asked: Asked, _behind: Behind) -> Answer:
    raise ConnectionCut


async def _hanging(_asked: Asked, _behind: Behind) -> Answer:
    await asyncio.sleep(HOURS)
    raise ConnectionCut


async def _late(asked: Asked, behind: Behind) -> Answer:
    await asyncio.sleep(LATE)
    return await behind.answer(asked)


async def _history_late(asked: Asked, behind: Behind) -> Answer:
    await asyncio.sleep(HISTORY_LATE)
    return await behind.answer(asked)


async def _page(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if answer.status == 200:
        answer.put_bytes(PAGE, "text/html; charset=utf-8")
    return answer


async def _as_text(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if answer.status == 200:
        answer.put_bytes(await answer.read(), "text/plain; charset=utf-8")
    return answer


async def _half(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    body = await answer.read()
    if answer.status == 200:
        answer.put_bytes(body[: len(body) * 2 // 3])
    return answer


class _EveryThirdTurn:
    """Of the turns that are kept: those without a session are left alone."""

    def __init__(self) -> None:
        self.seen = 0

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        if asked.operation in SEND and asked.session is not None:
            self.seen += 1
            if self.seen % 3 == 0:
                return Answer.of(500, {"detail": "The model is overloaded."})
        return await behind.answer(asked)


def _times_as_text(document: Any, _asked: Asked) -> Any:
    for row in rows(document):
        row["created_at"] = str(row.get("created_at"))
    return document


def _null_when_empty(document: Any, _asked: Asked) -> Any:
    return document | {"messages": document.get("messages") or None}


def _without(name: str) -> Any:
    return lambda document, _asked: {key: value for key, value in document.items() if key != name}


def _nameless(document: Any, _asked: Asked) -> Any:
    models = document.get("data", [document])
    for model in models:
        model["name"] = ""
    return document


def _misnamed(document: Any, _asked: Asked) -> Any:
    return document | {"model": "another-model"} if isinstance(document, dict) and "model" in document else document


class _SeenOnce:
    """An account that asked for the models once is shown none from then on."""

    def __init__(self) -> None:
        self.asked: set[str | None] = set()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation == "listModels" and answer.status == 200:
            if asked.token in self.asked:
                answer.put({"data": []})
            self.asked.add(asked.token)
        return answer


async def _short_prompts_refused(asked: Asked, behind: Behind) -> Answer:
    prompt = asked.document().get("prompt")
    if isinstance(prompt, str) and len(prompt) == 1:
        return Answer.of(422, {"detail": "prompt: too short"})
    return await behind.answer(asked)


async def _titles_demanded(asked: Asked, behind: Behind) -> Answer:
    chat = asked.document().get("chat")
    if isinstance(chat, dict) and "title" not in chat:
        problem = {"type": "missing", "loc": ["body", "chat", "title"], "msg": "Field required", "input": chat}
        return Answer.of(422, {"detail": [problem]})
    return await behind.answer(asked)


FAULTS = [
    Fault("create-answers-201", "status", BOTH, "Scripts that wait for a 200 stop after creating a session.",
          ("answer-conforms", "valid-use"), always(CREATE, _with_status(201))),
    Fault("delete-answers-204", "status", BOTH, "Scripts that wait for a 200 stop after deleting a session.",
          ("answer-conforms", "valid-use"), always(DELETE, _with_status(204))),
    Fault("delete-fails", "availability", BOTH, "Conversations cannot be deleted.",
          ("valid-use",), always(DELETE, _refusing(500, "Something went wrong."))),
    Fault("every-third-turn-fails", "availability", BOTH, "Now and then a message is answered with an error.",
          ("valid-use",), _EveryThirdTurn),
    Fault("keys-disagree", "availability", BOTH, "Now and then one is signed out: one server of three has another key.",
          ("valid-use",), every(3, HISTORY, _refusing(401, "Not authenticated"))),
    Fault("connection-breaks", "availability", BOTH, "Now and then a conversation does not load.",
          ("no-answer",), every(3, HISTORY, _breaking)),
    Fault("never-answers", "time", BOTH, "Now and then a conversation loads for ever.",
          ("no-answer",), every(5, HISTORY, _hanging)),
    Fault("answers-late", "time", BOTH, "Everything takes a quarter of a second longer (for `load` and `compare`, "
          "no rule of `verify` judges time).", (), always(CREATE | SEND | LIST | HISTORY | DELETE | MODEL, _late)),
    Fault("history-late", "time", BOTH, "Opening a conversation takes 300 ms longer (for `load` and `compare`).",
          (), always(HISTORY, _history_late)),
    Fault("times-as-text", "shape", BOTH, "Dates in the list read 'Invalid Date'.",
          ("answer-conforms",), changed(LIST, _times_as_text)),
    Fault("reply-without-model", "shape", (SESSIONS,), "Apps that show which model answered break.",
          ("answer-conforms",), changed({"sendMessage"}, _without("model"))),
    Fault("chat-without-updated-at", "shape", (OPENWEBUI,), "Apps that sort by the last change break.",
          ("answer-conforms",), changed({"getChat"}, _without("updated_at"))),
    Fault("null-for-an-empty-history", "shape", (SESSIONS,), "A new conversation breaks the app at first.",
          ("answer-conforms",), changed({"getHistory"}, _null_when_empty)),
    Fault("page-instead-of-history", "shape", BOTH, "A conversation answers with the web app's page and a 200.",
          ("answer-conforms",), always(HISTORY, _page)),
    Fault("history-as-plain-text", "shape", BOTH, "Programs that look at the content type cannot read a conversation.",
          ("answer-conforms",), always(HISTORY, _as_text)),
    Fault("history-cut", "shape", BOTH, "A conversation arrives in part, and cannot be read at all.",
          ("answer-conforms",), always(HISTORY, _half)),
    Fault("refusal-changed", "status", BOTH, "A script that expects 422 for a wrong body meets 409.",
          ("status-documented",), always(READ_MISTAKES, _with_status(409, only=422))),
    Fault("short-prompts-refused", "status", (SESSIONS,), "A message of one character ('?') is refused.",
          ("valid-input-accepted",), always({"sendMessage"}, _short_prompts_refused)),
    Fault("title-demanded", "status", (OPENWEBUI,), "Programs that make chats without a title fail.",
          ("valid-input-accepted",), always({"createChat"}, _titles_demanded)),
    Fault("release-unknown", "shape", (OPENWEBUI,), "Nothing yet: the release is newer than the contract.",
          ("release-known",), changed({"getVersion"}, lambda document, _asked: document | {"version": "99.1.0"})),
    Fault("model-nameless", "shape", BOTH, "The model has no name to choose it by.",
          ("model-named", "answer-conforms"), changed(MODEL, _nameless)),
    # Not on Open WebUI: providers answer under dated names and aliases, so that another name proves nothing.
    Fault("model-misnamed", "shape", (SESSIONS,), "Replies name another model than the one that was asked.",
          ("model-named",), changed(SEND, _misnamed)),
    Fault("models-vanish", "availability", (OPENWEBUI,), "The model is there at first, and after a reload it is not.",
          ("model-named",), _SeenOnce),
]  # fmt: skip
