"""The six verbs that every chat deployment is asked to do, described without doing IO.

`Verbs` is the protocol; `sessions` and `openwebui` speak it, and `actor` performs it. The values here
are what journeys and tests see of a deployment, whichever API it speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.exchange import Steps


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation that the server keeps. Times are epoch seconds; `tip` is the id of its last message."""

    id: str
    title: str = ""
    created_at: float | None = None
    updated_at: float | None = None
    tip: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a history. `role` is "user" or "assistant"; ids and parents only where the API has them.

    `content` is what clients read; `elsewhere` is text that the server keeps in another place of the message;
    `done` is False for a reply that is still being written, None where the API does not say. `original` is the text
    before a filter of the deployment changed it, None where none did.
    """

    role: str
    content: str
    id: str | None = None
    parent: str | None = None
    created_at: float | None = None
    error: str | None = None
    elsewhere: str = ""
    done: bool | None = None
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A prompt and its reply; `session` is the conversation after it, None when it was stored nowhere."""

    prompt: str
    reply: str
    model: str | None
    session: Session | None


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the deployment names it. `version` only where the API tells one.

    `hidden`: people are not offered it, or it answers as another one each time.
    """

    id: str
    name: str
    version: str | None = None
    hidden: bool = False


class Verbs(Protocol):
    """What both APIs can do. Each method yields calls and returns its result; see `exchange.perform`.

    Every method raises `Unexpected` when the answer is no success or lacks what the verb needs.
    """

    api: str

    def create_session(self, title: str) -> Steps[Session]: ...
    def send_message(self, session: Session | None, prompt: str) -> Steps[Turn]: ...
    def get_model_info(self) -> Steps[list[Model]]: ...
    def list_sessions(self) -> Steps[list[Session]]: ...
    def delete_session(self, session_id: str) -> Steps[None]: ...
    def get_history(self, session_id: str) -> Steps[list[Message]]: ...


VERB_OPERATIONS = {
    SESSIONS: {
        "create_session": "createSession",
        "send_message": "sendMessage",
        "get_model_info": "getModelInfo",
        "list_sessions": "listSessions",
        "delete_session": "deleteSession",
        "get_history": "getHistory",
    },
    OPENWEBUI: {
        "create_session": "createChat",
        "send_message": "createChatCompletion",
        "get_model_info": "listModels",
        "list_sessions": "listChats",
        "delete_session": "deleteChat",
        "get_history": "getChat",
    },
}
"""The operation in which each verb shows, per API: findings and load reports name it."""


def said(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """What a history must hold after these turns: (role, content), oldest first."""
    return [pair for turn in turns for pair in (("user", turn.prompt), ("assistant", turn.reply))]


def kept(history: Sequence[Message], wanted: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """A history as (role, content), oldest first, to be held to what was `wanted`.

    Where a deployment has an outlet filter (a footer, words blacked out), a message is stored as the filter left it,
    with the text before beside it. A message whose text before is one that was wanted counts as that.
    """
    texts = set(wanted)
    return [(message.role, _before_filters(message, texts)) for message in history]


def filtered(history: Sequence[Message], wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether `kept` takes a message for what it was before a filter changed it."""
    texts = set(wanted)
    return any(_before_filters(message, texts) != message.content for message in history)


def _before_filters(message: Message, wanted: set[tuple[str, str]]) -> str:
    role, before = message.role, message.original
    if before is not None and (role, before) in wanted and (role, message.content) not in wanted:
        return before
    return message.content
