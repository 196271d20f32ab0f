"""Mistakes that people and scripts make: each is refused with a 4xx, and harms nothing.

Statuses and bodies of the refusals are held to the contract by the log, which hears every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from contract_tests.check import Checker
from contract_tests.passwords import not_asked_for
from contract_tests.scenes import Made, stored_chat
from seatrial.completions import Form, completion, new_id
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.crew import Crew, Person
from seatrial.exchange import Call, NoAnswer
from seatrial.verbs import Session


@pytest.mark.api(SESSIONS)
def test_bad_requests_to_the_session_api_are_refused(
    crew: Crew, owner: Person, check: Checker, prompt: Callable[..., str], made: Made
) -> None:
    session = owner.actor.create_session()
    made.append((owner, session.id))
    owner.actor.send_message(session, prompt())
    before = owner.actor.get_history(session.id)
    call = crew.contract.call
    bodies: dict[str, Any] = {
        "an empty object": {},
        "a list": [],
        "a number as prompt": {"prompt": 5},
        "null as prompt": {"prompt": None},
        "an empty prompt": {"prompt": ""},
        "a number as session": {"prompt": "hello", "session_id": 7},
    }
    mistakes = {name: call("sendMessage", json=body) for name, body in bodies.items()}
    mistakes["no JSON"] = Call("sendMessage", "POST", call("sendMessage").path, raw=b"{prompt: hello")
    _are_refused(owner, check, mistakes)
    missing = {
        "history of a missing session": call("getHistory", new_id()),
        "delete of a missing session": call("deleteSession", new_id()),
        "a turn in a missing session": call("sendMessage", json={"prompt": "hello", "session_id": new_id()}),
        "history of an odd id": call("getHistory", "a b/c?d#e%f"),
    }
    _are_missing(owner, check, missing)
    check.equal("bad-input-harmless", "getHistory", before, owner.actor.get_history(session.id), "messages")


@pytest.mark.api(OPENWEBUI)
def test_bad_requests_to_open_webui_are_refused(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    session = stored_chat(crew, owner, made, ["Q", "A"], "errors")
    before = owner.actor.get_history(session.id)
    _are_refused(owner, check, dict(_mistakes(crew, session)))
    _are_missing(owner, check, dict(_missing(crew)))
    check.equal("bad-input-harmless", "getChat", before, owner.actor.get_history(session.id), "messages")
    listed = session.id in [row.id for row in owner.actor.list_sessions()]
    check.that("bad-input-harmless", "listChats", listed, "the chat in the list", "no longer there", "list")


@pytest.mark.api(OPENWEBUI)
def test_bad_completions_are_refused(
    crew: Crew, speaker: Person, check: Checker, made: Made, prompt: Callable[..., str]
) -> None:
    session = speaker.actor.create_session(crew.title("bad completions"))
    made.append((speaker, session.id))
    turn = speaker.actor.send_message(session, prompt())
    before = speaker.actor.get_history(session.id)
    call = crew.contract.call
    plain = completion(Form.PLAIN, crew.model, "hello")
    mistakes = {
        "an unknown model": call("createChatCompletion", json=plain | {"model": f"no-such-model-{crew.marker}"}),
        "no model": call("createChatCompletion", json={"messages": plain["messages"]}),
        "a list as body": call("createChatCompletion", json=[]),
        "messages that are a number": call("createChatCompletion", json=plain | {"messages": 5}),
        "no JSON": Call("createChatCompletion", "POST", call("createChatCompletion").path, raw=b"{"),
    }
    _are_refused(speaker, check, mistakes)
    elsewhere = completion(Form.STORED_PLAIN, crew.model, "hello", session=Session(new_id()))
    _are_missing(speaker, check, {"a turn in a missing chat": call("createChatCompletion", json=elsewhere)})
    if 409 in crew.contract.operation("createChatCompletion").statuses and turn.session:
        taken = completion(Form.STORED_PLAIN, crew.model, "again", session=session, assistant_id=turn.session.tip)
        _are_refused(speaker, check, {"a message id that is taken": call("createChatCompletion", json=taken)})
    check.equal("bad-input-harmless", "getChat", before, speaker.actor.get_history(session.id), "messages: completions")


@pytest.mark.api(OPENWEBUI)
def test_a_wrong_password_is_refused(crew: Crew, check: Checker, features: Mapping[str, Any]) -> None:
    """Of an address that nobody has: no account is brought nearer to being locked out."""
    stranger = crew.stranger()
    email = f"{crew.marker}-nobody@seatrial.invalid"
    mistakes = {
        "an unknown address": crew.contract.call("signIn", json={"email": email, "password": "wrong"}),
        "no password": crew.contract.call("signIn", json={"email": email}),
    }
    if reason := not_asked_for(features):
        check.skip("bad-input-refused", "signIn", reason)
        del mistakes["an unknown address"]
    _are_refused(stranger, check, mistakes)
    stranger.client.close()


def _mistakes(crew: Crew, session: Session) -> Iterator[tuple[str, Call]]:
    """Requests that are wrong in themselves."""
    call = crew.contract.call
    yield "a chat that is missing", call("createChat", json={})
    yield "a chat that is text", call("createChat", json={"chat": "text"})
    yield "a title that is a number", call("createChat", json={"chat": {"title": 5}})
    yield "no JSON", Call("createChat", "POST", call("createChat").path, raw=b'{"chat": ')
    yield "a page that is a word", call("listChats", query={"page": "abc"})
    yield "an enormous page", call("listChats", query={"page": 10**30})
    yield "a search for nothing", call("searchChats")
    yield "a page of people that is a word", call("searchUsers", query={"query": "x", "page": "abc"})
    yield "an update without a chat", call("updateChat", session.id, json={})
    yield "an update with a list", call("updateChat", session.id, json={"chat": []})
    path = call("updateChat", session.id).path
    yield "text that is not UTF-8", Call("updateChat", "POST", path, raw=b'{"chat": {"title": "\xff"}}')
    yield "an edit without content", call("editMessage", session.id, new_id(), json={})


def _missing(crew: Crew) -> Iterator[tuple[str, Call]]:
    """Requests for what does not exist."""
    call = crew.contract.call
    for name, chat_id in (("missing", new_id()), ("odd", "a b'c\"d;--%00")):
        yield f"reading a chat, id {name}", call("getChat", chat_id)
        yield f"changing a chat, id {name}", call("updateChat", chat_id, json={"chat": {"title": "x"}})
        yield f"deleting a chat, id {name}", call("deleteChat", chat_id)


def _are_refused(person: Person, check: Checker, mistakes: dict[str, Call]) -> None:
    for name, call in mistakes.items():
        with check.log.provoking():
            try:
                reply = person.client.send(call)
            except NoAnswer as failure:
                check.log.finding(
                    "no-server-error", call.operation, "a 4xx", failure.reason, f"connection: {name}", call=call
                )
                continue
            if reply.status < 500:
                refused = reply.status >= 400
                check.that(
                    "bad-input-refused",
                    call.operation,
                    refused,
                    "a 4xx",
                    f"{name}: {reply}",
                    name,
                    reply=reply,
                    account=person.account,
                )


def _are_missing(person: Person, check: Checker, missing: dict[str, Call]) -> None:
    for name, call in missing.items():
        with check.log.provoking():
            reply = person.client.send(call)
        if reply.status < 500:
            right = reply.status >= 400
            check.that(
                "missing-refused",
                call.operation,
                right,
                "a 4xx",
                f"{name}: {reply}",
                name,
                reply=reply,
                account=person.account,
            )
