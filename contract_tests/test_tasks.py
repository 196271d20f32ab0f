"""Replies that are being written: their owner stops them, and nobody else sees or stops them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from contract_tests.check import Checker
from contract_tests.scenes import Made, held_to, new_session
from contract_tests.slowness import skip_too_slow
from contract_tests.streamed import OPERATION, streamed
from contract_tests.verification import Verification
from seatrial.completions import Form, completion, new_id
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.delivered import without_thoughts
from seatrial.exchange import perform
from seatrial.openwebui import OpenWebUIVerbs
from seatrial.reading import held, items, member, success
from seatrial.verbs import Session, said

pytestmark = pytest.mark.api(OPENWEBUI)
LOOKED_AT = (("other-cannot-read", "listChatTasks"), ("other-cannot-write", "stopChatTasks"))
WHOLE = 0.8
"""A reply of this share of the whole one was not stopped: a model may say it in other words the second time."""

COUNTS = ("forty", "a hundred", "two hundred")
"""How far a model is asked to count: further where the last reply was over before anything could be done about it."""

Prompt = Callable[..., str]


@dataclass(frozen=True)
class UnderWay:
    """A reply that is being written, and how long it is when nobody stops it."""

    session: Session
    assistant: str
    whole: int


def test_a_reply_can_be_stopped(
    verification: Verification, crew: Crew, speaker: Person, check: Checker, prompt: Prompt, made: Made
) -> None:
    for count in COUNTS:
        asked = prompt(f"Count from one to {count} in words.")
        whole = _length(crew, speaker, asked)
        if whole is None:
            skip_too_slow(check, verification.slowness, [("stop-stops", "stopChatTasks")])
        reply = _begun(crew, speaker, asked, whole, made)
        before = _tasks(crew, speaker, reply)
        stopped = speaker.client.send(crew.contract.call("stopChatTasks", reply.session.id))
        check.that(
            "valid-use", "stopChatTasks", stopped.status == 200, "200", str(stopped), f"status {stopped.status}",
            reply=stopped,
        )  # fmt: skip
        after = _tasks(crew, speaker, reply)
        written = _written(speaker, reply)
        if before:
            goes_on = bool(after) and written >= WHOLE * reply.whole
            told = f"still running, and {written} of {reply.whole} characters in the end"
            check.that(
                "stop-stops", "stopChatTasks", not goes_on, "a reply that ends", told, "the reply", reply=stopped
            )
            break
    else:
        check.skip("stop-stops", "stopChatTasks", "replies are over before they can be stopped")
    tip = next((m.id for m in reversed(speaker.actor.get_history(reply.session.id)) if m.role == "assistant"), None)
    asked = prompt()
    turn = speaker.actor.send_message(Session(reply.session.id, tip=tip), asked)
    history = speaker.actor.get_history(reply.session.id)[-2:]
    stored = [text for _, text in held_to(check, said([turn]), history)]
    check.equal("turn-stored", OPERATION, [asked, turn.reply], stored, "after a stop")


@pytest.mark.rules(("other-cannot-read", "listChatTasks"), ("other-cannot-write", "stopChatTasks"))
def test_others_neither_see_nor_stop_a_reply(
    verification: Verification,
    crew: Crew,
    speaker: Person,
    other: Person,
    check: Checker,
    prompt: Prompt,
    made: Made,
) -> None:
    if other is speaker:
        pytest.skip("only one account sees a model")
    for count in COUNTS:
        asked = prompt(f"Count from one to {count} in words.")
        whole = _length(crew, speaker, asked)
        if whole is None:
            skip_too_slow(check, verification.slowness, LOOKED_AT)
        reply = _begun(crew, speaker, asked, whole, made)
        seen = other.client.send(crew.contract.call("listChatTasks", reply.session.id))
        before = _tasks(crew, speaker, reply)
        stopped = other.client.send(crew.contract.call("stopChatTasks", reply.session.id))
        after = _tasks(crew, speaker, reply)
        written = _written(speaker, reply)
        if before:
            shown = seen.status == 200 and bool(held(success(seen), "task_ids"))
            check.that(
                "other-cannot-read", "listChatTasks", not shown, "no task, or a refusal", str(seen),
                "tasks of a reply", reply=seen, account=other.account,
            )  # fmt: skip
            # Who is refused stops nothing: a reply that is short then was a short one.
            cut = stopped.status == 200 and not after and written < WHOLE * reply.whole
            told = f"stopped after {written} of {reply.whole} characters"
            check.that(
                "other-cannot-write", "stopChatTasks", not cut, "a reply that goes on", told, "a reply", reply=stopped,
                account=other.account,
            )  # fmt: skip
            return
    for rule, operation in LOOKED_AT:
        check.skip(rule, operation, "replies are over before anybody can look at them")


def _length(crew: Crew, speaker: Person, asked: str) -> int | None:
    """Characters of the whole reply, its thoughts left out; None where the model needs longer for it than is waited."""
    told = streamed(crew, speaker, asked)
    if told.is_too_slow:
        return None
    # Where streams do not work, which others tell, a plain reply says the same.
    return len(without_thoughts(told.reading.text or speaker.actor.send_message(None, asked).reply))


def _begun(crew: Crew, speaker: Person, asked: str, whole: int, made: Made) -> UnderWay:
    session, assistant = new_session(crew, speaker, made, "tasks"), new_id()
    body = completion(Form.BACKGROUND, crew.model, asked, session=session, assistant_id=assistant, socket_id=new_id())
    success(speaker.client.send(crew.contract.call(OPERATION, json=body)))
    return UnderWay(session, assistant, whole)


def _tasks(crew: Crew, speaker: Person, reply: UnderWay) -> list[str]:
    answer = speaker.client.send(crew.contract.call("listChatTasks", reply.session.id))
    return items(answer, member(answer, success(answer), "task_ids", list), "$.task_ids")


def _written(speaker: Person, reply: UnderWay) -> int:
    """Characters of the reply once nothing writes it any more."""
    verbs = speaker.actor.verbs
    assert isinstance(verbs, OpenWebUIVerbs)
    perform(verbs.await_tasks(reply.session.id), speaker.client.send)
    history = speaker.actor.get_history(reply.session.id)
    return next((len(message.content or message.elsewhere) for message in history if message.id == reply.assistant), 0)
