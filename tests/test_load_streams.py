"""Streamed replies under load: what came when, and every way of ending under its own name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest

from load.delivery import Delivery, Streamed, read
from load.locust_client import LoadClient
from load.recorder import LoadRecorder
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.lab.metronome import metronome
from seatrial.lab.serving import free_port
from seatrial.target import ANONYMOUS, Target


class Unheard:
    """In place of Locust's event."""

    def fire(self, **_: Any) -> None:
        """Nobody listens."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with metronome() as url:
        yield url


@contextmanager
def client(url: str, place: Path, timeout: float = 5.0) -> Iterator[LoadClient]:
    unheard: Any = Unheard()
    recorder = LoadRecorder(place / "samples" / "load.jsonl")
    here = LoadClient(Target(url, "openwebui", timeout=timeout), ANONYMOUS, 1, recorder, unheard)
    yield here
    here.settle()
    here.close()
    recorder.close()


def streamed(url: str, place: Path, query: str, timeout: float = 5.0) -> Delivery:
    with client(url, place, timeout) as here:
        return read(here.stream(Call("createChatCompletion", "GET", f"/stream?{query}")))


def samples(place: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for file in (place / "samples").iterdir() for line in file.read_text().splitlines()]


def test_first_token_gaps_and_a_stall_are_what_the_server_made_them(url: str, tmp_path: Path) -> None:
    delivery = streamed(url, tmp_path, "first=0.1&gap=0.02&count=20&stall=0.3&at=10")
    assert (delivery.ended, delivery.text.split()[-1], len(delivery.gaps)) == ("done", "t19", 19)
    # A machine that is busy makes them later, and nothing makes them earlier.
    assert delivery.first is not None
    assert delivery.first >= 99
    assert delivery.gaps[9] >= 299
    assert delivery.ms >= 100 + 18 * 20 + 320 - 1
    assert sorted(delivery.gaps)[9] >= 15


@pytest.mark.parametrize(("end", "ended"), [("done", "done"), ("cut", "cut"), ("abort", "aborted"), ("error", "error")])
def test_every_end_has_its_name(url: str, tmp_path: Path, end: str, ended: str) -> None:
    delivery = streamed(url, tmp_path, f"first=0&gap=0.001&count=5&end={end}")
    assert (delivery.ended, delivery.text) == (ended, "t0 t1 t2 t3 t4 ")
    assert bool(delivery.why) == (ended != "done")


@pytest.mark.parametrize(
    ("end", "ended"),
    [
        ("data: [DONE]", "done"),
        ("data: [DONE]\n", "done"),
        ("data: [DONE]\r\n", "done"),
        ("data: [DONE", "cut"),
    ],
)
def test_an_end_without_a_blank_line_is_one_as_what_pipe_functions_say_comes_from_open_webui(
    end: str, ended: str
) -> None:
    told = json.dumps({"choices": [{"delta": {"content": "all of it"}}]})
    call = Call("createChatCompletion", "GET", "/stream")
    for pieces in ([f"data: {told}\n\n{end}"], [f"data: {told}\n", "\n", *end]):
        streamed = Streamed(Reply(call, 200, {}, b""), [(0.1, piece.encode()) for piece in pieces])
        delivery = read(streamed)
        assert (delivery.ended, delivery.text) == (ended, "all of it")


def test_a_stream_that_does_not_end_in_time_is_left(url: str, tmp_path: Path) -> None:
    delivery = streamed(url, tmp_path, "first=0&gap=0.2&count=50", timeout=0.5)
    assert delivery.ended == "deadline"
    assert delivery.text.startswith("t0 t1 ")


def test_many_streams_at_once_are_told_apart(url: str, tmp_path: Path) -> None:
    ends = [("done", "cut", "abort", "error")[number % 4] for number in range(80)]
    jobs = [
        gevent.spawn(streamed, url, tmp_path / str(n), f"first=0.05&count=5&end={end}") for n, end in enumerate(ends)
    ]
    gevent.joinall(jobs, timeout=20)
    told = {"abort": "aborted"}
    assert [job.value.ended for job in jobs] == [told.get(end, end) for end in ends]


def test_nothing_listening_is_no_answer(tmp_path: Path) -> None:
    with client(f"http://127.0.0.1:{free_port()}", tmp_path) as here, pytest.raises(NoAnswer, match="refused"):
        here.stream(Call("createChatCompletion", "GET", "/stream"))
    (sample,) = samples(tmp_path)
    assert (sample["ok"], sample["status"]) == (False, 0)


def test_one_connection_serves_stream_after_stream_and_is_left_after_a_broken_one(url: str, tmp_path: Path) -> None:
    with client(url, tmp_path) as here:
        for end in ("done", "done", "abort", "done"):
            here.stream(Call("createChatCompletion", "GET", f"/stream?first=0&count=2&end={end}"))
    assert [sample["connect"] is None for sample in samples(tmp_path)] == [False, True, True, False]
