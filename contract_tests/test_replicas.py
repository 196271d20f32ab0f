"""Several servers behind one address, and what stands in front of them: asked again, all say the same.

Each look is a new connection, as a reload of the page is: what balances load sends it to the next server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from contract_tests.check import Checker
from contract_tests.deletion import may_delete
from contract_tests.scenes import Made, new_session, pairs, stored_chat
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.crew import Crew, Person
from seatrial.exchange import Call, Reply
from seatrial.reading import held
from seatrial.verbs import Session

LOOKS = {False: 6, True: 12}
"""New connections for one question, at quick and at full depth."""

WRITES = {False: 3, True: 6}
LARGE = 256 * 1024
"""Bytes of a request that a page with a pasted document sends."""


def test_asking_again_gives_the_same_answer(
    crew: Crew, owner: Person, speaker: Person, check: Checker, verb: dict[str, str], made: Made, full: bool
) -> None:
    if crew.api == SESSIONS:
        session = new_session(crew, owner, made)
    else:
        session = stored_chat(crew, owner, made, ["A question", "A reply"], "asked again")
    call = crew.contract.call
    questions: list[tuple[Person, Call, Callable[[Any], Any]]] = [
        (speaker, call(verb["get_model_info"]), _models),
        (owner, call(verb["get_history"], session.id), _whole),
        (owner, call(verb["list_sessions"]), lambda document: session.id in _ids(document)),
    ]
    if crew.api == OPENWEBUI:
        questions += [
            (owner, call("getVersion"), _whole),
            (owner, call("getConfig"), _settings),
            (owner, call("getCurrentUser"), lambda document: held(document, "id")),
            (owner, call("searchChats", query={"text": crew.marker}), lambda document: session.id in _ids(document)),
            (owner, call("listChatTasks", session.id), _whole),
        ]
    for person, question, part in questions:
        answers = [_asked_anew(crew, person, question, part) for _ in range(LOOKS[full])]
        told = Counter(answers).most_common()
        check.that(
            "answers-agree", question.operation, len(told) == 1, f"one answer {len(answers)} times",
            "; ".join(f"{count} times {answer[:200]}" for answer, count in told[:3]), "asked again",
            call=question, account=person.account,
        )  # fmt: skip


def test_what_was_written_is_read_on_every_connection(
    crew: Crew, owner: Person, check: Checker, verb: dict[str, str], made: Made, full: bool
) -> None:
    """No turn is needed for it on Open WebUI, where a change of a chat writes too."""
    for number in range(WRITES[full]):
        session = new_session(crew, owner, made, f"written {number}")
        title = crew.title(f"written anew {number}")
        if crew.api == OPENWEBUI:
            changed = crew.contract.call("updateChat", session.id, json={"chat": {"title": title}})
            owner.client.send(changed)
        elif number == 0:
            owner.actor.send_message(session, "Say yes.")
        histories, listed, titles = [], [], []
        for _ in range(2):
            person = crew.person(owner.account)
            histories.append(pairs(person.actor.get_history(session.id)))
            rows: list[Session] = [row for row in person.actor.list_sessions() if row.id == session.id]
            listed.append(len(rows))
            titles += [row.title for row in rows]
            person.client.close()
        wanted = 2 if crew.api == SESSIONS and number == 0 else 0
        check.equal(
            "answers-agree", verb["get_history"], [wanted] * 2, [len(said) for said in histories], "after writing"
        )
        check.equal("answers-agree", verb["list_sessions"], [1, 1], listed, "after writing")
        if crew.api == OPENWEBUI:
            check.equal("answers-agree", verb["list_sessions"], [title] * len(titles), titles, "after renaming")
        if not may_delete(owner, check, ("answers-agree", verb["delete_session"])):
            continue
        owner.actor.delete_session(session.id)
        person = crew.person(owner.account)
        gone = session.id not in [row.id for row in person.actor.list_sessions()]
        check.that("answers-agree", verb["list_sessions"], gone, "gone", "listed again", "after deleting")
        person.client.close()


@pytest.mark.api(SESSIONS)
def test_a_large_request_passes(crew: Crew, speaker: Person, check: Checker) -> None:
    """What is large is a field that nobody reads: no model is asked to."""
    body = {"prompt": "Say yes.", "padding": "x" * LARGE}
    reply = speaker.client.send(crew.contract.call("sendMessage", json=body))
    where = f"{LARGE // 1024} kB: status {reply.status}"
    check.that(
        "valid-use", "sendMessage", reply.status == 200, "200", str(reply), where,
        reply=reply, account=speaker.account,
    )  # fmt: skip


def _asked_anew(crew: Crew, person: Person, question: Call, part: Callable[[Any], Any]) -> str:
    """What a new connection is answered, as a text to compare: the status, and of a success what matters in it."""
    again = crew.person(person.account)
    try:
        reply: Reply = again.client.send(question)
    finally:
        again.client.close()
    if reply.status != 200 or not reply.is_json:
        return f"{reply.status} {reply.excerpt(80)}"
    return f"200 {part(reply.document())!r}"


def _ids(document: Any) -> list[str]:
    rows = document.get("sessions") if isinstance(document, dict) else document
    return [str(row.get("id")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _models(document: Any) -> Any:
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        return sorted(str(row.get("id")) for row in document["data"] if isinstance(row, dict))
    return document


def _settings(document: Any) -> Any:
    """What a deployment has switched on; counters and the like may differ from one moment to the next."""
    names = ("name", "version", "default_models", "features", "permissions", "oauth")
    return [document.get(name) for name in names] if isinstance(document, dict) else document


def _whole(document: Any) -> Any:
    if isinstance(document, dict):
        document.pop("last_read_at", None)  # reading is noted by the server
    return document
