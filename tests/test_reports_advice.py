"""What an operator is told to do next, from how a run ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_runs import CHECKED, COMPARED, LIMITED, capacity_run, finding, folder, levels, under_load, verify_run

from load.gate import Limits
from load.ruling import sentence
from load.search import Answer
from load.sizing import concluded
from reports.advice import next_steps
from reports.verdict import judge
from seatrial.ratios import Ratio
from seatrial.records import Run

A, B = "http://a.example.org", "http://b.example.org"
OPEN = replace(COMPARED[2], wanted=120)
FAILED = replace(COMPARED[3], verdict="inconclusive")


def steps(path: Path, run: Run, *records: Any, samples: tuple[Any, ...] = ()) -> list[tuple[str, str]]:
    made = folder(path / "run", run, *records, samples=samples)
    return next_steps(run, judge(run, made), made)


def compare_run(**changes: Any) -> Run:
    given = {"command": "compare", "target": B, "settings": {"a": A, "b": B, "mix": "reader=1"}}
    said = sentence([OPEN], Limits(0.1, 5.0), "40 pairs of blocks")
    ended = {"verdict": "inconclusive", "sentence": said, "problem": said.removeprefix("Inconclusive: ")}
    return verify_run(**given | ended | changes)


def test_an_open_comparison_is_run_again_with_the_pairs_that_decide(tmp_path: Path) -> None:
    ((told, command), *_) = steps(tmp_path, compare_run(), *COMPARED[1:4], COMPARED[5])
    assert told == "Compare for longer: going by this spread, 120 pairs decide."
    assert command == f"seatrial compare {A} {B} --mix reader=1 --pairs 120"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (replace(OPEN, wanted=None), "too close to the limit"),
        (replace(OPEN, ratio=None, why="12.0 good answers in a block"), "answered too seldom"),
    ],
)
def test_where_no_number_of_pairs_decides_none_is_named(tmp_path: Path, row: Any, words: str) -> None:
    ((told, command), *_) = steps(tmp_path, compare_run(), OPEN, row)
    assert words in told
    assert command == ""


def test_a_comparison_that_something_kept_from_its_end_is_mended_and_run_again(tmp_path: Path) -> None:
    stopped = compare_run(problem="B stopped answering", sentence="Inconclusive: B stopped answering.")
    told = steps(tmp_path, stopped, OPEN)
    assert told[0][0].startswith("Mend what kept the run from a verdict: B stopped answering")
    assert told[1][1] == f"seatrial compare {A} {B} --mix reader=1"


def test_a_comparison_says_its_verdict_once(tmp_path: Path) -> None:
    judgement = judge(compare_run(), folder(tmp_path, compare_run(), OPEN))
    assert judgement.claim.startswith("Neither proved nor refuted: listSessions p95 +8%")
    assert judgement.detail == "1 operation compared; going by this spread, 120 pairs decide (--pairs)"


@pytest.mark.parametrize(("who", "words"), [("server", "The deployment was"), ("provider", "The model behind it was")])
def test_who_was_the_limit_is_what_is_to_be_made_larger(tmp_path: Path, who: str, words: str) -> None:
    played = {"turns": 3, "think": 0.3, "mix": "session=1", "peak": 0.5, "chats_per_hour": 4.0}
    run = capacity_run(verdict="fail", settings={"people": 500, "provider": "http://p"} | played)
    told = steps(tmp_path, run, *levels((8, "holds"), (10, "fails"), limit=who))
    assert told[0][0].startswith(words)
    assert told[1][1] == (
        "seatrial capacity http://localhost:8080 --think 0.3 --provider http://p --people 500 --peak 0.5"
    )


@pytest.mark.parametrize(
    ("tries", "said"),
    [
        ([(8, "holds"), (10, "fails")], "Go on where the search ended"),
        ([(8, "holds"), (8, "holds"), (10, "fails"), (10, "fails")], "Say how many people it is for"),
        ([(4, "holds"), (4, "holds"), (10, "fails"), (10, "fails")], "Go on where the search ended"),
    ],
)
def test_a_search_whose_ends_are_not_sure_is_to_go_on(tmp_path: Path, tries: list[tuple[int, str]], said: str) -> None:
    run = capacity_run(counts={"holds": tries[0][0], "fails": 10})
    assert steps(tmp_path, run, *levels(*tries))[0][0].startswith(said)


@pytest.mark.parametrize(("holds", "said"), [(8, "take it for too little"), (2, "Go on where the search ended")])
def test_a_need_between_what_holds_and_what_fails_is_not_decided(tmp_path: Path, holds: int, said: str) -> None:
    run = capacity_run(verdict="inconclusive", counts={"holds": holds, "fails": 10})
    made = folder(tmp_path / "run", run, *levels((holds, "holds"), (10, "fails")))
    judgement = judge(run, made)
    assert judgement.claim.endswith("fails at 10; nobody knows yet whether that is enough")
    assert said in next_steps(run, judgement, made)[0][0]


def test_a_void_load_is_to_have_more_room(tmp_path: Path) -> None:
    run = verify_run(command="load", problem="the load generator was the limit", cause="void")
    told = steps(tmp_path, run)
    assert told[0][0].startswith("Give the load process more room")
    assert told[1][1].startswith("seatrial load http://localhost:8080 --users 10")


def test_a_load_that_its_model_limited_says_so(tmp_path: Path) -> None:
    told = steps(tmp_path, verify_run(command="load"), finding(), LIMITED)
    assert "The model behind it was the limit" in told[1][0]


@pytest.mark.parametrize(
    ("most", "outcomes", "words", "end"),
    [
        (64, ["holds"], "go on where the search ended", "--resume "),
        (8, ["holds"], "search higher", "--most 16"),
        (64, ["holds", "fails"], "no level has failed twice", "--resume "),
        (64, ["holds", "void", "void"], "the load process itself was the limit", ""),
    ],
)
def test_a_search_without_an_upper_end_says_how_to_go_on(
    tmp_path: Path, most: int, outcomes: list[str], words: str, end: str
) -> None:
    run = capacity_run(counts={"holds": 8, "fails": 0}, settings={"most": most})
    tries = levels(*((8 * n, one) for n, one in enumerate(outcomes, 1)), limit="client")
    told, command = steps(tmp_path, run, *tries)[0]
    assert words in told
    assert end in command
    assert bool(command) == bool(end)


@pytest.mark.parametrize("outcomes", [["holds"], ["holds", "holds"]])
def test_a_need_above_the_highest_level_wants_higher_ones(tmp_path: Path, outcomes: list[str]) -> None:
    needed = {"most": 8, "people": 500, "peak": 0.3, "chats_per_hour": 4.0}
    run = capacity_run(verdict="inconclusive", counts={"holds": 8, "fails": 0}, settings=needed)
    told, command = steps(tmp_path, run, *levels(*((8, one) for one in outcomes)))[0]
    assert told == "Nothing failed yet: search higher."
    assert " --most 16 " in command
    assert command.endswith(" --people 500 --resume run")


def test_a_search_goes_on_under_the_bounds_that_it_had(tmp_path: Path) -> None:
    bounds = {"start": 2, "most": 50, "look": 10.0, "budget": 600.0}
    run = capacity_run(counts={"holds": 8, "fails": 0}, settings={"slo": ["turn p95 < 9s"]} | bounds)
    command = steps(tmp_path, run, *levels((8, "holds")))[0][1]
    assert command == (
        "seatrial capacity http://localhost:8080 --slo 'turn p95 < 9s' --start 2 --most 50 --look 10 --budget 600 "
        "--resume run"
    )


@pytest.mark.parametrize(
    ("rows", "pairs", "words", "end"),
    [
        ([FAILED], 40, "whether more requests fail than may", " --pairs 80"),
        ([FAILED, OPEN], 40, "whether more requests fail than may", " --pairs 120"),
        ([FAILED, OPEN], 2000, "too close to the limit", ""),
        ([FAILED, replace(OPEN, wanted=None)], 40, "too close to the limit", ""),
    ],
)
def test_failures_that_are_open_want_more_pairs(
    tmp_path: Path, rows: list[Ratio], pairs: int, words: str, end: str
) -> None:
    run = compare_run(settings={"a": A, "pairs": pairs})
    told, command = steps(tmp_path, run, *rows)[0]
    assert words in told
    assert command.endswith(end)
    assert bool(command) == bool(end)
    said = sentence(rows, Limits(0.1, 5.0), "40 pairs of blocks")
    assert ("double --pairs" in said) is (words not in said)


def test_a_load_that_proves_nothing_beside_its_baseline_is_to_last_longer(tmp_path: Path) -> None:
    said = sentence([replace(OPEN, wanted=None), FAILED], Limits(0.1, 5.0), "against before", stored=True)
    assert said.endswith("Longer would tell: load both for longer (--duration).")
    settings = {"users": 4, "duration": 30.0, "baseline": "old/before"}
    problem = said.removeprefix("Inconclusive: ")
    run = verify_run(command="load", verdict="inconclusive", problem=problem, settings=settings)
    told, command = steps(tmp_path, run, replace(OPEN, wanted=None))[0]
    assert told.startswith("Load for longer, and what it is held against as well")
    assert command == "seatrial load http://localhost:8080 --users 4 --duration 90s --baseline old/before"


def test_what_failed_at_full_depth_is_tried_again_at_full_depth(tmp_path: Path) -> None:
    told = steps(tmp_path, verify_run(depth="full", settings={"load": True, "timeout": 5.0}), finding())
    assert told[-1][1] == "seatrial verify http://localhost:8080 --depth full --timeout 5 --load"


def test_a_server_that_went_with_its_run_is_asked_nothing(tmp_path: Path) -> None:
    gone = {"embedded": True}
    told = steps(tmp_path / "failed", verify_run(settings=gone, left_behind=["a session"]), finding())
    assert [command for _, command in told] == [f"seatrial replay run '{finding().id}'", "seatrial verify"]
    told = steps(tmp_path / "passed", verify_run(settings=gone), *CHECKED)
    assert [command for _, command in told] == ["seatrial verify --depth full", "seatrial load", ""]
    told = steps(tmp_path / "load", verify_run(command="load", settings=gone), samples=under_load())
    assert told[0][1] == "seatrial capacity --slo 'turn p95 < 10s'"


def test_tries_that_were_no_result_for_another_reason_ask_for_no_other_machine(tmp_path: Path) -> None:
    lost = [replace(one, why="worker 2 of 2 was lost") for one in levels((16, "void"), (16, "void"))]
    run = capacity_run(counts={"holds": 8, "fails": 0}, settings={"most": 64})
    told, command = steps(tmp_path, run, *levels((8, "holds")), *lost)[0]
    assert told == "Mend what made tries no result, and go on: worker 2 of 2 was lost."
    assert "--resume " in command


@pytest.mark.parametrize(
    ("verdict", "fails", "claim", "step"),
    [
        ("fail", 1, "fails at 1 user, the least there is", "Look at what failed first, below"),
        ("inconclusive", 4, "was seen to hold; nobody knows yet what it holds", "until it is known what it holds"),
    ],
)
def test_a_search_that_saw_nothing_hold_passes_nowhere(
    tmp_path: Path, verdict: str, fails: int, claim: str, step: str
) -> None:
    tries = levels((fails, "fails"), (fails, "fails"))
    given = capacity_run(verdict="", sentence="")
    run = concluded(given, Answer(0, fails, "the budget of 5 minutes was used up"), tries, None)
    made = folder(tmp_path / "run", run, *tries)
    judgement = judge(run, made)
    assert judgement.verdict == verdict
    assert judgement.claim.endswith(claim)
    assert step in next_steps(run, judgement, made)[0][0]


def test_what_a_search_knew_when_its_target_died_is_its_heading(tmp_path: Path) -> None:
    tries = levels((8, "holds"), (16, "fails"))
    gone = "http://localhost:8080 does not answer; --resume goes on with it"
    run = concluded(capacity_run(problem=gone), Answer(8, 16, gone), tries, None)
    judgement = judge(run, folder(tmp_path / "run", run, *tries))
    assert judgement.verdict == "inconclusive"
    assert judgement.claim.endswith("holds 8 users, fails at 16; the search came to no end")
    assert gone in judgement.detail


def test_a_void_comparison_is_told_of_no_option_that_it_lacks(tmp_path: Path) -> None:
    void = compare_run(cause="void", problem="the process that plays both was late", sentence="")
    told = steps(tmp_path, void, OPEN)
    assert "--users" in told[0][0]
    assert "--processes" not in told[0][0]


def test_a_line_that_a_finding_itself_does_not_offer_is_no_next_step(tmp_path: Path) -> None:
    odd = finding(curl="curl http://localhost:8080/\u202e", rule="valid-use")
    (_, command), *_ = steps(tmp_path, verify_run(), odd)
    assert "curl" not in command
    assert command.startswith("seatrial replay ")
