"""A session's life: what was said is kept, in order; lists are true; what was deleted is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from contract_tests.check import Checker
from contract_tests.deletion import need_deletion
from contract_tests.scenes import (
    Made,
    holds_what_was_said,
    is_ours,
    links_up,
    new_session,
    pairs,
    stored_chat,
    stored_nowhere,
)
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.crew import Crew, Person
from seatrial.verbs import Session, Turn, said

WORDS = ("quince", "apple", "walnut", "cherry", "banana")
"""Titles in no order that a sort could come by."""

Verb = dict[str, str]
Prompt = Callable[..., str]


def test_conversations_are_kept_as_they_were_said_and_do_not_mix(
    crew: Crew, speaker: Person, check: Checker, verb: Verb, prompt: Prompt, made: Made, full: bool
) -> None:
    sessions = [new_session(crew, speaker, made, f"side {side}") for side in "ab"]
    turns: list[list[Turn]] = [[], []]
    # Where a deployment keeps too few messages, it shows from some twenty on; turns on the Session API are cheap.
    more = 9 if crew.api == SESSIONS else 3 if full else 1
    for side in (0, 1, 0, *([1] if full else []), *[0] * more):
        turn = speaker.actor.send_message(sessions[side], prompt())
        assert turn.session is not None
        sessions[side] = turn.session
        turns[side].append(turn)
        check.that("valid-use", verb["send_message"], bool(turn.reply.strip()), "a reply", "an empty reply", "reply")
    for side in (0, 1):
        history = speaker.actor.get_history(sessions[side].id)
        holds_what_was_said(check, verb["get_history"], turns[side], history)
        if crew.api == OPENWEBUI:
            links_up(crew, speaker, check, sessions[side].id, "after turns")
        again = crew.person(speaker.account).actor.get_history(sessions[side].id)
        check.equal("history-durable", verb["get_history"], pairs(history), pairs(again), "messages")


def test_what_was_deleted_does_not_come_back(crew: Crew, owner: Person, check: Checker, verb: Verb, made: Made) -> None:
    need_deletion(owner, check, *(("deleted-gone", verb[name]) for name in ("list_sessions", "get_history")))
    gone = new_session(crew, owner, made, "to be deleted")
    owner.actor.delete_session(gone.id)
    new_session(crew, owner, made, "made afterwards")
    ids = [row.id for row in owner.actor.list_sessions()]
    check.that(
        "deleted-gone", verb["list_sessions"], gone.id not in ids, "gone", "listed again", "list: after a new one"
    )
    reply = owner.client.send(crew.contract.call(verb["get_history"], gone.id))
    refused = reply.status in (401, 404)
    check.that("deleted-gone", verb["get_history"], refused, "401 or 404", str(reply), "after a new one", reply=reply)


def test_the_list_holds_every_session_newest_first(
    crew: Crew, owner: Person, speaker: Person, check: Checker, verb: Verb, prompt: Prompt, made: Made
) -> None:
    operation = verb["list_sessions"]
    before = [row.id for row in owner.actor.list_sessions()]
    count = 25 if owner.account.disposable and crew.api == SESSIONS else len(WORDS)
    sessions = [new_session(crew, owner, made, WORDS[number % len(WORDS)]) for number in range(count)]
    talks = [new_session(crew, speaker, made, text) for text in ("continued", "left alone")]
    # Sessions of one second come in any order: what comes now has to be of another one to have a place of its own.
    time.sleep(1.05)
    sessions.append(new_session(crew, owner, made, "mango"))
    if crew.api == SESSIONS:  # there a session has no name before its first message
        for session, word in ((sessions[0], "Apple"), (sessions[1], "Walnut"), (sessions[-1], "Mango")):
            owner.actor.send_message(session, prompt(f"{word}: say one word."))
    else:
        speaker.actor.send_message(talks[0], prompt())
    if speaker is owner:
        sessions += talks
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
    if is_ours(owner):
        known = {*before, *(session.id for session in sessions)}
        strange = [row for row in ids if row not in known]
        check.that(
            "list-complete",
            operation,
            not strange,
            "no session that nobody made",
            f"{len(strange)} more",
            "list: others",
        )
        kept = [row for row in ids if row in before]
        check.that(
            "list-complete",
            operation,
            set(kept) == set(before),
            "earlier sessions",
            f"{len(kept)} of {len(before)}",
            "list: earlier",
        )
    _newest_first(check, operation, rows, [session.id for session in sessions if session not in talks])
    if crew.api == OPENWEBUI:
        _moves_up(check, speaker, *talks)


def test_what_was_deleted_is_gone_and_the_rest_stays(
    crew: Crew, owner: Person, speaker: Person, check: Checker, verb: Verb, prompt: Prompt, made: Made
) -> None:
    shown = ("list_sessions", "get_history")
    unchecked = [(rule, verb[name]) for rule in ("deleted-gone", "siblings-stay") for name in shown]
    need_deletion(owner, check, *unchecked, ("deleted-gone", verb["delete_session"]))
    if crew.api == SESSIONS:
        gone, kept = new_session(crew, owner, made), new_session(crew, owner, made)
        turns = [speaker.actor.send_message(session, prompt()) for session in (gone, kept)]
        before = said(turns[1:])
    else:
        gone, kept = (stored_chat(crew, owner, made, [prompt(), "A reply."]) for _ in range(2))
        before = pairs(owner.actor.get_history(kept.id))
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
    check.equal("siblings-stay", verb["get_history"], before, pairs(owner.actor.get_history(kept.id)), "messages")
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
    asked = prompt()
    speaker.actor.send_message(None, asked)
    stored_nowhere(check, speaker, before, asked, verb["send_message"], "list")


def test_the_models_are_named(crew: Crew, speaker: Person, check: Checker, verb: Verb, prompt: Prompt) -> None:
    models = speaker.actor.get_model_info()
    named = bool(models) and all(model.id and model.name for model in models)
    check.that("model-named", verb["get_model_info"], named, "a model with a name", repr(models), "models")
    if crew.api == SESSIONS:
        answered = speaker.actor.send_message(None, prompt()).model
        check.equal("model-named", verb["send_message"], models[0].name, answered, "$.model")
    if crew.model:
        again = [model.id for model in crew.person(speaker.account).actor.get_model_info()]
        check.that(
            "model-named", verb["get_model_info"], crew.model in again, crew.model, repr(again[:5]), "models: again"
        )


def _moves_up(check: Checker, speaker: Person, continued: Session, left_alone: Session) -> None:
    """A chat that was continued stands above one that was not, made at the same time."""
    ids = [row.id for row in speaker.actor.list_sessions() if row.id in (continued.id, left_alone.id)]
    told = ["continued" if row == continued.id else "left alone" for row in ids]
    check.equal("list-order", "listChats", ["continued", "left alone"], told, "list: continued")


def _newest_first(check: Checker, operation: str, rows: list[Session], created: list[str]) -> None:
    """By the last change where the API tells it, else by creation; what is of one second comes in any order."""
    times = [row.updated_at or row.created_at or 0 for row in rows]
    falling = times == sorted(times, reverse=True)
    check.that("list-order", operation, falling, "falling times", repr(times[:12]), "list")
    ids = [row.id for row in rows]
    above = [row for row in ids[: ids.index(created[-1])] if row in created] if created[-1] in ids else []
    told = f"{len(above)} older ones above it"
    check.that("list-order", operation, not above, "the newest session on top", told, "list: top")
