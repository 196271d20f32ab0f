"""Conversations that are not what was said: messages, their order and links, their text, how long they last."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import (
    BOTH,
    HISTORY,
    LIST,
    SEND,
    Break,
    Fault,
    changed,
    conversing,
    messages,
    put_messages,
    tree_of,
)

Messages = list[dict[str, Any]]
CAP = 20
STORING = ("chat_id", "id", "parent_id", "user_message", "session_id")


def _doubled(said: Messages) -> Messages:
    again = dict(said[-1])
    if "id" in again:
        again["id"] = again["id"][:-4] + ("0000" if again["id"][-4:] != "0000" else "1111")
    return [*said, again]


def _altered(said: Messages) -> Messages:
    return [m | {"content": m["content"] + " Anything else?"} if m.get("role") == "assistant" else m for m in said]


def _swapped_roles(said: Messages) -> Messages:
    other = {"user": "assistant", "assistant": "user"}
    return [m | {"role": other.get(m["role"], m["role"])} for m in said]


def _reordered(order: Callable[[int], list[int]]) -> Callable[[], Break]:
    """What was said changes places; ids and links stay where they are."""

    def change(said: Messages) -> Messages:
        spoken = [{key: m[key] for key in ("role", "content") if key in m} for m in said]
        return [m | spoken[place] for m, place in zip(said, order(len(said)), strict=True)]

    return conversing(change)


def _texts(change: Callable[[str], str]) -> Callable[[], Break]:
    return conversing(lambda said: [m | {"content": change(str(m.get("content", "")))} for m in said])


def _titles(change: Callable[[str], str]) -> Callable[[], Break]:
    def apply(document: Any, _asked: Asked) -> Any:
        for row in document if isinstance(document, list) else [document]:
            row["title"] = change(str(row.get("title", "")))
        return document

    return changed(LIST | HISTORY, apply)


class _Mixed:
    """A conversation opens with what was said first in the one that was read before it."""

    def __init__(self) -> None:
        self.before: dict[str | None, tuple[str, str]] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation not in HISTORY or answer.status != 200:
            return answer
        document = await answer.document()
        said = messages(document)
        if said:
            session, text = self.before.get(asked.token, ("", ""))
            self.before[asked.token] = (asked.values[0], str(said[0]["content"]))
            if session and session != asked.values[0]:
                said[0]["content"] = text
                answer.put(document)
        return answer


class _ThirdTurnForgotten:
    """The third turn of a session and later ones are answered like the others, and kept nowhere."""

    def __init__(self) -> None:
        self.turns: dict[str, int] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        session = asked.session if asked.operation in SEND else None
        if session is None:
            return await behind.answer(asked)
        self.turns[session] = self.turns.get(session, 0) + 1
        if self.turns[session] < 3:
            return await behind.answer(asked)
        return await answered_only(asked, behind)


async def answered_only(asked: Asked, behind: Behind) -> Answer:
    """A turn that is answered like any other, and kept nowhere."""
    session = asked.session
    answer = await behind.answer(
        asked.saying({key: value for key, value in asked.document().items() if key not in STORING})
    )
    document = await answer.document()
    if isinstance(document, dict) and "session_id" in document:
        answer.put(document | {"session_id": session})
    return answer


class _Fading:
    """Whoever reads a conversation again misses what was said last."""

    def __init__(self) -> None:
        self.read: dict[str, int] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in HISTORY and answer.status == 200:
            document = await answer.document()
            said = messages(document)
            if said and self.read.get(asked.values[0]) == len(said):
                answer.put(put_messages(document, said[:-1]))
            self.read[asked.values[0]] = len(said)
        return answer


async def _kept_all_the_same(asked: Asked, behind: Behind) -> Answer:
    """Prompts that belong to no session get one."""
    body = asked.document()
    if asked.operation not in SEND or behind.caller(asked) is None or set(body) & set(STORING):
        return await behind.answer(asked)
    if asked.operation == "createChatCompletion":
        await behind.call("createChat", token=asked.token, json={"chat": {"title": "New Chat"}})
    elif body.get("prompt") and isinstance(body["prompt"], str):
        made = await (await behind.call("createSession", token=asked.token)).document()
        answer = await behind.answer(asked.saying(body | {"session_id": made["id"]}))
        answer.put(await answer.document() | {"session_id": None})
        return answer
    return await behind.answer(asked)


def _unlinked(change: Callable[[dict[str, Any], list[dict[str, Any]]], None]) -> Callable[[], Break]:
    """Chats whose tree is changed; `change` gets it with the conversation in it, when that has two messages or more."""

    def apply(document: Any, _asked: Asked) -> Any:
        said = messages(document)
        if len(said) >= 2:
            change(tree_of(document), said)
        return document

    return changed({"getChat"}, apply)


def _without_children(_tree: dict[str, Any], said: Messages) -> None:
    for message in said:
        message["childrenIds"] = []


def _without_parent(_tree: dict[str, Any], said: Messages) -> None:
    said[-1]["parentId"] = None


def _ends_early(tree: dict[str, Any], said: Messages) -> None:
    tree["currentId"] = said[-2]["id"]


def _ends_nowhere(tree: dict[str, Any], said: Messages) -> None:
    tree["currentId"] = said[-1]["id"][::-1]


def _cut(length: int) -> Callable[[str], str]:
    return lambda text: text if len(text) <= length else text[:length]


def _without_emoji(text: str) -> str:
    return re.sub(r"[\U00010000-\U0010ffff]", "?", text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mojibake(text: str) -> str:
    return text.encode("utf-8", "replace").decode("latin-1")


FAULTS = [
    Fault("message-lost", "durability", BOTH, "A message in the middle of a conversation is gone.",
          ("history-content",), conversing(lambda said: [*said[:2], *said[3:]])),
    Fault("message-doubled", "durability", BOTH, "The last message stands there twice.",
          ("history-content",), conversing(_doubled)),
    Fault("history-capped", "durability", BOTH, f"Of a long conversation only the last {CAP} messages are there.",
          ("history-content",), conversing(lambda said: said[-CAP:])),
    Fault("reply-altered", "durability", BOTH, "A reply reads differently after a reload.",
          ("history-content", "turn-stored"), conversing(_altered)),
    Fault("roles-swapped", "durability", BOTH, "The person seems to have said what the model said.",
          ("history-content",), conversing(_swapped_roles)),
    Fault("sessions-mixed", "durability", BOTH, "A message of one conversation appears in another.",
          ("history-content", "text-intact"), _Mixed),
    Fault("third-turn-forgotten", "durability", BOTH, "From the third message on a conversation is not kept.",
          ("history-content",), _ThirdTurnForgotten),
    Fault("history-reversed", "durability", BOTH, "The conversation reads from bottom to top.",
          ("history-order",), _reordered(lambda count: list(range(count))[::-1])),
    Fault("turns-swapped", "durability", BOTH, "The second question stands before the first.",
          ("history-order",), _reordered(lambda n: [2, 3, 0, 1, *range(4, n)] if n >= 4 else list(range(n)))),
    Fault("reply-before-question", "durability", BOTH, "A reply stands above its question.",
          ("history-order",), _reordered(lambda n: [1, 0, *range(2, n)] if n >= 2 else [0])),
    Fault("children-forgotten", "durability", (OPENWEBUI,), "The web app shows the first message and nothing after it.",
          ("history-links",), _unlinked(_without_children)),
    Fault("parent-forgotten", "durability", (OPENWEBUI,), "The web app shows the last message and nothing before it.",
          ("history-links", "history-content"), _unlinked(_without_parent)),
    Fault("ends-before-the-reply", "durability", (OPENWEBUI,), "The web app does not show the last reply.",
          ("history-links", "history-content"), _unlinked(_ends_early)),
    Fault("ends-nowhere", "durability", (OPENWEBUI,), "The web app shows an empty conversation.",
          ("history-links", "valid-use"), _unlinked(_ends_nowhere)),
    Fault("fades-when-read-again", "durability", BOTH, "The last message is there at first, and gone after a reload.",
          ("history-durable",), _Fading),
    Fault("emoji-lost", "durability", BOTH, "Emoji come back as question marks.",
          ("text-intact",), _texts(_without_emoji)),
    Fault("text-decoded-twice", "durability", BOTH, "Accents come back as 'Ã©'.",
          ("text-intact",), _texts(_mojibake)),
    Fault("spaces-trimmed", "durability", BOTH, "Space at the ends of a message is gone.",
          ("text-intact",), _texts(str.strip)),
    Fault("text-escaped", "durability", BOTH, "Code comes back with '&lt;' in it.",
          ("text-intact",), _texts(_escaped)),
    Fault("text-composed", "durability", BOTH, "Decomposed letters come back composed: file names no longer match.",
          ("text-intact",), _texts(lambda text: unicodedata.normalize("NFC", text))),
    Fault("line-ends-changed", "durability", BOTH, "Windows line ends come back as others.",
          ("text-intact",), _texts(lambda text: text.replace("\r\n", "\n"))),
    Fault("long-text-cut", "durability", (OPENWEBUI,), "A long message comes back cut at 20,000 characters.",
          ("text-intact",), _texts(_cut(20_000))),
    Fault("controls-dropped", "durability", BOTH, "Terminal output comes back without its control characters.",
          ("text-intact",), _texts(lambda text: re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text))),
    Fault("title-cut", "durability", (OPENWEBUI,), "Long titles are cut in the list.",
          ("title-intact",), _titles(_cut(40))),
    Fault("title-emoji-lost", "durability", (OPENWEBUI,), "Emoji in titles become question marks.",
          ("title-intact",), _titles(_without_emoji)),
    Fault("prompt-stored", "durability", BOTH, "Every question of a script becomes a conversation in the list.",
          ("prompt-unstored",), lambda: _kept_all_the_same),
]  # fmt: skip
