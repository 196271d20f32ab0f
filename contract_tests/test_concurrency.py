"""A few at a time: parallel creates, turns and deletes lose, double and mix nothing.

What was acknowledged and is absent is lost. What was refused and is absent is accounted for: an overloaded
server may refuse, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from contract_tests.check import Checker
from contract_tests.deletion import need_deletion
from contract_tests.scenes import Made, held_to
from contract_tests.verification import Verification
from seatrial.crew import Crew, Person
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.verbs import Session, Turn, said

AT_ONCE = 4
ALL_REFUSED = "everything that was asked at once was refused"
AtOnce = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]


@pytest.fixture
def pool(verification: Verification) -> AtOnce:
    """Does something for each of several values, all at the same time."""

    def at_once(work: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
        with verification.limits.at_once(), ThreadPoolExecutor(AT_ONCE) as threads:
            return list(threads.map(work, values))

    return at_once


def test_sessions_made_at_once_are_all_there_and_each_its_own(
    crew: Crew, owner: Person, check: Checker, verb: dict[str, str], made: Made, pool: AtOnce
) -> None:
    people = [crew.person(owner.account) for _ in range(AT_ONCE)]
    sessions = [session for session in pool(lambda person: _created(crew, person), people * 2) if session]
    made += [(owner, session.id) for session in sessions]
    ids = [session.id for session in sessions]
    if not ids:
        for operation in (verb["create_session"], verb["list_sessions"]):
            check.skip("parallel-kept", operation, ALL_REFUSED)
        return
    check.equal("parallel-kept", verb["create_session"], len(ids), len(set(ids)), "sessions made at once: ids")
    listed = {row.id for row in owner.actor.list_sessions()}
    missing = [session_id for session_id in ids if session_id not in listed]
    check.that(
        "parallel-kept", verb["list_sessions"], not missing, "all", f"{len(missing)} missing", "made at once: list"
    )


def test_turns_taken_at_once_stay_in_their_sessions(
    verification: Verification,
    crew: Crew,
    speaker: Person,
    check: Checker,
    verb: dict[str, str],
    prompt: Callable[..., str],
    made: Made,
    pool: AtOnce,
) -> None:
    people = [crew.person(speaker.account) for _ in range(AT_ONCE)]
    sessions = [_created(crew, speaker) for _ in people]
    made += [(speaker, session.id) for session in sessions if session]
    prompts, refusals = [prompt() for _ in people], list[Exception]()

    def take(work: tuple[Person, Session | None, str]) -> Turn | None:
        person, session, asked = work
        try:
            return person.actor.send_message(session, asked) if session else None
        except (Unexpected, NoAnswer) as error:
            refusals.append(error)
            return None

    turns: list[Turn | None] = pool(take, zip(people, sessions, prompts, strict=True))
    for session, turn, asked in zip(sessions, turns, prompts, strict=True):
        if session is None:
            continue
        history = speaker.actor.get_history(session.id)
        pairs = held_to(check, said([turn] if turn else []), history)
        if turn is not None:
            check.equal("parallel-kept", verb["get_history"], said([turn]), pairs, "turns taken at once: messages")
        else:
            # Refused: its prompt may be there or not, another one may not.
            foreign = [text for role, text in pairs if role == "user" and text != asked]
            check.that(
                "parallel-kept", verb["get_history"], not foreign, "no other", repr(foreign[:1]), "refused: messages"
            )
    answered = sum(turn is not None for turn in turns)
    if not answered and (reason := _excuse(verification, refusals)):
        check.skip("parallel-kept", verb["send_message"], reason)
        return
    check.that(
        "valid-use", verb["send_message"], answered > 0, "answers", f"none of {AT_ONCE} turns at once", "at once"
    )


def test_sessions_deleted_at_once_are_gone_and_no_other(
    crew: Crew, owner: Person, check: Checker, verb: dict[str, str], made: Made, pool: AtOnce
) -> None:
    need_deletion(owner, check, ("parallel-kept", verb["delete_session"]))
    sessions = [owner.actor.create_session(crew.title("at once")) for _ in range(2 * AT_ONCE)]
    made += [(owner, session.id) for session in sessions]
    gone, kept = sessions[:AT_ONCE], sessions[AT_ONCE:]
    people = [crew.person(owner.account) for _ in gone]

    def remove(work: tuple[Person, Session]) -> str | None:
        person, session = work
        try:
            person.actor.delete_session(session.id)
        except (Unexpected, NoAnswer):
            return None
        return session.id

    removed = {name for name in pool(remove, zip(people, gone, strict=True)) if name}
    listed = {row.id for row in owner.actor.list_sessions()}
    there, missing = removed & listed, {session.id for session in kept} - listed
    if removed:
        told = f"{len(there)} still listed"
        check.that("parallel-kept", verb["delete_session"], not there, "gone", told, "deleted at once")
    else:
        check.skip("parallel-kept", verb["delete_session"], ALL_REFUSED)
    check.that(
        "parallel-kept",
        verb["list_sessions"],
        not missing,
        "all",
        f"{len(missing)} gone too",
        "deleted at once: others",
    )


def _excuse(verification: Verification, refusals: list[Exception]) -> str | None:
    """Why nobody was answered, where it is not the deployment that failed."""
    limits, quota = verification.limits, verification.quota
    unusable = [error for error in refusals if isinstance(error, Unexpected)]
    if refusals and len(unusable) == len(refusals):
        if all(map(quota.explains_error, unusable)):
            return "the model's provider limits requests, and let none of several turns at once through"
        if all(quota.explains_error(error) or limits.explains(error.reply) for error in unusable):
            return "what stands in front limits requests, and let none of several turns at once through"
    return next((words for error in refusals if (words := verification.too_slow(error))), None)


def _created(crew: Crew, person: Person) -> Session | None:
    """None where the server refused: it may, when many ask at once."""
    try:
        return person.actor.create_session(crew.title("at once"))
    except (Unexpected, NoAnswer):
        return None
