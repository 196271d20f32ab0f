"""What the scripted provider remembers of its calls, in a file and for who asks, and how late it may have seen them."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripted_provider import QUICK, ask, calls

from seatrial.errors import WrongUse
from seatrial.lab.heartbeat import Heartbeat
from seatrial.lab.journal import Call, Journal, kind_of
from seatrial.lab.provider import Script, create_app
from seatrial.lab.serving import running


def test_a_call_is_on_record_before_its_answer_ends(provider: str, record: Path) -> None:
    ask(provider, "nonce-1", stream=True)
    ask(provider, "nonce-2")
    first, second = calls(record)
    assert [first["last_user_message"], second["last_user_message"]] == ["nonce-1", "nonce-2"]
    assert [first["stream"], second["stream"]] == [True, False]
    assert first["reply"] == QUICK.reply("nonce-1")
    assert first["messages"] == 1
    assert first["finished"]
    assert first["received"] <= first["first_token"] <= first["ended"]


def test_a_client_that_leaves_is_on_record_as_unfinished(record: Path) -> None:
    with running(create_app(Script(first_token=0, gap=0.2), record)) as url:
        body = {"model": "seatrial-model", "messages": [{"role": "user", "content": "bye"}], "stream": True}
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
            next(response.iter_bytes())
    (call,) = calls(record)
    assert not call["finished"]
    assert call["tokens"] < len(Script().pieces("bye"))


def test_a_record_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot write the record"):
        create_app(record=tmp_path / "missing" / "calls.jsonl")


def told(url: str, since: int = 0) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/records", params={"since": since})
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_what_calls_took_is_told_with_the_nonces_of_their_prompts(provider: str) -> None:
    ask(provider, "[seatrial-0a.1-1.1] ping")
    ask(provider, "[seatrial-0a.1-1.2] ping", stream=True)
    clock, plain, streamed = told(provider)
    assert (clock["type"], clock["next"], clock["dropped"]) == ("ProviderClock", 2, 0)
    assert plain["nonces"] == ["[seatrial-0a.1-1.1]"]
    assert streamed["nonces"] == ["[seatrial-0a.1-1.2]"]
    assert (plain["streamed"], streamed["streamed"]) == (False, True)
    assert plain["first"] == plain["ms"] >= plain["due"] == 0
    assert len(streamed["gaps"]) == len(QUICK.pieces("[seatrial-0a.1-1.2] ping")) - 1
    assert streamed["first"] + sum(streamed["gaps"]) == pytest.approx(streamed["ms"], abs=50)
    assert not {"reply", "last_user_message"} & set(plain)
    assert [row["number"] for row in told(provider, since=1)[1:]] == [1]
    assert told(provider, since=7)[1:] == []


def test_of_a_model_that_thinks_the_first_token_is_the_first_that_it_says() -> None:
    with running(create_app(Script(first_token=0.05, gap=0.02, thinks=3, tokens=4))) as url:
        ask(url, "why?", stream=True)
        call = told(url)[1]
    assert call["due_first"] == pytest.approx(110)
    assert call["first"] >= 110
    assert len(call["gaps"]) == 3
    assert call["due"] == pytest.approx(170)


def test_a_refused_call_is_told_with_its_status() -> None:
    with running(create_app(Script(error_every=1, error_statuses=(429,)))) as url:
        ask(url, "[seatrial-0a.1-1.1]")
        call = told(url)[1]
    assert (call["status"], call["nonces"]) == (429, ["[seatrial-0a.1-1.1]"])


@pytest.mark.parametrize("since", ["-1", "x", "1.5"])
def test_a_number_that_is_none_is_refused(provider: str, since: str) -> None:
    assert httpx.get(f"{provider}/records", params={"since": since}).status_code == 400


def test_memory_is_bounded_and_what_was_let_go_is_counted() -> None:
    journal = Journal(most_bytes=2_000)
    for number in range(100):
        journal.write(Call("m", False, 1, f"[seatrial-0a.1-1.{number}]", 200, "", received=float(number)))
    clock, *calls = map(json.loads, journal.since(0))
    assert clock["next"] == 100
    assert 0 < len(calls) < 20
    assert clock["dropped"] == 100 - len(calls) == calls[0]["number"]
    assert sum(map(len, journal.since(0))) < 2_200
    assert [call["number"] for call in map(json.loads, [*journal.since(99)][1:])] == [99]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("why?", "chat"),
        ("### Task:\nGenerate a concise title summarizing the chat history.\nUSER: tags", "title"),
        ("### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.", "title"),
        ("### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history", "tags"),
        ("### Task:\nPredict 3-5 useful messages this user might naturally send next", "follow-ups"),
        ("### Task:\nSuggest 3-5 relevant follow-up questions or prompts", "follow-ups"),
        ("### Task:\nRespond to the user query using the provided context", "chat"),
        ("### Task:\nAnalyze the chat history to determine the necessity of generating search queries", "other"),
    ],
)
def test_what_open_webui_asks_models_for_besides_the_chat_is_told_apart(message: str, kind: str) -> None:
    assert kind_of(message) == kind


def test_a_call_that_may_have_waited_to_be_seen_says_so() -> None:
    journal = Journal()
    journal.write(Call("m", False, 1, "hi", 200, "", received=1.0, ended=1.1, loop_late=0.3))
    _, call = map(json.loads, journal.since(0))
    assert (call["seen_late"], call["ms"]) == (300, 100)


def test_how_late_a_busy_loop_is_shows_at_once() -> None:
    async def busy() -> tuple[float, float]:
        heartbeat = Heartbeat()
        before = heartbeat.late
        heartbeat.begin()
        await asyncio.sleep(0)
        time.sleep(0.3)
        return before, heartbeat.late

    before, after = asyncio.run(busy())
    assert before == 0
    assert after > 0.25
