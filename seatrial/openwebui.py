"""The six verbs on a real Open WebUI's own API.

A session is a chat, a history is the branch of its message tree that ends in `currentId`, and a turn
is the completion form that answers in the response and stores both messages (releases from 0.9.4 on).
`completions` has the other request forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from typing import Any

from seatrial.completions import Form, completion, new_id
from seatrial.contract import OPENWEBUI, Contract
from seatrial.exchange import Reply, Steps, Unexpected, Unfinished, Wait
from seatrial.reading import held, identifier, items, member, names_one, number, success
from seatrial.verbs import Message, Model, Session, Turn

PAGE = 60
"""Chats on one page of the list, in every release that the contract knows."""

MAX_PAGES = 500
"""Pages before a list counts as never ending: 30,000 chats."""

STORED_ERROR = "$.error"
"""Where an error stands with which a reply was stored: a turn in the background is acknowledged all the same."""

POLL_SECONDS = (0.05, 0.05, 0.1, 0.1, 0.2)
"""Pauses between looks at a running turn's tasks; the last one repeats."""


class OpenWebUIVerbs:
    """`model` is the model that answers; without one, turns need `get_model_info` first.

    `patience` is how many seconds of pauses a turn in the background may take before it counts as never ending.
    """

    api = OPENWEBUI

    def __init__(self, contract: Contract, model: str | None = None, patience: float = 120.0) -> None:
        self.contract, self.model, self.patience = contract, model, patience
        self._call = contract.call

    def create_session(self, title: str = "") -> Steps[Session]:
        chat = {"title": title, "models": [self.model or ""], "history": {"messages": {}, "currentId": None}}
        reply = yield self._call("createChat", json={"chat": chat})
        document = success(reply)
        return _session(document, identifier(reply, document))

    def send_message(self, session: Session | None, prompt: str) -> Steps[Turn]:
        """One request that answers with the reply; with a session, both messages are stored in it."""
        if session is None:
            reply = yield self._call("createChatCompletion", json=completion(Form.PLAIN, self.model, prompt))
            return Turn(prompt, answer(reply, success(reply)), self.model, None)
        assistant = new_id()
        body = completion(Form.STORED_PLAIN, self.model, prompt, session=session, assistant_id=assistant)
        reply = yield self._call("createChatCompletion", json=body)
        document = success(reply)
        if document is None:  # up to 0.11.4 so where the provider failed, whose words are stored
            yield from self._stored(reply, session, assistant)
        return Turn(prompt, answer(reply, document), self.model, _moved(session, assistant))

    def send_in_background(self, session: Session, prompt: str, socket_id: str) -> Steps[Turn]:
        """The turn as browsers send it: acknowledged at once, told over the socket, stored when its tasks end."""
        assistant = new_id()
        body = completion(
            Form.BACKGROUND, self.model, prompt, session=session, assistant_id=assistant, socket_id=socket_id
        )
        reply = yield self._call("createChatCompletion", json=body)
        document = success(reply)
        member(reply, document, "task_ids", list)
        yield from self.await_tasks(session.id)
        stored = yield from self._stored(reply, session, assistant)
        if stored is None:
            raise Unexpected(reply, "the acknowledged turn in the history", "no such message", "$.chat.history")
        return Turn(prompt, stored.content, self.model, _moved(session, assistant))

    def _stored(self, reply: Reply, session: Session, assistant: str) -> Steps[Message | None]:
        """A reply as the history has it. Raises `Unexpected` where it holds an error in its place."""
        history = yield from self.get_history(session.id)
        stored = next((message for message in history if message.id == assistant), None)
        if stored is not None and stored.error:
            raise Unexpected(reply, "a reply", f"the stored message holds an error: {stored.error}", STORED_ERROR)
        return stored

    def await_tasks(self, chat_id: str) -> Steps[None]:
        """Look until no task of the chat is left. Raises `Unfinished` when they do not end within `patience`."""
        paused, pauses = 0.0, chain(POLL_SECONDS, repeat(POLL_SECONDS[-1]))
        while paused < self.patience:
            reply = yield self._call("listChatTasks", chat_id)
            if not items(reply, member(reply, success(reply), "task_ids", list), "$.task_ids"):
                return
            pause = next(pauses)
            yield Wait(pause)
            paused += pause
        raise Unfinished(reply, "tasks that end", f"still running after {self.patience:g} s", "$.task_ids")

    def get_model_info(self) -> Steps[list[Model]]:
        reply = yield self._call("listModels")
        rows = items(reply, member(reply, success(reply), "data", list), "$.data")
        found = []
        for i, row in enumerate(rows):
            model_id = member(reply, row, "id", str, f"$.data[{i}]")
            hidden = held(held(held(row, "info"), "meta"), "hidden") is True or held(row, "owned_by") == "arena"
            found.append(Model(model_id, str(row.get("name") or model_id), hidden=hidden or model_id == "arena-model"))
        return found

    def list_sessions(self) -> Steps[list[Session]]:
        """All pages, in the server's order. A page that brings nothing new ends the list.

        Raises `Unexpected` when none does.
        """
        found: dict[str, Session] = {}
        listed: list[Session] = []
        for page in range(1, MAX_PAGES + 1):
            reply = yield self._call("listChats", query={"page": page})
            rows = items(reply, success(reply))
            sessions = [_session(row, identifier(reply, row, f"$[{i}]")) for i, row in enumerate(rows)]
            fresh = [session for session in sessions if session.id not in found]
            listed += sessions if fresh else []
            found.update((session.id, session) for session in fresh)
            if len(rows) < PAGE or not fresh:
                return listed
        raise Unexpected(reply, "a list that ends", f"other chats on each of {MAX_PAGES} pages", "list: its end")

    def delete_session(self, session_id: str) -> Steps[None]:
        reply = yield self._call("deleteChat", session_id)
        if success(reply) is not True:
            raise Unexpected(reply, "true", where="$")

    def get_history(self, session_id: str) -> Steps[list[Message]]:
        reply = yield self._call("getChat", session_id)
        document = success(reply)
        chat = member(reply, document, "chat", dict)
        return branch(reply, chat)


