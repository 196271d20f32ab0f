"""Turns that are stored, in every form of request that Open WebUI has for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from contract_tests.check import Checker
from contract_tests.quota import refuse
from contract_tests.scenes import FILTERED, Made, held_to, links_up, new_session
from contract_tests.token_socket import TokenSocket
from seatrial.completions import Form, completion, new_id
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.delivered import Delivered, spoken
from seatrial.exchange import perform
from seatrial.openwebui import OpenWebUIVerbs, answer
from seatrial.reading import identifier, success
from seatrial.verbs import Message

pytestmark = pytest.mark.api(OPENWEBUI)
OPERATION = "createChatCompletion"
Prompt = Callable[..., str]
LAST_WORD = 2.0
"""Seconds that the socket gets to tell of what a filter changed, once the reply is stored."""


def test_a_turn_told_over_the_socket_is_the_turn_that_is_stored(
    crew: Crew, speaker: Person, check: Checker, prompt: Prompt, made: Made, features: Mapping[str, Any]
) -> None:
    """Where nothing can be heard over the socket, the turn is sent all the same, and has to be stored."""
    if unheard := _unheard(speaker, features):
        check.skip("turn-delivered", OPERATION, unheard)
    verbs = _verbs(speaker)
    session = new_session(crew, speaker, made, "turns")
    heard: AbstractContextManager[TokenSocket | None]
    heard = nullcontext() if unheard else TokenSocket(crew.target, speaker.account)
    with heard as socket:
        for number in (1, 2):
            asked = prompt()
            if socket:
                socket.forget(session.id)
            steps = verbs.send_in_background(session, asked, socket.id if socket else new_id())
            turn = perform(steps, speaker.client.send)
            assert turn.session is not None
            session = turn.session
            history = speaker.actor.get_history(session.id)
            stored = history[-1] if history else Message("assistant", "")
            check.that(
                "turn-stored",
                OPERATION,
                bool(turn.reply.strip()),
                "a stored reply",
                _empty(stored),
                "background: reply",
            )
            check.equal(
                "turn-stored", OPERATION, ["user", "assistant"] * number, [m.role for m in history], "background: roles"
            )
            check.equal(
                "turn-stored", OPERATION, asked, history[-2].content if len(history) > 1 else "", "background: prompt"
            )
            if socket:
                _is_told(check, socket.wait_for(session.id, crew.target.timeout), stored)


def _unheard(speaker: Person, features: Mapping[str, Any]) -> str:
    """Why the socket tells nothing, "" where it does."""
    if features.get("enable_websocket") is False:
        return "the deployment has WebSockets switched off, and tells replies by polling (features.enable_websocket)"
    return "an API key hears nothing over the socket; give --account or --admin" if speaker.account.is_key else ""


def _is_told(check: Checker, delivered: Delivered, stored: Message) -> None:
    told = {"events": delivered.events, "errors": delivered.errors}
    check.that("turn-delivered", OPERATION, delivered.done, "events that end with done", repr(told), "socket: done")
    _is_what_was_told(check, delivered, stored)
    shown = delivered.pieces is not None or delivered.whole is not None
    check.that("turn-delivered", OPERATION, shown, "the text of the reply", repr(told), "socket: text")


def test_a_blocking_turn_answers_when_it_is_stored(
    crew: Crew, speaker: Person, check: Checker, prompt: Prompt, made: Made
) -> None:
    session, asked, assistant = new_session(crew, speaker, made, "turns"), prompt(), new_id()
    body = completion(Form.BLOCKING, crew.model, asked, session=session, assistant_id=assistant)
    success(speaker.client.send(crew.contract.call(OPERATION, json=body)))
    links_up(crew, speaker, check, session.id, "blocking")
    _turn_is_stored(check, speaker.actor.get_history(session.id), asked, None, assistant, "blocking")


def test_a_plain_turn_answers_what_it_stores(
    crew: Crew, speaker: Person, check: Checker, prompt: Prompt, made: Made
) -> None:
    session, asked, assistant = new_session(crew, speaker, made, "turns"), prompt(), new_id()
    body = completion(Form.STORED_PLAIN, crew.model, asked, session=session, assistant_id=assistant)
    reply = speaker.client.send(crew.contract.call(OPERATION, json=body))
    document = success(reply)
    if document is None:  # up to 0.11.4 so where the provider failed: what it said is stored
        refuse([message.error for message in speaker.actor.get_history(session.id) if message.error])
    text = answer(reply, document)
    links_up(crew, speaker, check, session.id, "stored plain")
    _turn_is_stored(check, speaker.actor.get_history(session.id), asked, text, assistant, "stored plain")


def test_a_turn_without_a_chat_makes_its_own(
    crew: Crew, speaker: Person, check: Checker, prompt: Prompt, made: Made
) -> None:
    asked, assistant = prompt(), new_id()
    body = completion(Form.NEW_CHAT, crew.model, asked, assistant_id=assistant, socket_id=new_id())
    reply = speaker.client.send(crew.contract.call(OPERATION, json=body))
    chat_id = identifier(reply, success(reply), name="chat_id")
    made.append((speaker, chat_id))
    perform(_verbs(speaker).await_tasks(chat_id), speaker.client.send)
    _turn_is_stored(check, speaker.actor.get_history(chat_id), asked, None, assistant, "new chat")
    listed = chat_id in [row.id for row in speaker.actor.list_sessions()]
    check.that("list-complete", "listChats", listed, "the chat that the server made", "not listed", "list: new chat")


def _is_what_was_told(check: Checker, delivered: Delivered, stored: Message) -> None:
    """Each way in which a reply was told, against the reply that is stored, and shown after a reload.

    Where an outlet filter changed it, the pieces came before that; of the change itself the socket tells afterwards.
    """
    # A stored streamed reply loses white space at its ends; what was delivered keeps it.
    kept = spoken(stored.content or stored.elsewhere).strip()
    before = kept if stored.original is None else spoken(stored.original).strip()
    if before != kept:
        check.note(FILTERED)
        deadline = time.monotonic() + LAST_WORD
        while delivered.outlet is None and time.monotonic() < deadline:
            time.sleep(0.05)
    for text, wanted, view in (
        (delivered.pieces, before, "socket: pieces"),
        (delivered.whole, kept, "socket: whole"),
    ):
        if text is not None:
            check.equal("turn-delivered", OPERATION, wanted, text.strip(), view)


def _empty(message: Message) -> str:
    return "an empty one" + ("; its text stands in `output` only" if message.elsewhere else "")


def _verbs(person: Person) -> OpenWebUIVerbs:
    verbs = person.actor.verbs
    assert isinstance(verbs, OpenWebUIVerbs)
    return verbs


def _turn_is_stored(
    check: Checker, history: list[Message], asked: str, text: str | None, assistant: str, form: str
) -> None:
    check.equal("turn-stored", OPERATION, ["user", "assistant"], [m.role for m in history], f"{form}: roles")
    if len(history) != 2:
        return
    question, reply = history
    refuse([reply.error] if reply.error else [])
    check.equal("turn-stored", OPERATION, asked, question.content, f"{form}: prompt")
    check.that(
        "turn-stored",
        OPERATION,
        bool(reply.content.strip()) and not reply.error,
        "a stored reply",
        reply.error or _empty(reply),
        f"{form}: reply",
    )
    check.equal("turn-stored", OPERATION, assistant, reply.id, f"{form}: id")
    check.that("turn-stored", OPERATION, reply.done is not False, "a finished reply", "done: false", f"{form}: done")
    check.equal("history-links", "getChat", question.id, reply.parent, f"{form}: parentId")
    if text is not None:
        stored = held_to(check, [("assistant", text)], [reply])[0][1]
        check.equal("turn-stored", OPERATION, text, stored, f"{form}: text")
