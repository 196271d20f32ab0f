"""The six verbs on the Session API, the API of the brief: one request each."""

from __future__ import annotations

from typing import Any

from seatrial.contract import SESSIONS, Contract
from seatrial.exchange import Steps
from seatrial.reading import identifier, items, member, number, success
from seatrial.verbs import Message, Model, Session, Turn


class SessionVerbs:
    """Paths and parameter names come from the contract; field names are the Session API's own."""

    api = SESSIONS

    def __init__(self, contract: Contract) -> None:
        self._call = contract.call

    def create_session(self, title: str = "") -> Steps[Session]:
        """`title` is not sent: the brief's client creates a session without any body."""
        reply = yield self._call("createSession")
        document = success(reply)
        return _session(document, identifier(reply, document))

    def send_message(self, session: Session | None, prompt: str) -> Steps[Turn]:
        body = {"prompt": prompt} if session is None else {"prompt": prompt, "session_id": session.id}
        reply = yield self._call("sendMessage", json=body)
        document = success(reply)
        model = document.get("model") if isinstance(document, dict) else None
        return Turn(prompt, member(reply, document, "reply", str), model, session)

    def get_model_info(self) -> Steps[list[Model]]:
        reply = yield self._call("getModelInfo")
        document = success(reply)
        name = member(reply, document, "name", str)
        return [Model(name, name, member(reply, document, "version", str))]

    def list_sessions(self) -> Steps[list[Session]]:
        reply = yield self._call("listSessions")
        document = success(reply)
        rows = items(reply, member(reply, document, "sessions", list), "$.sessions")
        return [_session(row, identifier(reply, row, f"$.sessions[{i}]")) for i, row in enumerate(rows)]

    def delete_session(self, session_id: str) -> Steps[None]:
        """The brief does not read the body of a delete; a status of 200 is success."""
        reply = yield self._call("deleteSession", session_id)
        success(reply)

    def get_history(self, session_id: str) -> Steps[list[Message]]:
        reply = yield self._call("getHistory", session_id)
        document = success(reply)
        rows = items(reply, member(reply, document, "messages", list), "$.messages")
        return [
            Message(
                member(reply, row, "role", str, f"$.messages[{i}]"),
                member(reply, row, "content", str, f"$.messages[{i}]"),
                created_at=number(row.get("created_at")),
            )
            for i, row in enumerate(rows)
        ]


def _session(document: dict[str, Any], session_id: str) -> Session:
    return Session(session_id, str(document.get("title") or ""), number(document.get("created_at")))
