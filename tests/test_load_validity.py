"""Whether a load is a result: what its processes noted of themselves, and which times count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from load.validity import dulled, undermanned, validity
from seatrial.evidence import Evidence, warm_up
from seatrial.records import Recorder, RunFolder
from seatrial.samples import Arrival, Integrity, Known, Pulse, Sample, Turned

GOOD = [Known(1.0, "before", 0.3, (0.1, -0.2)), Pulse(1.0, 0.2, 4.0, 0.3), Arrival(0.5, 0.4, True, 3)]


def folder(path: Path, *rows: Any, files: int = 1) -> RunFolder:
    made = RunFolder.create(str(path / "run"), "load")
    for number in range(files):
        recorder = Recorder(made.path / "samples" / f"{number}.jsonl")
        for row in rows[number::files]:
            recorder.write(row)
        recorder.close()
    return made


def test_a_load_that_measured_well_is_a_result_and_says_how_well(tmp_path: Path) -> None:
    found = validity(folder(tmp_path, *GOOD))
    assert found.void == ""
    for words in ("wrong by 0.3 ms", "gaps by 0.2 ms", "late by 4.0 ms", "30% of a core", "0.4 ms late"):
        assert words in found.told


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([Known(1.0, "during", 40.0, (0.1,))], "first tokens by 40 ms"),
        ([Known(1.0, "after", 0.1, (0.1, -60.0))], "gaps by 60 ms"),
        ([Pulse(float(n), 1.0, 400.0, 1.0) for n in range(5)], "woke 400 ms late"),
        ([Pulse(float(n), 0.2, 6000.0 if n == 7 else 4.0, 0.3) for n in range(30)], "woke 6000 ms late"),
        ([Arrival(float(n), 150.0, True, 3) for n in range(5)], "began sessions 150 ms late"),
        ([Arrival(float(n), 0.1, False, 3) for n in range(5)], "started only 17%"),
    ],
)
def test_a_generator_that_was_the_limit_makes_the_run_void(tmp_path: Path, rows: list[Any], words: str) -> None:
    found = validity(folder(tmp_path, *GOOD, *rows))
    assert found.void.startswith("the load generator was the limit, and not the target")
    assert words in found.void


def test_one_bad_second_of_many_is_told_and_voids_nothing(tmp_path: Path) -> None:
    pulses = [Pulse(float(n), 0.2, 900.0 if n == 7 else 4.0, 0.3) for n in range(40)]
    assert validity(folder(tmp_path, *GOOD, *pulses)).void == ""


def test_a_load_whose_times_were_never_checked_is_void(tmp_path: Path) -> None:
    assert "could not check its times" in validity(folder(tmp_path, Pulse(1.0, 0.2, 4.0, 0.3))).void


def test_a_closed_loop_is_a_result_only_where_all_came_to_work() -> None:
    assert "only 3,000 of 5,000 users came to work" in undermanned(3_000, 5_000)
    assert undermanned(5_000, 5_000) == undermanned(6, 5) == ""
    assert undermanned(0, 5) == "", "older records do not note it"


def test_nothing_noted_says_nothing(tmp_path: Path) -> None:
    assert validity(folder(tmp_path)) == validity(folder(tmp_path / "again"))
    assert validity(folder(tmp_path / "once more")).told == ""


def test_files_of_several_processes_are_one_load(tmp_path: Path) -> None:
    samples = [Sample(float(n), "getChat", float(n), 200, True, 1, f"1-{n}") for n in range(100)]
    one = Evidence.of(folder(tmp_path / "one", *samples))
    three = Evidence.of(folder(tmp_path / "three", *samples, files=3))
    assert sorted(one.columns["getChat"].ms) == sorted(three.columns["getChat"].ms)
    assert one.failed("") == three.failed("") == (0, 100)


def test_times_leave_out_warm_up_and_ending_and_errors_and_harms_do_not(tmp_path: Path) -> None:
    rows = [Sample(at, "getChat", 10.0 * at, 200, at != 1.0, 1, "1-1") for at in (1.0, 2.0, 3.0, 4.0)]
    hurt = Integrity(5.0, "1-1", 1, 2, 0, 1, 1, 0, 0, 0, 0, deleted=True)
    turns = [Turned(at, "1-1", 1, "completions", "sse", 50.0, "done", 10.0, (1.0, 9.0)) for at in (1.0, 3.0)]
    cut = Turned(3.5, "1-1", 1, "completions", "sse", 50.0, "cut", 10.0, (1.0, 9.0))
    evidence = Evidence.of(folder(tmp_path, *rows, *turns, cut, hurt), {"listChats"}, since=2.0, until=4.0)
    assert evidence.times("getChat") is not None
    assert {name: list(column.ms) for name, column in evidence.columns.items()} == {
        "getChat": [20.0, 30.0], "turn": [50.0], "ttft": [10.0], "gap": [1.0, 9.0], "stall": [9.0],
        "turn sse": [50.0], "ttft sse": [10.0], "gap sse": [1.0, 9.0], "stall sse": [9.0],
    }  # fmt: skip
    assert evidence.turn_subjects == ["ttft", "gap", "stall", "turn"]
    assert evidence.failed("getChat") == (1, 4)
    assert evidence.harms["lost"] == 1
    assert evidence.times("listChats") == ((), ())
    assert evidence.times("getCat") is None


def test_replies_of_several_ways_are_told_over_all_and_apart() -> None:
    evidence = Evidence()
    evidence.turn(Turned(1.0, "1-1", 1, "completions", "sse", 50.0, "done", 10.0, (1.0, 9.0)))
    evidence.turn(Turned(2.0, "2-1", 2, "browser", "socket", 70.0, "done", 20.0, (5.0,)))
    evidence.turn(Turned(3.0, "3-1", 3, "session", "plain", 90.0, "done"))
    assert evidence.turn_subjects == [
        *("ttft", "ttft sse", "ttft socket", "gap", "gap sse", "gap socket", "stall", "stall sse", "stall socket"),
        *("turn", "turn plain", "turn sse", "turn socket"),
    ]
    shown = {name: list(column.ms) for name, column in evidence.columns.items()}
    assert (shown["turn"], shown["turn socket"], shown["ttft"]) == ([50.0, 70.0, 90.0], [70.0], [10.0, 20.0])
    assert evidence.times("stall plain") == ((), ())
    assert evidence.times("stall by post") is None


def test_turns_that_fail_are_counted_over_all_and_by_the_way_of_their_replies() -> None:
    evidence = Evidence(since=5.0, sessions=3)
    for number, (way, ended) in enumerate([("plain", "refused"), ("sse", "cut"), ("sse", "done"), ("sse", "done")]):
        evidence.turn(Turned(float(number), f"{number}-1", 1, "session", way, 50.0, ended))
    assert [evidence.failed(name) for name in ("turn", "turn sse", "turn plain", "turn socket")] == [
        (2, 4), (1, 3), (1, 1), (0, 0),
    ]  # fmt: skip
    assert evidence.failed("") == (0, 0), "they are no requests"


def test_turns_that_fail_together_in_a_session_prove_less() -> None:
    together, apart = Evidence(sessions=50), Evidence(sessions=50)
    for number in range(200):
        ended = ("refused", "done")
        together.turn(Turned(1.0, f"{number // 4}-1", 1, "session", "plain", 9.0, ended[number >= 20]))
        apart.turn(Turned(1.0, f"{number % 50}-1", 1, "session", "plain", 9.0, ended[number >= 20]))
    assert together.failed("turn") == apart.failed("turn") == (20, 200)
    assert together.clustering("turn") > 3
    assert apart.clustering("turn") == 1


def test_the_warm_up_is_over_when_turns_take_as_long_as_they_will(tmp_path: Path) -> None:
    slow = [Turned(float(n), "1-1", 1, "session", "plain", 900.0 - 20 * n, "done") for n in range(40)]
    steady = [Turned(float(n), "1-1", 1, "session", "plain", 100.0 + n % 7, "done") for n in range(40, 400)]
    found = warm_up(folder(tmp_path / "a", *slow, *steady), until=1000.0)
    assert found is not None
    assert 30 <= found <= 80
    assert warm_up(folder(tmp_path / "b", *steady), until=1000.0) == 0
    falling = [Turned(float(n), "1-1", 1, "session", "plain", 9000.0 - 20 * n, "done") for n in range(400)]
    assert warm_up(folder(tmp_path / "c", *falling), until=1000.0) is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([Pulse(1.0, 0.2, 4.0, 0.1)], "could not check its times"),
        ([Known(1.0, "before", 60.0, ())], "wrong by 60 ms"),
        ([Known(1.0, "before", 1.0, ()), Pulse(1.0, 0.2, 4.0, 0.9)], "needed 90% of a core"),
        ([Known(1.0, "before", 1.0, ()), Pulse(1.0, 0.2, 4.0, 0.1)], ""),
    ],
)
def test_a_player_of_both_targets_that_was_late_or_does_not_know_is_named(
    tmp_path: Path, rows: list[Any], words: str
) -> None:
    told = dulled(folder(tmp_path, *rows))
    assert words in told
    assert bool(told) == bool(words)