def branch(reply: Reply, chat: Mapping[str, Any]) -> list[Message]:
    """The messages that the web app shows: from `currentId` up through the parents, oldest first.

    Raises `Unexpected` when a link leads nowhere or in a circle.
    """
    history = chat.get("history")
    if not isinstance(history, dict) or not isinstance(history.get("messages"), dict):
        return []
    messages, current = history["messages"], history.get("currentId")
    walked: list[Message] = []
    seen: set[str] = set()
    while current:
        row = messages.get(current) if names_one(current) else None
        if not isinstance(row, dict):
            place = f"$.chat.history.messages.{current}"
            raise Unexpected(reply, "every message that a link names", f"no message {current}", place)
        if current in seen:
            raise Unexpected(reply, "a tree of messages", f"a circle at {current}", "$.chat.history.messages")
        seen.add(current)
        walked.append(_message(reply, row, current))
        current = row.get("parentId")
    return walked[::-1]


def answer(reply: Reply, document: Any) -> str:
    """The text of a plain completion."""
    choices = items(reply, member(reply, document, "choices", list), "$.choices")
    if not choices:
        raise Unexpected(reply, "$.choices[0]", "no choice", "$.choices")
    message = member(reply, choices[0], "message", dict, "$.choices[0]")
    return str(member(reply, message, "content", str, "$.choices[0].message"))


def _message(reply: Reply, row: Mapping[str, Any], message_id: str) -> Message:
    place = f"$.chat.history.messages.{message_id}"
    error = row.get("error")
    if isinstance(error, dict):
        error = error.get("content", error)
    return Message(
        role=member(reply, row, "role", str, place),
        content=member(reply, row, "content", str, place),
        id=message_id,
        parent=row.get("parentId"),
        created_at=number(row.get("timestamp")),
        error=str(error) if error else None,
        elsewhere=output_text(row.get("output")),
        done=row["done"] if isinstance(row.get("done"), bool) else None,
        original=row["originalContent"] if isinstance(row.get("originalContent"), str) else None,
    )


def output_text(output: Any) -> str:
    """The text in a message's `output` items; 0.10 keeps replies there and leaves `content` empty.

    Reasoning and tool calls are items too; they are no part of the reply.
    """
    return joined(item_text(item) for item in (output if isinstance(output, list) else ()))


def item_text(item: Any) -> str:
    """The text of one item of a reply, "" where it is no message."""
    if not isinstance(item, dict) or item.get("type", "message") != "message":
        return ""
    content = item.get("content")
    parts = content if isinstance(content, list) else ()
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def joined(texts: Iterable[str]) -> str:
    """The items of a reply as one text, as Open WebUI stores it (utils/misc.py): a line each, blank ones left out."""
    return "\n".join(text for text in texts if text and not text.isspace())


def _session(row: Mapping[str, Any], session_id: str) -> Session:
    return Session(
        session_id, str(row.get("title") or ""), number(row.get("created_at")), number(row.get("updated_at"))
    )


def _moved(session: Session, tip: str) -> Session:
    return Session(session.id, session.title, session.created_at, session.updated_at, tip)
