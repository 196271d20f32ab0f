"""The benchmarks of the load: how rounds are stored and gone on with, what is judged of them, what they measure on."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import accuracy
import capacity_openwebui
import endings
import httpx
import load_report
import psutil
import pytest
import rounds
import soak
from known_model import known_model
from markdown import put_in
from null_server import REPLY, null_server
from rounds import Numbers, Round, Setting, middle, play, ratio
from storing import Store

from seatrial.actor import Actor, verbs_for
from seatrial.client import Client
from seatrial.contract import SESSIONS, Contract
from seatrial.lab.faults import named
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.streams import read
from seatrial.target import Account, Target

CONTRACT = Contract.load()


def given(folder: Path, **more: object) -> argparse.Namespace:
    return argparse.Namespace(folder=folder, quick=False, accept_stale=False, **{"rounds": 3, **more})


def a_round(setting: str, number: int, seen: dict[str, Numbers], benchmark: str = "any") -> Round:
    machine = {"cores": "2", "memory": "8 GiB", "Python": "3.11.7"}
    return Round(benchmark, setting, number, "now", seen, machine, f"2026-01-0{number}T00:00:00+00:00", 60.0)


def test_rounds_go_on_where_they_were_and_settings_take_turns(tmp_path: Path) -> None:
    played: list[str] = []

    def setting(name: str) -> Setting:
        def measure(number: int) -> dict[str, Numbers]:
            played.append(f"{name}{number}")
            return {"one": {"ms": float(number)}}

        return Setting(name, measure)

    play("any", [setting("a"), setting("b")], given(tmp_path, rounds=2), sources=["Makefile"])
    assert played == ["a1", "b1", "a2", "b2"]
    again = play("any", [setting("a"), setting("b")], given(tmp_path), sources=["Makefile"])
    assert played[4:] == ["a3", "b3"]
    assert middle(again, "a", "one", "ms") == 2.0
    play("any", [setting("a")], given(tmp_path, rounds=1), sources=["pyproject.toml"])
    assert played[6:] == ["a1"]


def test_a_ratio_is_of_each_round_and_not_of_the_medians() -> None:
    seen = [(1.0, 1.0), (10.0, 5.0), (100.0, 25.0)]
    played = [a_round("s", n, {"a": {"x": a}, "b": {"x": b}}) for n, (a, b) in enumerate(seen, 1)]
    assert ratio(played, "s", "a", "b", "x") == 2.0
    assert ratio(played, "s", "a", "nobody", "x") is None


@pytest.mark.parametrize(
    ("ends", "narrow", "overlap"),
    [
        ([(20, 25), (20, 24), (22, 25)], True, True),
        ([(4, 5), (4, 5)], True, True),
        ([(20, 26), (20, 24)], False, True),
        ([(20, 24), (24, 28)], True, False),
        ([(20, 0), (20, 24)], False, True),
    ],
)
def test_a_capacity_is_repeated_when_no_search_refutes_another(
    ends: list[tuple[float, float]], narrow: bool, overlap: bool
) -> None:
    played = [a_round("0.12.4 sqlite", n, {"seatrial": searched(*found)}) for n, found in enumerate(ends, 1)]
    held = capacity_openwebui.judged(played)
    assert [held for words, held in held if "narrow" in words or "overlap" in words] == [narrow, overlap]
    assert [words for words, _ in held if "of 3 searches" in words] == (
        [] if len(ends) == 3 else ["0.12.4 sqlite: 2 of 3 searches"]
    )


def test_a_search_that_does_not_pass_or_leaves_something_is_no_good_capacity() -> None:
    played = [a_round("0.12.4 sqlite", 1, {"seatrial": searched(20, 24, exit=3.0, left=2.0)})]
    told = {words.partition(": ")[2]: held for words, held in capacity_openwebui.judged(played)}
    assert not told["left behind on the target: 2"]
    assert not told["each search passes: exit 3"]


SOAKED: Numbers = {
    "turns": 110.0, "acknowledged": 220.0, "stored": 220.0, "other_harm": 0.0, "refused_turns": 0.0, "void": 0.0,
    "said": "Pass", "exit": 0.0, "seconds": 60.0, "first_mb": 1.0, "middle_mb": 1.0, "last_mb": 1.0,
    "mb_per_hour": 0.0, "grown": 0.0, "left": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "missed"),
    [
        ({}, []),
        ({"void": 1.0, "exit": 3.0}, []),
        ({"void": 1.0, "exit": 1.0}, ["exit 1"]),
        ({"exit": 3.0}, ["exit 3"]),
        ({"refused_turns": 20.0}, ["90 turns answered", "20 turns refused"]),
        ({"stored": 218.0}, ["2 of 220 messages"]),
        ({"left": 3.0}, ["left behind"]),
        ({"grown": 11.0}, ["memory grows"]),
    ],
)
def test_a_soak_counts_what_was_answered_and_excuses_nothing(more: Numbers, missed: list[str]) -> None:
    told = [words for words, held in soak.judged(SOAKED | more, turns=100) if not held]
    assert len(told) == len(missed)
    assert all(words.startswith(start) for words, start in zip(told, missed, strict=True))


def searched(holds: float, fails: float, **more: float | str) -> Numbers:
    return {"holds": float(holds), "fails": float(fails), "why": "slow", "left": 0.0, "exit": 0.0} | more


def off_by(p50: float, p99: float) -> Numbers:
    return {"first_p50": p50, "first_p99": p99}


def test_how_steady_a_deployment_was_is_told_of_levels_that_were_tried_again() -> None:
    tries = ("[[16, 9.0, 900], [20, 9.1, 1500], [24, 9.4, 3200]]", "[[20, 9.5, 1250]]")
    played = [
        a_round("0.12.4 sqlite", n, {"seatrial": searched(20, 24, tried=tried, loop_ms=80.0 + n, stolen=n / 1000)})
        for n, tried in enumerate(tries, 1)
    ]
    told = capacity_openwebui.lines(played)
    assert "81 to 82 ms before each" in told[-5]
    assert "0.1% to 0.2% of the processors" in told[-5]
    assert told[-1] == "| 0.12.4 sqlite | 20 | 9.1, 9.5 | 1,500, 1,250 |"
    assert told[-2].startswith("|---")


def test_accuracy_is_held_to_its_bounds_and_to_the_best_of_the_others() -> None:
    played = [a_round("burst 100", n, {"seatrial": off_by(4, 20), "x": off_by(1, 25), "y": off_by(9, 19)})
              for n in (1, 2, 3)]  # fmt: skip
    assert [held for _, held in accuracy.judged(played)] == [True, True, False]
    assert "below y" in accuracy.judged(played)[2][0]


def test_the_report_has_a_table_for_what_was_played_and_says_what_was_not(tmp_path: Path) -> None:
    lines = [
        a_round("20 users", 1, {"seatrial": {"per_core": 800.0}, "http_user": {"per_core": 200.0}}, "rate"),
        a_round("burst 20", 1, {"seatrial": off_by(1, 2), "aiohttp": off_by(3, 4)}, "accuracy"),
        a_round("0.12.4 sqlite", 1, {"seatrial": searched(20, 24)}, "capacity"),
    ]
    for row in lines:
        Store(tmp_path / rounds.STORED, Round).add(row)
    page = load_report.page(tmp_path)
    assert "| Locust, HttpUser | 200 | 4.00 |" in page
    assert "burst 20: p99 2.00 ms, below aiohttp with 4.00" in page
    assert page.count("Not run yet.") == 4
    assert "also for the client's, in 2 of 2 runs." in page
    example = load_report.example([lines[2]])
    once = put_in("# Capacity\n\nwords\n", load_report.SCRIPT, example)
    assert put_in(once, load_report.SCRIPT, example) == once
    assert "| 0.12.4 sqlite | 1 | 20 | 24 |" in once


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    plan = {"first": 0.01, "gap": 0.005, "count": 4, "each": 2, "stall": 0.2, "ends": ["done", "cut", "error"]}
    with known_model(**plan) as url:
        yield url


def test_the_known_model_stalls_and_ends_in_turn_and_tells_of_it(model: str) -> None:
    told = []
    for _ in range(3):
        body = httpx.post(f"{model}/v1/chat/completions", json={"stream": True, "messages": []}).content
        told.append(read([(0.0, body)]))
    assert [(reading.done, len(reading.errors), reading.text) for reading in told] == [
        (1, 0, "t0 t1 t2 t3 "), (0, 0, "t0 t1 t2 t3 "), (0, 1, "t0 t1 t2 t3 ")
    ]  # fmt: skip
    assert [reading.finishes for reading in told] == [["stop"], [], []]
    longest = [row[2] for row in httpx.get(f"{model}/told").json()]
    assert [gap >= 0.2 for gap in longest][::2] == [True, True]
    assert httpx.get(f"{model}/v1/models").json()["data"][0]["id"] == "known"


@pytest.mark.skipif(not hasattr(os, "SCHED_FIFO"), reason="the system knows no such priority")
def test_the_known_model_goes_before_others_where_it_may_and_says_so(model: str) -> None:
    others = [process for process in psutil.Process().children() if "known_model.py" in " ".join(process.cmdline())]
    ahead = {os.sched_getscheduler(process.pid) == os.SCHED_FIFO for process in others}
    assert ahead == {httpx.get(f"{model}/ahead").json()}


def test_the_ends_of_any_forty_streams_in_a_row_are_the_same() -> None:
    ends = endings._ends()
    assert len(ends) == endings.STREAMS
    assert all(sorted(ends[n : n + 40]) == sorted(endings.PERIOD) for n in range(0, 360, 7))


def test_the_null_server_plays_a_whole_session() -> None:
    with null_server() as (url, _), Client(Target(url, SESSIONS)) as client:
        actor = Actor(verbs_for(SESSIONS, CONTRACT), client.send)
        session = actor.create_session()
        assert actor.send_message(session, "ahoy").reply == REPLY
        assert [message.content for message in actor.get_history(session.id)] == ["ahoy", REPLY]
        actor.delete_session(session.id)
        assert actor.get_model_info()[0].id == "null"


def test_a_late_history_is_late_alone() -> None:
    with (
        running(create_app(CONTRACT)) as server,
        running(Proxy(server, CONTRACT, named("history-late"), 0)) as url,
        Client(Target(url, SESSIONS), Account("one")) as client,
    ):
        session = json.loads(client.send(CONTRACT.call("createSession")).body)["id"]
        late = client.send(CONTRACT.call("getHistory", session))
        soonest = min(client.send(CONTRACT.call("listSessions")).seconds for _ in range(5))
    assert late.status == 200
    assert late.seconds >= 0.3 > soonest
