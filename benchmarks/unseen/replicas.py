"""Several servers behind one address that do not know the same: no Redis, a lagging database, a half-done upgrade."""

from __future__ import annotations

import time
import uuid
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind, once
from seatrial.lab.faults.making import BOTH, CREATE, DELETE, HISTORY, LIST, WRITE, Break, every, rows

from .noting import fault

OWUI = (OPENWEBUI,)
READER = {"deleteSession": "listSessions", "deleteChat": "listChats"}
LAG = 5.0


def _no_models() -> Break:
    async def empty(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if answer.status == 200:
            answer.put({"data": []})
        return answer

    return every(2, {"listModels"}, empty)()


def _lagging() -> Break:
    """Every second read within seconds of a write comes from before it."""
    before: dict[str, tuple[float, Answer, bytes]] = {}
    count = 0

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        nonlocal count
        chat = asked.session or ""
        if asked.operation in WRITE and chat and asked.token:
            reading = "getHistory" if asked.operation == "sendMessage" else "getChat"
            state = await behind.call(reading, chat, token=asked.token)
            if state.status == 200:
                before[chat] = (time.monotonic() + LAG, state, await state.read())
        answer = await behind.answer(asked)
        if asked.operation in HISTORY and answer.status == 200 and chat in before:
            count += 1
            until, state, body = before[chat]
            if count % 2 == 0 and time.monotonic() < until:
                return Answer(200, list(state.headers), once(body))
        return answer

    return breaking


def _unknown_when_new() -> Break:
    """Every second read of a chat that is younger than three seconds finds nothing."""
    made: dict[str, float] = {}
    count = 0

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        nonlocal count
        if asked.operation in HISTORY and time.monotonic() - made.get(asked.session or "", 0) < 3:
            count += 1
            if count % 2 == 0:
                return await behind.answer(asked.at((str(uuid.uuid4()),), behind.contract))
        answer = await behind.answer(asked)
        if asked.operation in CREATE and answer.status == 200:
            made[(await answer.document())["id"]] = time.monotonic()
        return answer

    return breaking


def _back_from_the_dead() -> Break:
    """From the second look on, a deleted chat stands in the list again."""
    gone: dict[str, list[dict[str, Any]]] = {}
    looked: set[str] = set()

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        token = asked.token or ""
        row = None
        if asked.operation in DELETE:
            listed = await (await behind.call(READER[asked.operation], token=asked.token)).document()
            row = next((row for row in rows(listed) if row["id"] == asked.session), None)
        answer = await behind.answer(asked)
        if row and answer.status == 200:
            gone.setdefault(token, []).append(row)
            looked.discard(token)
        elif asked.operation in LIST and answer.status == 200 and token in gone:
            if token in looked:
                document = await answer.document()
                kept = rows(document)
                kept.extend(gone[token])
                kept.sort(key=lambda row: -row.get("updated_at", row["created_at"]))
                answer.put(document)
            looked.add(token)
        return answer

    return breaking


def _forgets_tasks() -> Break:
    async def nothing(_asked: Asked, _behind: Behind) -> Answer:
        return Answer.of(200, {"task_ids": []})

    return every(2, {"listChatTasks"}, nothing)()


def _stops_nothing() -> Break:
    """The task lives in another process, so there is none to stop; the chat is looked up all the same."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        if asked.operation == "stopChatTasks":
            answer = await behind.call("getChat", asked.values[0], token=asked.token)
            if answer.status == 200:
                return Answer.of(200, {"status": True, "message": "No tasks found."})
        return await behind.answer(asked)

    return breaking


def _two_releases() -> Break:
    count = 0

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        nonlocal count
        answer = await behind.answer(asked)
        if asked.operation == "getVersion" and answer.status == 200:
            count += 1
            if count % 2 == 0:
                answer.put(await answer.document() | {"version": "0.10.2"})
        return answer

    return breaking


FAULTS = [
    fault(
        "replica-without-models", "listing", OWUI,
        "On every second reload the model menu is empty.",
        "https://github.com/open-webui/open-webui/issues/15336",
        _no_models,
    ),
    fault(
        "replica-reads-lag", "durability", BOTH,
        "Right after I send something, every second reload shows the chat without it.",
        "imagined (reads from a PostgreSQL replica)",
        _lagging,
    ),
    fault(
        "replica-knows-no-new-chat", "durability", BOTH,
        "Opening the chat I just made says that it does not exist; a reload helps.",
        "imagined (SQLite on a network file system, two pods)",
        _unknown_when_new,
    ),
    fault(
        "replica-revives-deleted", "listing", BOTH,
        "I delete a chat, it is gone, and with the next reload it stands in the sidebar again.",
        "https://github.com/session-foundation/session-desktop/issues/1630",
        _back_from_the_dead,
    ),
    fault(
        "replica-forgets-tasks", "stream", OWUI,
        "While the reply is still being written, every second look says that nothing is going on.",
        "https://github.com/open-webui/open-webui/issues/14340",
        _forgets_tasks,
    ),
    fault(
        "stop-does-nothing", "stream", OWUI,
        "I press Stop, it says fine, and the reply goes on to its end.",
        "https://github.com/open-webui/open-webui/issues/26779",
        _stops_nothing,
    ),
    fault(
        "replica-of-an-old-release", "availability", OWUI,
        "The update note comes and goes: every second page says that it is another release.",
        "https://github.com/open-webui/helm-charts/pull/334 (settings differ from pod to pod)",
        _two_releases,
    ),
]  # fmt: skip
