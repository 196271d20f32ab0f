"""Searches that find too little or too much, and tasks that never end or never begin."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import SEND, Break, rows

from .noting import asking, fault, instead

OWUI = (OPENWEBUI,)
Keep = Callable[[dict[str, Any], str, Callable[[], Awaitable[str]]], Awaitable[bool]]


def _found(keep: Keep) -> Callable[[], Break]:
    """Searches that keep a row only where `keep(row, text, chat)` says so; `chat()` is the chat it stands for."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation != "searchChats" or answer.status != 200:
            return answer
        kept = []
        for row in rows(await answer.document()):

            async def chat(row: dict[str, Any] = row) -> str:
                read = await (await behind.call("getChat", row["id"], token=asked.token)).document()
                return json.dumps((read or {}).get("chat"), ensure_ascii=False)

            if await keep(row, asked.query.get("text", ""), chat):
                kept.append(row)
        answer.put(kept)
        return answer

    return lambda: breaking


async def _same_case(row: dict[str, Any], text: str, chat: Callable[[], Awaitable[str]]) -> bool:
    return text in row["title"] or text in await chat()


async def _in_title(row: dict[str, Any], text: str, _chat: Callable[[], Awaitable[str]]) -> bool:
    return text.lower() in row["title"].lower()


async def _not_in_title(_row: dict[str, Any], text: str, chat: Callable[[], Awaitable[str]]) -> bool:
    said = json.loads(await chat()) or {}
    return text.lower() in json.dumps(said.get("history"), ensure_ascii=False).lower()


async def _not_recent(row: dict[str, Any], _text: str, _chat: Callable[[], Awaitable[str]]) -> bool:
    return time.time() - int(row["created_at"]) > 60


def _shows_deleted() -> Break:
    """An index that nobody tells about deletions."""
    gone: dict[str, list[dict[str, Any]]] = {}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        token, row = asked.token or "", None
        if asked.operation == "deleteChat":
            listed = rows(await (await behind.call("listChats", token=asked.token)).document())
            row = next((row for row in listed if row["id"] == asked.values[0]), None)
        answer = await behind.answer(asked)
        if row and answer.status == 200:
            gone.setdefault(token, []).append(row)
        if asked.operation == "searchChats" and answer.status == 200:
            text = asked.query.get("text", "").lower()
            dead = [row for row in gone.get(token, []) if text in row["title"].lower()]
            answer.put([*rows(await answer.document()), *dead])
        return answer

    return breaking


def _never_past_the_end() -> Break:
    """A page after the last is the first page again."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation == "listChats" and "page" in asked.query and await answer.document() == []:
            return await behind.answer(asked.querying(page="1"))
        return answer

    return breaking


def _task_ids(document: Any) -> list[str]:
    return list(document.get("task_ids") or []) if isinstance(document, dict) else []


def _never_ending() -> Break:
    """Tasks stay in Redis although they are done."""
    begun: dict[str, list[str]] = {}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in SEND and answer.status == 200:
            if ids := _task_ids(document := await answer.document()):
                begun.setdefault(str(document["chat_id"]), []).extend(ids)
        elif asked.operation == "listChatTasks" and answer.status == 200 and asked.values[0] in begun:
            answer.put({"task_ids": begun[asked.values[0]]})
        return answer

    return breaking


def _in_background(asked: Asked) -> bool:
    document = asked.document()
    return asked.operation in SEND and bool(document.get("session_id")) and bool(document.get("chat_id"))


def _only_acknowledged(asked: Asked) -> Answer:
    chat = asked.document()["chat_id"]
    return Answer.of(200, {"status": True, "task_ids": [str(uuid.uuid4())], "chat_id": chat})


def _old_acknowledgement() -> Break:
    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in SEND and answer.status == 200 and (ids := _task_ids(await answer.document())):
            answer.put({"status": True, "task_id": ids[0]})
        return answer

    return breaking


def _first_word(asked: Asked) -> Asked:
    words = asked.query.get("text", "").split()
    return asked.querying(text=words[0]) if len(words) > 1 else asked


def _ascii_only(asked: Asked) -> Asked:
    text = asked.query.get("text", "")
    return asked if text.isascii() else asked.querying(text=text.encode("ascii", "replace").decode())


FAULTS = [
    fault("search-minds-case", "listing", OWUI,
          "The search finds 'Paris' but not 'paris'.",
          "https://github.com/AndraxDev/speak-gpt/issues/128 (LIKE on PostgreSQL minds case)", _found(_same_case)),
    fault("search-in-titles-only", "listing", OWUI,
          "The search does not find what was said, only titles.", "imagined", _found(_in_title)),
    fault("search-not-in-titles", "listing", OWUI,
          "I look for a chat by its title and it is not found.", "imagined", _found(_not_in_title)),
    fault("search-misses-recent", "listing", OWUI,
          "What I made in the last minute is never found.",
          "imagined (an index that is refreshed once a minute)", _found(_not_recent)),
    fault("search-shows-deleted", "listing", OWUI,
          "The search goes on finding chats that I deleted; they do not open.", "imagined", _shows_deleted),
    fault("search-knows-ascii-only", "listing", OWUI,
          "Searching for 'França' finds nothing.",
          "https://github.com/open-webui/open-webui/issues/29210", asking({"searchChats"}, _ascii_only)),
    fault("search-by-first-word", "listing", OWUI,
          "The search finds far too much: only the first word counts.", "imagined",
          asking({"searchChats"}, _first_word)),
    fault("pages-never-end", "listing", OWUI,
          "Scrolling down, the sidebar begins again from the top and never ends.", "imagined", _never_past_the_end),
    fault("tasks-never-end", "stream", OWUI,
          "The reply is there and the chat still says that one is being written; I can send nothing.",
          "https://github.com/open-webui/open-webui/pull/23058", _never_ending),
    fault("only-acknowledged", "durability", OWUI,
          "I send a message, all looks well, and neither message nor reply ever come.",
          "imagined (the worker that takes tasks is down)", instead(_in_background, _only_acknowledged)),
    fault("acknowledged-the-old-way", "shape", OWUI,
          "After half an upgrade the page does not know which task it waits for.",
          "imagined (0.8 beside 0.9)", _old_acknowledgement),
]  # fmt: skip
