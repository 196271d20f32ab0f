"""Text comes back as it was sent: emoji, right-to-left, control characters, long; in messages and in titles."""

from __future__ import annotations

import pytest

from contract_tests.check import Checker
from contract_tests.scenes import Made, new_session, pairs, stored_chat
from contract_tests.texts import LONG_TEXTS, PAGES, TEXTS
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.crew import Crew, Person
from seatrial.exchange import Unexpected
from seatrial.reading import held

LONG_CONVERSATION = 60
"""Messages of a conversation that is longer than what anybody would cap a list at."""


def test_texts_come_back_as_they_were_sent(
    crew: Crew, owner: Person, speaker: Person, check: Checker, verb: dict[str, str], made: Made, full: bool
) -> None:
    """On Open WebUI through chats, which no model reads; on the Session API a model has to be asked."""
    if crew.api == SESSIONS:
        for name, text in (TEXTS | {"pages": PAGES}).items():
            session = new_session(crew, speaker, made)
            speaker.actor.send_message(session, text)
            stored = next((m.content for m in speaker.actor.get_history(session.id) if m.role == "user"), "")
            check.equal("text-intact", verb["get_history"], text, stored, f"messages: {name}")
        return
    texts = TEXTS | (LONG_TEXTS if full else {"long": LONG_TEXTS["long"]})
    # At quick depth one chat holds them all; where that goes wrong, one each tells which text is to blame.
    if not full and _in_one_chat(crew, owner, made, texts):
        for name in texts:
            check.equal("text-intact", "getChat", "", "", f"messages: {name}")
        return
    for name, text in texts.items():
        session = stored_chat(crew, owner, made, [text, "A reply."])
        contents = [message.content for message in owner.actor.get_history(session.id)]
        check.equal("text-intact", "getChat", text, contents[0] if contents else "", f"messages: {name}")


def _in_one_chat(crew: Crew, owner: Person, made: Made, texts: dict[str, str]) -> bool:
    """Whether a conversation of all the texts comes back as it was sent."""
    try:
        session = stored_chat(crew, owner, made, list(texts.values()))
    except Unexpected:
        return False
    return [message.content for message in owner.actor.get_history(session.id)] == list(texts.values())


@pytest.mark.api("openwebui")
def test_titles_come_back_as_they_were_sent(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    titles: dict[str, tuple[str, str]] = {}
    for name, text in TEXTS.items():
        title = crew.title(text)
        session = owner.actor.create_session(title)
        made.append((owner, session.id))
        titles[session.id] = name, title
        check.equal("title-intact", "createChat", title, session.title, f"title: {name}")
        read = owner.client.send(crew.contract.call("getChat", session.id)).document()
        check.equal("title-intact", "getChat", title, held(read, "title"), f"title: {name}")
    listed = {row.id: row.title for row in owner.actor.list_sessions()}
    for session_id, (name, title) in titles.items():
        check.equal("title-intact", "listChats", title, listed.get(session_id), f"title: {name}")


@pytest.mark.api(OPENWEBUI)
def test_a_long_conversation_is_kept_whole(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    texts = [f"Message {number} of a long conversation" for number in range(LONG_CONVERSATION)]
    session = stored_chat(crew, owner, made, texts, "long")
    contents = [text for _, text in pairs(owner.actor.get_history(session.id))]
    check.equal("history-content", "getChat", texts, contents, "messages: a long conversation")
