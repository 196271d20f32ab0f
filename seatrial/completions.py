"""The request forms of Open WebUI's completions: one operation with several contracts.

    PLAIN         no chat fields: an OpenAI answer, stored nowhere
    STREAM        the same with `stream: true`: server-sent events that end in `[DONE]`
    BACKGROUND    chat, id, session_id: acknowledged at once, told over the socket, then stored
    BLOCKING      the same without session_id: answers null once the reply is stored
    STORED_PLAIN  `stream: false` with chat, id and user_message: the OpenAI answer, and stored
    NEW_CHAT      `parent_id: null` and no chat_id: the server makes the chat itself

Message ids are UUIDs made by the caller; they must link up or the web app shows nothing.
"""

from __future__ import annotations

import time
import uuid
from enum import Enum
from typing import Any

from seatrial.verbs import Session


class Form(Enum):
    """Which contract of createChatCompletion a request asks for."""

    PLAIN = "plain"
    STREAM = "stream"
    BACKGROUND = "background"
    BLOCKING = "blocking"
    STORED_PLAIN = "stored plain"
    NEW_CHAT = "new chat"


def form_of(body: Any) -> str:
    """What a completion's request asks for, in the words of a report: "plain completions", "background turns"."""
    if not isinstance(body, dict):
        return "completions"
    streamed = bool(body.get("stream"))
    if body.get("chat_id"):
        return "background turns" if body.get("session_id") else "blocking turns" if streamed else "stored plain turns"
    if "parent_id" in body and body["parent_id"] is None:
        return "turns in a new chat"
    return "streamed completions" if streamed else "plain completions"


def new_id() -> str:
    return str(uuid.uuid4())


def completion(
    form: Form,
    model: str | None,
    prompt: str,
    *,
    session: Session | None = None,
    assistant_id: str | None = None,
    socket_id: str | None = None,
) -> dict[str, Any]:
    """The body of a completion in one of its forms. Forms that store need a session, NEW_CHAT makes its own."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "stream": form in (Form.STREAM, Form.BACKGROUND, Form.BLOCKING),
    }
    if form in (Form.PLAIN, Form.STREAM):
        return body
    user_id, assistant_id = new_id(), assistant_id or new_id()
    parent = session.tip if session else None
    body |= {
        "id": assistant_id,
        "parent_id": user_id,
        "user_message": {
            "id": user_id,
            "parentId": parent,
            "childrenIds": [assistant_id],
            "role": "user",
            "content": prompt,
            "timestamp": int(time.time()),
            "models": [model],
        },
    }
    if form is Form.NEW_CHAT:
        body["parent_id"] = None
    elif session is None:
        raise ValueError(f"{form.value} needs a session")
    else:
        body["chat_id"] = session.id
    if form is Form.BACKGROUND or (form is Form.NEW_CHAT and socket_id):
        body["session_id"] = socket_id or new_id()
    return body
