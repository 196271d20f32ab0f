"""Mixes of journeys, and the journeys that other people make besides sessions."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from load.delivery import Streamed
from load.integrity import compare
from load.journeys import JOURNEYS
from load.mix import SPEAK, Mix
from load.part import Part, Visit
from load.prompts import Nonce, nonces, prompt
from load.seeding import Seed, key, said_in
from seatrial.actor import Actor
from seatrial.contract import Contract
from seatrial.errors import WrongUse
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected
from seatrial.openwebui import OpenWebUIVerbs
from seatrial.settings import Settings
from seatrial.target import Account
from seatrial.verbs import Message

CONTRACT = Contract.load()
MARKER = "seatrial-0a1b2c3d"


def test_a_mix_is_read_from_text_and_chosen_from_by_weight() -> None:
    mix = Mix.parse("session=6, reader=3,completions")
    assert mix.weights == {"session": 6, "reader": 3, "completions": 1}
    chance = random.Random(1)
    chosen = [mix.choose(chance) for _ in range(2_000)]
    assert chosen.count("session") == pytest.approx(1200, rel=0.1)
    assert chosen.count("completions") == pytest.approx(200, rel=0.25)
    assert Mix.parse(str(mix)) == mix


@pytest.mark.parametrize("text", ["", "sailing=1", "session=x", "session=0", "session=-1", "session 6"])
def test_what_is_no_mix_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="--mix"):
        Mix.parse(text)


def test_a_journey_is_only_made_where_it_can_be() -> None:
    Mix.parse("completions").demand("openwebui")
    with pytest.raises(WrongUse, match="completions is for Open WebUI"):
        Mix.parse("session,completions").demand("sessions")
    with pytest.raises(WrongUse, match="browser is for Open WebUI"):
        Mix.parse("session,browser").demand("sessions")
    assert set(JOURNEYS) == set(SPEAK)


def test_browsers_want_accounts_of_their_own() -> None:
    accounts = [Account(f"account {number}", "token") for number in range(3)]
    mix = Mix.parse("session,browser")
    mix.demand_accounts(accounts, 3)
    with pytest.raises(WrongUse, match="an account for each of 4 users, and 3"):
        mix.demand_accounts(accounts, 4)
    with pytest.raises(WrongUse, match=r"key hears nothing .* API keys do not open"):
        mix.demand_accounts([*accounts, Account("key", "sk-0123456789")], 4)
    Mix.parse("session,completions").demand_accounts(accounts, 4)


class Line:
    """A connection that answers streams from a list, and keeps what it is told."""

    def __init__(self, *streams: Streamed | NoAnswer) -> None:
        self.streams = list(streams)
        self.calls: list[Call] = []
        self.turns: list[tuple[str, str, float | None]] = []
        self.errors: list[Unexpected | None] = []
        self.account: Any = None

    def stream(self, call: Call) -> Streamed:
        self.calls.append(call)
        answer = self.streams.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    def settle(self, error: Unexpected | None = None) -> None:
        self.errors.append(error)

    def turned(
        self, way: str, ended: str, ms: float, first: float | None = None, gaps: Sequence[float] = (), nonce: str = ""
    ) -> None:
        assert nonce
        self.turns.append((way, ended, first))


CALL = CONTRACT.call("createChatCompletion", json={})


def streamed(text: str, *, done: bool = True, broke: str = "") -> Streamed:
    events = [json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}) for word in text.split(" ")]
    data = [f"data: {event}\n\n".encode() for event in [*events, *(["[DONE]"] if done else [])]]
    reply = Reply(CALL, 200, {"content-type": "text/event-stream"}, b"".join(data), 0.5)
    return Streamed(reply, [(0.1 * number, piece) for number, piece in enumerate(data, 1)], broke)


def part(line: Line, actor: Actor | None = None, turns: int = 1, **more: Any) -> Part:
    silent = Actor(OpenWebUIVerbs(CONTRACT, "m"), lambda _: pytest.fail("nothing is sent this way"), lambda _: None)
    return Part(
        Visit("4-2", MARKER, "", turns), actor or silent,
        line, CONTRACT, "m", lambda: True, lambda _: None, lambda: 1.0, random.Random(0), **more,
    )  # fmt: skip


def test_completions_are_streamed_told_and_stored_nowhere() -> None:
    said = str(Nonce(MARKER, "4-2", 1))
    line = Line(
        streamed(f"You said {said}"), streamed("Aye."), streamed("so ", broke="the connection broke", done=False)
    )
    record = JOURNEYS["completions"](part(line, turns=3))
    assert [call.json["stream"] for call in line.calls] == [True] * 3
    assert (record.turns, record.refused, record.foreign, record.acknowledged) == (3, 1, 0, 0)
    assert [ended for _, ended, _ in line.turns] == ["done", "done", "aborted"]
    assert line.turns[0][2] == 100
    assert [error is None for error in line.errors] == [True, True, False]


def test_a_streamed_reply_that_was_meant_for_somebody_else_is_foreign() -> None:
    record = JOURNEYS["completions"](part(Line(streamed(f"You said {Nonce(MARKER, '9-9', 1)}"))))
    assert (record.foreign, record.detail) == (1, "foreign: the reply of turn 1 was meant for session 9-9")


def test_a_completion_that_is_not_answered_is_a_refused_turn() -> None:
    record = JOURNEYS["completions"](part(Line(NoAnswer(CALL, "nobody there"))))
    assert (record.turns, record.refused) == (1, 1)


def test_seeded_chats_are_as_long_as_asked_and_each_its_own() -> None:
    seed = Seed(3, 7)
    texts = [seed.texts(MARKER, number) for number in range(3)]
    assert [len(one) for one in texts] == [8, 8, 8], "each question has its reply"
    assert len({text for one in texts for text in one}) == 24
    assert [{nonce.session for text in one for nonce in nonces(text)} for one in texts] == [{key(n)} for n in range(3)]
    history = [Message("assistant" if number % 2 else "user", text) for number, text in enumerate(texts[2])]
    assert compare(said_in(texts[2]), history, MARKER, key(2)).is_whole
    assert key(1) not in prompt(Nonce(MARKER, "1-1", 1))


def test_readers_have_something_to_read() -> None:
    assert Seed.of(Settings(), Mix.parse("session")).chats == 0
    assert Seed.of(Settings(), Mix.parse("session,reader")).chats > 0
    assert Seed.of(Settings(seed_chats=2), Mix.parse("reader")).chats == 2
