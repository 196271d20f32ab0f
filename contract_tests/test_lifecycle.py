"""A session's life: what was said is kept, in order; lists are true; what was deleted is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contract_tests.check import Checker
from contract_tests.texts import LONG_TEXTS, TEXTS
from seatrial.contract import SESSIONS
from seatrial.crew import Crew, Person
from seatrial.exchange import Unexpected
from seatrial.verbs import Message, Session, Turn, said

Made = list[tuple[Person, str]]
Verb = dict[str, str]
Prompt = Callable[..., str]


def test_a_conversation_is_kept_as_it_was_said(
    crew: Crew, speaker: Person, check: Checker, verb: Verb, prompt: Prompt, made: Made, full: bool
) -> None:
    session = _new(crew, speaker, made, "conversation")
    turns: list[Turn] = []
    for _ in range(5 if full else 3):
        turn = speaker.actor.send_message(session, prompt())
        assert turn.session is not None
        session = turn.session
        turns.append(turn)
        check.that("valid-use", verb["send_message"], bool(turn.reply.strip()), "a reply", "an empty reply", "reply")
    history = speaker.actor.get_history(session.id)
    _holds_what_was_said(check, verb["get_history"], turns, history)
    again = crew.person(speaker.account).actor.get_history(session.id)
    check.equal("history-durable", verb["get_history"], _pairs(history), _pairs(again), "messages")


def test_two_conversations_do_not_mix(
    crew: Crew, speaker: Person, check: Checker, verb: Verb, prompt: Prompt, made: Made
) -> None:
    sessions = [_new(crew, speaker, made, f"side {side}") for side in "ab"]
    turns: list[list[Turn]] = [[], []]
    for _ in range(2):
        for side in (0, 1):
            turn = speaker.actor.send_message(sessions[side], prompt())
            sessions[side] = turn.session or sessions[side]
            turns[side].append(turn)
    for side in (0, 1):
        _holds_what_was_said(check, verb["get_history"], turns[side], speaker.actor.get_history(sessions[side].id))


def test_texts_come_back_as_they_were_sent(
    crew: Crew, owner: Person, speaker: Person, check: Checker, verb: Verb, made: Made, full: bool
) -> None:
    """On Open WebUI through chats, which no model reads; on the Session API a model has to be asked."""
    if crew.api == SESSIONS:
        for name, text in TEXTS.items():
            session = _new(crew, speaker, made)
            speaker.actor.send_message(session, text)
            stored = next((m.content for m in speaker.actor.get_history(session.id) if m.role == "user"), "")
            check.equal("text-intact", verb["get_history"], text, stored, f"messages: {name}")
        return
    for name, text in (TEXTS | (LONG_TEXTS if full else {"long": LONG_TEXTS["long"]})).items():
        session = _stored_by_owner(crew, owner, made, [text, "A reply."])
        contents = [message.content for message in owner.actor.get_history(session.id)]
        check.equal("text-intact", "getChat", text, contents[0] if contents else "", f"messages: {name}")


@pytest.mark.api("openwebui")
def test_titles_come_back_as_they_were_sent(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    for name, text in TEXTS.items():
        title = crew.title(text)
        session = owner.actor.create_session(title)
        made.append((owner, session.id))
        check.equal("title-intact", "createChat", title, session.title, f"title: {name}")
        read = owner.client.send(crew.contract.call("getChat", session.id)).document()
        check.equal("title-intact", "getChat", title, read.get("title"), f"title: {name}")
        listed = next((row.title for row in owner.actor.list_sessions() if row.id == session.id), None)
        check.equal("title-intact", "listChats", title, listed, f"title: {name}")


def test_the_list_holds_every_session_newest_first(
    crew: Crew, owner: Person, check: Checker, verb: Verb, made: Made
) -> None:
    operation = verb["list_sessions"]
    before = [row.id for row in owner.actor.list_sessions()]
    sessions = [_new(crew, owner, made, f"listed {number}") for number in range(4)]
    rows = owner.actor.list_sessions()
    ids = [row.id for row in rows]
    for session in sessions:
        check.that(
            "list-complete",
            operation,
            ids.count(session.id) == 1,
            "the new session, once",
            f"{ids.count(session.id)} times",
            "list",
        )
    if owner.account.disposable:
        kept = [row for row in ids if row in before]
        check.that(
            "list-complete",
            operation,
            set(kept) == set(before),
            "earlier sessions",
            f"{len(kept)} of {len(before)}",
            "list: earlier",
        )
    _newest_first(check, operation, crew.api, rows, [session.id for session in sessions])


@pytest.mark.api("openwebui")
def test_pages_neither_repeat_nor_skip(crew: Crew, owner: Person, check: Checker, made: Made, full: bool) -> None:
    if not owner.account.disposable:
        check.skip("list-pages", "listChats", "needs an account that may be written to freely: --admin or --disposable")
        pytest.skip("needs an account that may be written to freely")
    wanted = {_new(crew, owner, made, f"page {number}").id for number in range(125 if full else 63)}
    for attempt in (1, 2):
        pages: list[list[str]] = []
        while (not pages or pages[-1]) and len(pages) < 20:
            reply = owner.client.send(crew.contract.call("listChats", query={"page": len(pages) + 1}))
            pages.append([row["id"] for row in reply.document()])
        listed = [row for page in pages for row in page]
        repeated, missing = len(listed) - len(set(listed)), len(wanted - set(listed))
        if (not repeated and not missing) or attempt == 2:
            # Chats of one second come in any order, so one reading may catch a page boundary; two in a row do not.
            check.that(
                "list-pages", "listChats", not repeated, "each chat once", f"{repeated} repeated", "pages: repeated"
            )
            check.that("list-pages", "listChats", not missing, "every chat", f"{missing} missing", "pages: missing")
            break


def test_what_was_deleted_is_gone_and_the_rest_stays(
    crew: Crew, owner: Person, speaker: Person, check: Checker, verb: Verb, prompt: Prompt, made: Made
) -> None:
    if crew.api == SESSIONS:
        gone, kept = _new(crew, owner, made), _new(crew, owner, made)
        turns = [speaker.actor.send_message(session, prompt()) for session in (gone, kept)]
        before = said(turns[1:])
    else:
        gone, kept = (_stored_by_owner(crew, owner, made, [prompt(), "A reply."]) for _ in range(2))
        before = _pairs(owner.actor.get_history(kept.id))
    owner.actor.delete_session(gone.id)
    for view, person in (("", owner), (" on a new connection", crew.person(owner.account))):
        ids = [row.id for row in person.actor.list_sessions()]
        check.that(
            "deleted-gone", verb["list_sessions"], gone.id not in ids, "not in the list", "still listed", f"list{view}"
        )
        check.that(
            "siblings-stay", verb["list_sessions"], kept.id in ids, "in the list", "no longer listed", f"list{view}"
        )
        reply = person.client.send(crew.contract.call(verb["get_history"], gone.id))
        check.that(
            "deleted-gone",
            verb["get_history"],
            reply.status in (401, 404),
            "401 or 404",
            str(reply),
            f"status {reply.status}",
            reply=reply,
        )
    check.equal("siblings-stay", verb["get_history"], before, _pairs(owner.actor.get_history(kept.id)), "messages")
    reply = owner.client.send(crew.contract.call(verb["delete_session"], gone.id))
    check.that(
        "deleted-gone",
        verb["delete_session"],
        reply.status in (401, 404),
        "404",
        str(reply),
        "deleting again",
        reply=reply,
    )


def test_a_prompt_without_a_session_is_stored_nowhere(
    crew: Crew, speaker: Person, check: Checker, verb: Verb, prompt: Prompt
) -> None:
    before = {row.id for row in speaker.actor.list_sessions()}
    speaker.actor.send_message(None, prompt())
    after = {row.id for row in speaker.actor.list_sessions()}
    # Others may work with a shared account at the same time: only throwaway ones must stay as they were.
    if speaker.account.disposable or crew.target.is_loopback:
        check.that(
            "prompt-unstored",
            verb["send_message"],
            after <= before,
            "no new session",
            f"{len(after - before)} new",
            "list",
        )


def test_the_models_are_named(crew: Crew, speaker: Person, check: Checker, verb: Verb) -> None:
    models = speaker.actor.get_model_info()
    named = bool(models) and all(model.id and model.name for model in models)
    check.that("model-named", verb["get_model_info"], named, "a model with a name", repr(models), "models")
    if crew.model:
        again = [model.id for model in crew.person(speaker.account).actor.get_model_info()]
        check.that(
            "model-named", verb["get_model_info"], crew.model in again, crew.model, repr(again[:5]), "models: again"
        )


# ------------------------------------------------------------------ what the tests share


def _new(crew: Crew, person: Person, made: Made, text: str = "") -> Session:
    session = person.actor.create_session(crew.title(text))
    made.append((person, session.id))
    return session


def _stored_by_owner(crew: Crew, owner: Person, made: Made, texts: list[str]) -> Session:
    """A chat with a finished conversation in it, made without a model."""
    from contract_tests.texts import tree

    reply = owner.client.send(
        crew.contract.call("createChat", json={"chat": tree(crew.title("stored"), texts, crew.model)})
    )
    document = reply.document()
    if reply.status != 200:
        raise Unexpected(reply, "200")
    made.append((owner, document["id"]))
    return Session(document["id"])


def _pairs(history: list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in history]


def _holds_what_was_said(check: Checker, operation: str, turns: list[Turn], history: list[Message]) -> None:
    wanted, got = said(turns), _pairs(history)
    whole = sorted(wanted) == sorted(got)
    if whole:
        check.that("history-content", operation, True, "", "", "messages")
        check.equal("history-order", operation, wanted, got, "messages")
    else:
        check.equal("history-content", operation, wanted, got, "messages")
    hidden = [message for message in history if message.elsewhere and not message.content]
    if hidden:
        told = f"{len(hidden)} of {len(history)} messages have an empty `content`; their text stands in `output` only"
        check.that("history-content", operation, False, "text in `content`, which clients read", told, "content")
    errors = [message.error for message in history if message.error]
    check.that("history-content", operation, not errors, "no error", repr(errors[:1]), "messages: error")
    if any(message.id for message in history):
        parents = [message.parent for message in history]
        check.equal(
            "history-links", operation, [None, *(message.id for message in history[:-1])], parents, "messages: parentId"
        )


def _newest_first(check: Checker, operation: str, api: str, rows: list[Session], created: list[str]) -> None:
    if api == SESSIONS:
        order = [row.id for row in rows if row.id in created]
        check.equal("list-order", operation, created[::-1], order, "list")
    else:
        # Chats of the same second come in any order.
        times = [row.updated_at or 0 for row in rows]
        check.that(
            "list-order",
            operation,
            times == sorted(times, reverse=True),
            "falling updated_at",
            repr(times[:12]),
            "list",
        )
