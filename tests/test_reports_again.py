"""The command that makes a run once more: what decides about its result is in it, and every word is understood."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from command_line import Command
from report_runs import verify_run
from shown import Shown, parse

from reports.advice import next_steps
from reports.again import again
from reports.verdict import judge
from seatrial.records import Run, RunFolder

HERE = "http://localhost:8080"
A = "http://a.example.org"


def verify(**changes: Any) -> Run:
    return verify_run(**changes)


def load(**settings: Any) -> Run:
    return verify_run(command="load", settings={"users": 20, "duration": 30.0, "timeout": 30.0} | settings)


def capacity(**settings: Any) -> Run:
    return verify_run(
        command="capacity", settings={"start": 4, "most": 1024, "look": 30.0, "budget": 1800.0} | settings
    )


def compare(**settings: Any) -> Run:
    usual = {"a": A, "pairs": 40, "max_slowdown": "10%", "floor": "5ms", "users": 4, "turns": 2, "think": 0.02}
    return verify_run(command="compare", settings=usual | {"mix": "session=1", "timeout": 30.0} | settings)


AGAIN = {
    "verify": (verify(settings={"timeout": 30.0}), f"verify {HERE}"),
    "verify, all": (
        verify(depth="full", seed=7, strict=True, settings={"timeout": 5.5, "load": True, "baseline": "old/before"}),
        f"verify {HERE} --depth full --timeout 5.5 --seed 7 --strict --baseline old/before --load",
    ),
    "verify, with a load of the file's objectives": (
        verify(settings={"load": True, "slo": ["damaged = 0", "turn p95 < 1s"]}),
        f"verify {HERE} --load",
    ),
    "verify, with a contract of one's own": (verify(contract="my own.yaml"), f"verify {HERE} --contract 'my own.yaml'"),
    "verify, with the contract": (verify(contract="openapi.yaml"), f"verify {HERE}"),
    "verify, embedded": (verify(settings={"embedded": True, "load": True}), "verify --load"),
    "load": (load(seed_messages=20, processes=1, expect_workers=1), f"load {HERE} --users 20 --duration 30s"),
    "load, filled": (
        load(seed_chats=200, seed_messages=5, timeout=60.0, processes=4, baseline="old/before"),
        (
            f"load {HERE} --users 20 --duration 30s --seed-chats 200 --seed-messages 5 --processes 4 --timeout 60 "
            "--baseline old/before"
        ),
    ),
    "load, embedded": (load(embedded=True), "load --users 20 --duration 30s"),
    "load, in stages": (
        load(stage=["10:30s", "10-50:2m"], slo=["damaged = 0", "turn p95 < 10s"]),
        f"load {HERE} --stage 10:30s --stage 10-50:2m --slo 'turn p95 < 10s'",
    ),
    "load, at a rate": (load(rate=0.5), f"load {HERE} --rate 0.5 --duration 30s"),
    "load, led": (
        load(master="10.0.0.0", expect_workers=2),
        f"load {HERE} --users 20 --duration 30s --master 10.0.0.0 --expect-workers 2",
    ),
    "load, of a worker": (load(worker="10.0.0.1"), f"load {HERE} --worker 10.0.0.1"),
    "capacity": (capacity(), f"capacity {HERE}"),
    "capacity, all": (
        capacity(start=2, most=50, look=10.0, budget=600.0, people=500, peak=0.5, chats_per_hour=4.0, timeout=9.0),
        f"capacity {HERE} --start 2 --most 50 --look 10 --budget 600 --people 500 --peak 0.5 --timeout 9",
    ),
    "capacity, embedded": (capacity(embedded=True), "capacity"),
    "compare": (compare(verify=True), f"compare {A} {HERE}"),
    "compare, all": (
        compare(users=8, pairs=60, max_slowdown="25%", floor="20ms", timeout=9.0, verify=False),
        f"compare {A} {HERE} --users 8 --pairs 60 --max-slowdown 25% --floor 20ms --timeout 9 --no-verify",
    ),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_trial_is_made_again_with_all_that_decided_about_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no settings of anybody
    run, wanted = AGAIN[name]
    assert again(run) == f"seatrial {wanted}"
    parse(Shown("reports/again.py", tuple(shlex.split(again(run)))))


def test_a_comparison_at_full_depth_says_so() -> None:
    run = compare()
    run.depth = "full"
    assert again(run).endswith("--depth full")


def test_a_load_lasts_as_many_times_as_long_as_is_asked() -> None:
    assert again(load(), longer=3) == f"seatrial load {HERE} --users 20 --duration 90s"
    assert again(load(stage=["10:30s", "2/s:1m"]), longer=3) == f"seatrial load {HERE} --stage 10:90s --stage 2/s:180s"


def test_what_a_record_should_not_hold_breaks_no_report() -> None:
    odd = load(stage=7, duration="long", users={"a": 1}, slo="x", seed_chats=[1], timeout="; rm -rf ~")
    words = shlex.split(again(odd))
    assert words[:2] == ["seatrial", "load"]
    assert words[-2:] == ["--timeout", "; rm -rf ~"]


@pytest.mark.parametrize(
    "words",
    [
        ("load", "--users", "1", "--duration", "1s", "--turns", "1", "--think", "0"),
        ("capacity", "--slo", "turn p95 < 10s", "--start", "1", "--most", "1", "--look", "1s", "--budget", "3s"),
    ],
    ids=lambda words: words[0],
)
def test_a_run_on_the_server_that_was_started_for_it_names_no_target(words: tuple[str, ...], here: Command) -> None:
    done = here(*words, "--out", "run")
    made = RunFolder(Path("run"))
    run = made.load()
    for one in (made, *map(RunFolder, made.path.glob("levels/*"))):
        assert one.load().settings["embedded"] is True, done.out + done.err
    assert again(run).split()[2].startswith("--")
    told = [command for _, command in next_steps(run, judge(run, made), made) if command]
    assert told
    assert [one for one in told if run.target in one] == []
