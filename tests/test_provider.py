"""The scripted provider and the way the lab serves it: what load tests and stored turns are compared with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripted_provider import QUICK, ask, calls

from seatrial.errors import WrongUse
from seatrial.lab.provider import Script, create_app
from seatrial.lab.serving import bound, free_port, running

TEXTS = {
    "plain": "ping 7f3a",
    "emoji": "launch 👩‍🚀🇩🇪 now",
    "right to left": "שלום עולם مرحبا",
    "lines": "one\r\n\ntwo\n\tthree",
    "line ends that are none": "a\u2028b\u0085c\x0bd",
    "white space around": "  padded  \n",
    "nothing": "",
    "control characters": "bell\x07 null\x00",
    "markup": "<think>no</think> data: [DONE]",
    "as long as fits": "x" * 1990 + " and more.",
}


def events(response: httpx.Response) -> list[Any]:
    assert response.headers["content-type"].startswith("text/event-stream")
    frames = response.text.split("\n\n")
    assert frames.pop() == ""
    assert frames.pop() == "data: [DONE]"
    assert all(frame.startswith("data: {") for frame in frames)
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def delivered(response: httpx.Response) -> str:
    return "".join(c["delta"].get("content", "") for event in events(response) for c in event["choices"])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_streamed_and_a_plain_reply_are_the_same_and_carry_the_message_unchanged(provider: str, text: str) -> None:
    plain = ask(provider, text).json()["choices"][0]
    assert plain["finish_reason"] == "stop"
    reply = plain["message"]["content"]
    assert text in reply
    assert reply == reply.strip()
    assert delivered(ask(provider, text, stream=True)) == reply == QUICK.reply(text)


def test_a_stream_opens_with_a_role_ends_with_one_stop_and_counts_when_asked(provider: str) -> None:
    first, *_, stop, counts = events(ask(provider, "hi", stream=True, stream_options={"include_usage": True}))
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert stop["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert counts["choices"] == []
    usage = counts["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]
    assert usage == ask(provider, "hi").json()["usage"]
    assert not any("usage" in event for event in events(ask(provider, "hi", stream=True)))


def test_only_the_last_user_message_counts_also_in_parts(provider: str) -> None:
    parts = [{"type": "text", "text": "seen"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    messages = [{"role": "user", "content": "old"}, {"role": "user", "content": parts}, {"role": "system"}]
    answer = ask(provider, "", messages=messages).json()
    assert answer["choices"][0]["message"]["content"] == QUICK.reply("seen")


@pytest.mark.parametrize("style", ["echo", "fill"])
@pytest.mark.parametrize("words", [0, 1, 40, 400])
def test_a_reply_has_no_more_tokens_than_asked_for_and_a_filled_one_exactly_as_many(style: Any, words: int) -> None:
    script = Script(tokens=24, style=style)
    pieces = script.pieces("word " * words)
    assert all(pieces)
    assert "".join(pieces) == script.reply("word " * words)
    assert len(pieces) == 24 if style == "fill" else len(pieces) <= 24


def test_a_message_beyond_the_limit_is_cut_and_the_reply_says_so() -> None:
    assert Script().reply("y" * 2001) == f"You said (first 2000 of 2001 characters): {'y' * 2000} (end of reply)"


def test_replies_that_vary_think_or_are_padded_are_the_same_text_streamed_and_plain() -> None:
    script = Script(first_token=0, gap=0, style="vary", thinks=3, padded=True)
    with running(create_app(script)) as url:
        first, second = (ask(url, "why?").json() for _ in range(2))
    message = first["choices"][0]["message"]
    assert message["content"] != second["choices"][0]["message"]["content"]
    assert message["content"] == "".join(script.pieces("why?", 1))
    assert message["content"].startswith("\n ")
    assert message["content"].endswith(" \n")
    assert message["reasoning_content"] == "thought 1 thought 2 thought 3 "
    usage = first["usage"]
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 3}
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_every_nth_completion_is_refused_with_each_status_in_turn(record: Path) -> None:
    script = Script(first_token=0, gap=0, error_every=2, error_statuses=(500, 429))
    with running(create_app(script, record)) as url:
        answers = [ask(url, "again") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200, 500, 200, 429, 200, 500]
    assert answers[3].headers["retry-after"] == "1"
    assert answers[3].json()["error"]["type"] == "rate_limit_error"
    assert [call["status"] for call in calls(record)] == [200, 500, 200, 429, 200, 500]


def test_tokens_come_at_their_times(record: Path) -> None:
    script = Script(first_token=0.1, gap=0.03, tokens=6)
    with running(create_app(script, record)) as url:
        started = time.monotonic()
        assert ask(url, "how long does it take").status_code == 200
        assert time.monotonic() - started >= 0.25
        ask(url, "how long does it take", stream=True)
    plain, streamed = calls(record)
    assert plain["ended"] - plain["received"] == pytest.approx(0.25, abs=0.04)
    assert streamed["first_token"] - streamed["received"] == pytest.approx(0.1, abs=0.04)
    assert streamed["ended"] - streamed["first_token"] == pytest.approx(0.15, abs=0.04)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"[]", 400), (b"{}", 400), (b'{"model": "other"}', 404), (b'{"model": "seatrial-model"}', 200)],
)
def test_a_wrong_request_gets_an_error_in_the_shape_of_openai(provider: str, content: bytes, status: int) -> None:
    response = httpx.post(f"{provider}/v1/chat/completions", content=content)
    assert response.status_code == status
    assert ("message" in response.json().get("error", {})) is (status != 200)


def test_models_are_listed_by_name() -> None:
    with running(create_app(Script(models=("a", "b")))) as url:
        assert [model["id"] for model in httpx.get(f"{url}/v1/models").json()["data"]] == ["a", "b"]


def test_an_occupied_port_is_one_line_that_says_what_to_do() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WrongUse) as error, running(create_app(), port=port):
            pass
    assert str(error.value) == f"port {port} on 127.0.0.1 is in use; choose another with --port"


def test_a_port_is_free_again_when_the_server_has_ended() -> None:
    port = free_port()
    for _ in range(2):
        with running(create_app(QUICK), port=port) as url:
            assert url == f"http://127.0.0.1:{port}"
            assert ask(url, "hi").status_code == 200


@pytest.mark.parametrize("port", [70000, -1])
def test_a_port_that_is_none_is_wrong_use(port: int) -> None:
    with pytest.raises(WrongUse, match="cannot listen"):
        bound("127.0.0.1", port)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_provider_of_its_own_process_says_when_it_is_ready_and_ends_cleanly(end: signal.Signals) -> None:
    arguments = json.dumps({"script": {"first_token": 0.0, "models": ["m"]}})
    command = [sys.executable, "-m", "seatrial.lab.provider", arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        word, url = process.stdout.readline().split()
        assert word == "ready"
        assert httpx.get(f"{url}/v1/models").json()["data"][0]["id"] == "m"
        os.kill(process.pid, end)
        assert process.wait(5) == 0
        assert process.stderr.read() == ""
