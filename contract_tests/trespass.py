"""What somebody could try on what is not theirs, and how to see that the owner's copy is what it was."""

from __future__ import annotations

from contract_tests.scenes import Made, stored_chat
from seatrial.completions import Form, completion
from seatrial.crew import Crew, Person
from seatrial.exchange import Call, Reply
from seatrial.verbs import Session

REFUSED = (401, 403, 404)


SENT_AWAY = "what stands in front sends strangers to a sign-in page"


def is_sent_away(reply: Reply) -> bool:
    """A 3xx is how a proxy with single sign-on sends strangers away."""
    return 300 <= reply.status < 400


def refused(reply: Reply) -> bool:
    return reply.status in REFUSED or is_sent_away(reply)


def owned_chat(crew: Crew, owner: Person, made: Made) -> tuple[Session, bytes]:
    """A chat with a conversation in it, and its copy as the owner reads it."""
    session = stored_chat(crew, owner, made, ["A secret question", "A secret reply"], "owned")
    return session, chat_now(crew, owner, session)


def history_now(crew: Crew, owner: Person, session: Session) -> str:
    """A history as its owner reads it now, whatever comes."""
    reply = owner.client.send(crew.contract.call("getHistory", session.id))
    return f"{reply.status} {reply.text}"


def chat_now(crew: Crew, owner: Person, session: Session) -> bytes:
    reply = owner.client.send(crew.contract.call("getChat", session.id))
    if reply.status != 200:
        return f"{reply.status} {reply.excerpt()}".encode()
    document = reply.document()
    # Reading is noted by the server; it is no change.
    if isinstance(document, dict):
        document.pop("last_read_at", None)
    return repr(document).encode()


def attempts(crew: Crew, session: Session, text: str) -> list[Call]:
    """Everything that could be tried on somebody's chat, deleting last."""
    call, message, operations = crew.contract.call, session.tip or "", crew.contract.operations
    body = completion(Form.STORED_PLAIN, crew.model or "any", text, session=session)
    return [
        call("getCurrentUser"),
        call("listModels"),
        call("listChats", query={"page": 1}),
        call("searchChats", query={"text": crew.marker}),
        call("listChatTasks", session.id),
        call("getChat", session.id),
        call("createChat", json={"chat": {"title": crew.title("intruder")}}),
        call("updateChat", session.id, json={"chat": {"title": text}}),
        call("editMessage", session.id, message, json={"content": text}),
        *([call("deleteMessage", session.id, message)] if "deleteMessage" in operations else []),
        call("createChatCompletion", json=body),
        call("stopChatTasks", session.id),
        call("deleteChat", session.id),
    ]
