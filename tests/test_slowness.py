"""A model that is slower than the run waits is told as that; what hangs or never answers is found all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from contract_tests.budget import BudgetSpent
from contract_tests.check import Checker
from contract_tests.log import Log
from contract_tests.slowness import Slowness, skip_too_slow
from contract_tests.test_tasks import _length
from seatrial.client import Client
from seatrial.completions import Form, completion
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.exchange import NoAnswer, Reply, Unexpected, Unfinished
from seatrial.known import Acceptance
from seatrial.target import ANONYMOUS, Account, Target

CONTRACT = Contract.load()
TIMEOUT = 30.0
CALL = CONTRACT.call("createChatCompletion", json=completion(Form.PLAIN, "m", "Say one word."))
STORED = CONTRACT.call("createChatCompletion", json={"chat_id": "c1", "session_id": "s1", "stream": True})


@dataclass
class Speaker:
    client: Client


@dataclass
class Ship:
    """As much of a crew as is asked for, and what its target answers to a stream."""

    told: Any
    api: str = OPENWEBUI
    contract: Contract = CONTRACT
    model: str = "m"
    patience: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.target = Target("http://target.example", timeout=TIMEOUT)
        self.asked: list[str] = []
        self.speaker = Speaker(Client(self.target, transport=httpx.MockTransport(self._answer)))
        self.people = [self.speaker]

    def be_patient(self, operations: list[str], seconds: float) -> None:
        self.patience.update(dict.fromkeys(operations, seconds))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content)["messages"][-1]["content"])
        if isinstance(self.told, Exception):
            raise self.told
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=self.told)


class Tokens(httpx.SyncByteStream):
    """A stream of so many tokens, which ends, or is cut by the deadline."""

    def __init__(self, number: int, *, ends: bool) -> None:
        self.number, self.ends = number, ends

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.number):
            yield b'data: {"choices": [{"delta": {"content": "word "}}]}\n\n'
        if not self.ends:
            raise httpx.ReadTimeout("the time is up")
        yield b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


def slowness(told: Any, longest: float = 0.0, api: str = OPENWEBUI) -> tuple[Slowness, Ship, Log]:
    ship, log = Ship(told, api), Log(CONTRACT, "http://target.example", Acceptance("0.12.4"))
    given: Any = ship
    it = Slowness(given, log)
    it.longest = longest
    return it, ship, log


def late() -> NoAnswer:
    return NoAnswer(CALL, f"no answer within {TIMEOUT:g} s", seconds=TIMEOUT)


def test_where_tokens_still_flow_the_model_is_slow_and_that_is_asked_once() -> None:
    it, ship, _ = slowness(Tokens(50, ends=False), longest=2.0)
    assert "--timeout" in (it.explains(late()) or "")
    assert "--timeout" in (it.explains(late()) or "")
    assert ship.asked == ["Say one word."]


@pytest.mark.parametrize("told", [httpx.ReadTimeout("silence"), httpx.ConnectError("away"), Tokens(0, ends=False)])
def test_where_nothing_comes_nothing_answers(told: Any) -> None:
    assert slowness(told, longest=2.0)[0].explains(late()) is None
    assert slowness(told)[0].explains(late()) is None


def test_a_model_that_took_long_before_is_slow_though_nothing_came_this_time() -> None:
    assert slowness(httpx.ReadTimeout("silence"), longest=12.0)[0].explains(late())


def test_where_the_same_comes_at_once_the_first_one_hung() -> None:
    assert slowness(Tokens(50, ends=True), longest=2.0)[0].explains(late()) is None


def test_before_the_first_reply_a_model_may_have_to_be_loaded_but_only_once() -> None:
    it, *_ = slowness(Tokens(50, ends=True))
    assert "first reply" in (it.explains(late()) or "")
    it.hear(ANONYMOUS, CALL, Reply(CALL, 200, {}, b"{}", 1.0))
    assert it.explains(late()) is None


def test_turns_whose_tasks_never_end_are_found_where_the_model_is_quick() -> None:
    for longest in (0.0, 2.0):
        it, ship, log = slowness(Tokens(50, ends=True), longest)
        log.hear(Account("somebody"), CALL, Reply(CALL, 200, {"content-type": "application/json"}, b"null"))
        tasks = Reply(CONTRACT.call("listChatTasks", "c1"), 200, {}, b'{"task_ids": ["t"]}')
        assert it.explains(Unfinished(tasks, "tasks that end")) is None
        assert ship.asked == ["Say one word."]
        ship.told = Tokens(50, ends=False)
        assert it.explains(Unfinished(tasks, "tasks that end"))


def test_what_is_no_late_completion_is_not_looked_into() -> None:
    it, ship, _ = slowness(Tokens(50, ends=False), longest=20.0)
    history = CONTRACT.call("getChat", "c1")
    others = [
        NoAnswer(history, "no answer within 30 s", seconds=30.0),
        NoAnswer(CALL, "connection refused: nothing listens there"),
        Unexpected(Reply(CALL, 500, {}, b""), "200"),
        Unexpected(Reply(history, 200, {}, b"{", cut="deadline"), "a whole body"),
        ValueError("no"),
    ]
    assert [it.explains(error) for error in others] == [None] * len(others)
    assert ship.asked == []
    assert it.explains(Unexpected(Reply(CALL, 200, {}, b"", cut="deadline"), "a whole body"))


def test_after_a_completion_that_took_long_the_next_ones_may_take_longer_within_bounds() -> None:
    it, ship, _ = slowness(None)
    for seconds, patience in ((2.0, None), (8.0, None), (20.0, 60.0), (12.0, 60.0), (29.0, 87.0), (80.0, 90.0)):
        it.hear(ANONYMOUS, CALL, Reply(CALL, 200, {}, b"{}", seconds))
        assert ship.patience.get("createChatCompletion") == patience
    quick, at_once, _ = slowness(None)
    quick.hear(ANONYMOUS, STORED, Reply(STORED, 200, {}, b"{}", 25.0))
    quick.hear(ANONYMOUS, CALL, Reply(CALL, 200, {}, b"{", 25.0, cut="deadline"))
    assert at_once.patience == {}


def test_the_session_api_has_no_stream_and_what_came_before_decides() -> None:
    call = CONTRACT.call("sendMessage", json={"prompt": "hello"})
    error = NoAnswer(call, "no answer within 30 s", seconds=30.0)
    for longest, slow in ((0.0, False), (2.0, False), (15.0, True)):
        it, ship, _ = slowness(Tokens(50, ends=False), longest, SESSIONS)
        assert bool(it.explains(error)) == slow
        assert ship.asked == []


def test_what_cannot_be_looked_at_is_named_with_what_to_do() -> None:
    it, _, log = slowness(None)
    with pytest.raises(BudgetSpent, match="give a longer one"):
        skip_too_slow(Checker(log), it, [("stop-stops", "stopChatTasks")])
    assert "--timeout" in log.skips["stop-stops", "stopChatTasks"]


def test_how_long_a_reply_is_comes_from_a_stream_and_a_slow_one_says_so() -> None:
    for told, length in ((Tokens(50, ends=True), 250), (Tokens(50, ends=False), None)):
        _, ship, _ = slowness(told)
        crew: Any = ship
        assert _length(crew, crew.speaker, "Count from one to forty in words.") == length
        assert ship.asked == ["Count from one to forty in words."]
