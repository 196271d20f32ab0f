"""The journey `session`, against a server of a few lines that can be told to misbehave."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from load.journeys.session import LOOKS, session
from load.part import Part, Visit
from seatrial.actor import Actor
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.samples import Integrity
from seatrial.sessions import SessionVerbs
from seatrial.target import Account

CONTRACT = Contract.load()
Answer = tuple[int, Any] | None


class Server:
    """Keeps one session. `script` may answer a call itself: (status, body), or None for no answer at all."""

    def __init__(self, script: Callable[[Call, int], Answer | str] = lambda _call, _nth: "usual") -> None:
        self.script = script
        self.calls: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.deleted = False

    def send(self, call: Call) -> Reply:
        self.calls.append(call.operation)
        answer = self.script(call, self.calls.count(call.operation))
        if answer == "usual":
            answer = 200, self.usual(call)
        if answer is None or isinstance(answer, str):
            raise NoAnswer(call, "nobody there")
        status, body = answer
        return Reply(call, status, {"content-type": "application/json"}, json.dumps(body).encode())

    def usual(self, call: Call) -> Any:
        if call.operation == "createSession":
            return {"id": "s1", "created_at": 1}
        if call.operation == "sendMessage":
            text = call.json["prompt"]
            self.messages += [{"role": "user", "content": text}, {"role": "assistant", "content": f"You said {text}"}]
            return {"reply": f"You said {text}"}
        if call.operation == "getHistory":
            return {"session_id": "s1", "messages": self.messages}
        self.deleted = True
        return {}


def played(
    server: Server, *, turns: int = 3, go_on: Callable[[], bool] = lambda: True, deletes: bool = True
) -> Integrity:
    actor = Actor(SessionVerbs(CONTRACT), server.send, lambda _: None)
    visit = Visit("1-1", "seatrial-0a1b2c3d", "", turns)
    line: Any = SimpleNamespace(account=Account("a", deletes=deletes))  # a session goes through the actor alone
    return session(Part(visit, actor, line, CONTRACT, None, go_on, lambda _: None, lambda: 1.0, random.Random(0)))


def test_a_session_is_created_talked_in_read_and_deleted() -> None:
    server = Server()
    record = played(server)
    assert server.calls == ["createSession", *["sendMessage"] * 3, "getHistory", "deleteSession"]
    assert (record.turns, record.acknowledged, record.stored, record.refused) == (3, 6, 6, 0)
    assert record.verified
    assert record.deleted
    assert record.detail == ""


def test_a_refused_create_ends_the_session_and_counts_as_refused() -> None:
    server = Server(lambda *_: (400, {"detail": "database is locked"}))
    record = played(server)
    assert server.calls == ["createSession"]
    assert (record.turns, record.refused) == (0, 1)
    assert record.detail.startswith("not created:")


def test_a_refused_turn_is_accounted_for_and_the_talk_goes_on() -> None:
    server = Server(lambda call, nth: (400, {}) if (call.operation, nth) == ("sendMessage", 2) else "usual")
    record = played(server)
    assert (record.turns, record.refused, record.acknowledged, record.stored, record.lost) == (3, 1, 4, 4, 0)


def test_a_turn_without_an_answer_ends_the_talk_since_it_may_still_be_running() -> None:
    server = Server(lambda call, nth: None if (call.operation, nth) == ("sendMessage", 2) else "usual")
    record = played(server)
    assert server.calls.count("sendMessage") == 2
    assert (record.turns, record.refused, record.lost, record.deleted) == (2, 1, 0, True)


def test_a_lost_message_is_looked_for_again_before_it_counts() -> None:
    server = Server(
        lambda call, _: (200, {"session_id": "s1", "messages": []}) if call.operation == "getHistory" else "usual"
    )
    record = played(server)
    assert server.calls.count("getHistory") == LOOKS
    assert record.lost == 6


def test_a_message_that_comes_late_is_not_lost() -> None:
    empty = (200, {"session_id": "s1", "messages": []})
    server = Server(lambda call, nth: empty if (call.operation, nth) == ("getHistory", 1) else "usual")
    assert played(server).lost == 0


def test_a_lost_message_that_nobody_can_look_for_again_is_unverified_and_not_lost() -> None:
    empty = (200, {"session_id": "s1", "messages": []})
    answers = {1: empty, 2: (502, {}), 3: (502, {})}
    server = Server(lambda call, nth: answers[nth] if call.operation == "getHistory" else "usual")
    record = played(server)
    assert (record.verified, record.lost) == (False, 0)
    assert "history not read" in record.detail


def test_a_history_that_cannot_be_read_is_unverified_and_nothing_is_lost() -> None:
    server = Server(lambda call, _: (500, {}) if call.operation == "getHistory" else "usual")
    record = played(server)
    assert not record.verified
    assert (record.acknowledged, record.lost, record.stored) == (6, 0, 0)
    assert "history not read" in record.detail
    assert record.deleted


def test_nobody_deletes_where_nobody_may() -> None:
    server = Server()
    record = played(server, deletes=False)
    assert server.calls == ["createSession", *["sendMessage"] * 3, "getHistory"]
    assert (record.stored, record.deleted, record.detail) == (6, False, "")


def test_a_session_that_cannot_be_deleted_is_told() -> None:
    server = Server(lambda call, _: (503, {}) if call.operation == "deleteSession" else "usual")
    record = played(server)
    assert not record.deleted
    assert "not deleted" in record.detail


def test_when_the_load_is_over_the_talk_ends_and_what_was_said_is_still_checked() -> None:
    answers = iter([True, False])
    server = Server()
    record = played(server, go_on=lambda: next(answers))
    assert server.calls == ["createSession", "sendMessage", "getHistory", "deleteSession"]
    assert (record.turns, record.stored, record.deleted) == (1, 2, True)
