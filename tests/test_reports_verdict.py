"""The verdict: what fails a run, what beats what, and whether its first lines say what is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import CHECKED, every_kind, finding, folder, levels, under_load, verify_run

from reports import github, html, junit
from reports.advice import next_steps
from reports.verdict import judge
from reports.wording import percent
from seatrial.records import Check, Skip
from seatrial.samples import Integrity, Sample

DRIFT = finding(severity="drift", rule="status-documented", operation="listChats", where="status 422")


@pytest.mark.parametrize(
    ("changes", "strict", "verdict", "code"),
    [
        ({}, False, "fail", 1),
        ({"severity": "defect"}, False, "fail", 1),
        ({"known": "on record"}, False, "pass", 0),
        ({"waived": "accepted"}, False, "pass", 0),
        ({"known": "on record"}, True, "pass", 0),
        ({"severity": "drift"}, False, "pass", 0),
        ({"severity": "drift"}, True, "fail", 1),
        ({"severity": "drift", "waived": "accepted"}, True, "pass", 0),
    ],
)
def test_a_finding_fails_the_run_unless_it_is_tolerated(
    tmp_path: Path, changes: dict[str, str], strict: bool, verdict: str, code: int
) -> None:
    run = verify_run(strict=strict)
    judgement = judge(run, folder(tmp_path, run, *CHECKED, finding(**changes)))
    assert (judgement.verdict, judgement.exit_code) == (verdict, code)


def test_a_problem_makes_the_run_inconclusive(tmp_path: Path) -> None:
    run = verify_run(problem="the target died")
    judgement = judge(run, folder(tmp_path, run, *CHECKED, DRIFT))
    assert (judgement.verdict, judgement.exit_code) == ("inconclusive", 3)
    assert "the target died" in judgement.sentence


def test_a_proven_failure_beats_a_problem(tmp_path: Path) -> None:
    run = verify_run(problem="the target died")
    judgement = judge(run, folder(tmp_path, run, finding()))
    assert judgement.exit_code == 1
    assert "the target died" in judgement.sentence


@pytest.mark.parametrize("records", [(), (Skip("valid-use", "", "getChat", "no account"),)])
def test_a_run_that_looked_at_nothing_does_not_pass(tmp_path: Path, records: tuple[Skip, ...]) -> None:
    run = verify_run()
    assert judge(run, folder(tmp_path, run, *records)).exit_code == 3


def test_the_sentence_of_a_pass_has_its_numbers(tmp_path: Path) -> None:
    run = verify_run()
    sentence = judge(run, folder(tmp_path, run, *CHECKED)).sentence
    assert sentence == "Open WebUI 0.12.4 at http://localhost:8080 holds its contract: 17 checks on 2 operations."


def test_the_sentence_of_a_load_has_requests_errors_and_messages(tmp_path: Path) -> None:
    run = verify_run(command="load")
    sentence = judge(run, folder(tmp_path, run, samples=under_load(lost=2))).sentence
    assert "1,200 requests under load in 60.7 s, 2 % errors, turns p50 " in sentence
    assert ", 1 session compared, 2 lost" in sentence


@pytest.mark.parametrize(
    ("part", "of", "told"),
    [(0, 7, "0 %"), (1, 9_999, "under 0.1 %"), (9_996, 10_000, "over 99.9 %"), (999, 1_000, "99.9 %"), (7, 7, "100 %")],
)
def test_a_share_is_neither_nothing_nor_all_unless_it_is(part: int, of: int, told: str) -> None:
    assert percent(part, of) == told


NOT_COMPARED = (
    Integrity(2.0, "unread", 2, 4, 0, 0, 0, 0, 0, 0, 0, deleted=True, verified=False),
    Integrity(2.0, "never-created", 0, 0, 1, 0, 0, 0, 0, 0, 0, deleted=True),
    Integrity(2.0, "completions", 3, 0, 0, 0, 0, 0, 0, 0, 0, deleted=True),
)
NOTHING_ASKED = Integrity(2.0, "created-as-the-load-ended", 0, 0, 0, 0, 0, 0, 0, 0, 0, deleted=True)


def test_only_sessions_whose_history_was_read_are_told_as_compared(tmp_path: Path) -> None:
    run = verify_run(command="load")
    read = Sample(1.0, "getChat", 5.0, 200, True, 1, "reader", journey="reader")
    opened = Integrity(2.0, "reader", 0, 0, 0, 0, 0, 0, 0, 0, 0, deleted=True)
    made = folder(tmp_path / "some", run, samples=(*under_load(seconds=2), *NOT_COMPARED, read, opened))
    assert ", 2 of 5 sessions compared, no message lost." in judge(run, made).sentence
    made = folder(tmp_path / "none", run, samples=(*NOT_COMPARED, NOTHING_ASKED))
    assert judge(run, made).sentence.endswith(": 0 of 3 sessions compared.")


def test_the_first_headline_says_what_is_broken(tmp_path: Path) -> None:
    run = verify_run()
    headlines = judge(run, folder(tmp_path, run, finding())).headlines
    told = "Completions are broken: createChatCompletion answers 400 (Model not found) to a valid request"
    assert headlines == (told,)


def test_valid_use_of_the_verbs_comes_before_leaks_and_those_before_defects(tmp_path: Path) -> None:
    run = verify_run()
    rows = [
        finding(severity="defect", rule="no-server-error", operation="createChatCompletion", where="status 500"),
        finding(rule="answer-conforms", operation="getVersion", where="$.version"),
        finding(rule="other-cannot-read", operation="getChat", where="status 200", expected="404"),
        finding(operation="deleteChat"),
        finding(operation="createChatCompletion"),
    ]
    failing = judge(run, folder(tmp_path, run, *rows)).failing
    assert [(group.finding.rule, group.finding.operation) for group in failing] == [
        ("valid-use", "createChatCompletion"),
        ("valid-use", "deleteChat"),
        ("other-cannot-read", "getChat"),
        ("answer-conforms", "getVersion"),
        ("no-server-error", "createChatCompletion"),
    ]


def test_findings_of_one_place_are_one_group_and_counted(tmp_path: Path) -> None:
    run = verify_run()
    ids = "0a1b2c3d-0000-4000-8000-00000000000"
    rows = [finding(where=f"$.messages.{ids}{n}.content[{n}]", count=2) for n in range(5)]
    judgement = judge(run, folder(tmp_path, run, *rows, finding(where="$.other")))
    assert sorted(group.count for group in judgement.failing) == [1, 10]


def test_a_waiver_hides_no_second_finding(tmp_path: Path) -> None:
    run = verify_run()
    judgement = judge(run, folder(tmp_path, run, finding(waived="accepted"), finding()))
    assert (len(judgement.failing), len(judgement.waived)) == (1, 1)


def test_checks_and_samples_of_several_workers_add_up(tmp_path: Path) -> None:
    run = verify_run()
    made = folder(tmp_path, run, *CHECKED, *CHECKED, samples=under_load(seconds=1))
    folder(tmp_path, run, samples=(Sample(0.5, "sendMessage", 3.0, 200, True, 1, "s"),))
    digest = judge(run, made).digest
    assert digest.checks["valid-use", "getChat"] == Check("valid-use", "Valid use is answered", "getChat", 6, 0)
    assert digest.statuses["getChat", 200].count == 60
    assert digest.load.requests == 21


def test_the_next_steps_begin_with_seeing_the_gravest_finding_again(tmp_path: Path) -> None:
    run = verify_run(left_behind=["chat 1"])
    made = folder(tmp_path / "run", run, finding())
    steps = next_steps(run, judge(run, made), made)
    assert steps[0][1] == finding().curl
    assert [command.split()[1] for _, command in steps[1:]] == ["clean", "verify"]


@pytest.mark.parametrize("command", ["verify", "load", "capacity", "compare"])
def test_a_run_that_was_killed_does_not_pass(tmp_path: Path, command: str) -> None:
    run = verify_run(command=command, ended="")
    made = folder(tmp_path, run, *CHECKED, *levels((4, "holds")), samples=under_load())
    judgement = judge(run, made)
    assert (judgement.verdict, judgement.exit_code) == ("inconclusive", 3)
    if command != "capacity":
        assert "the run was ended before it came to a verdict" in judgement.sentence


def test_where_more_requests_fail_than_before_every_report_says_so(tmp_path: Path) -> None:
    made = every_kind(tmp_path)["refused"]
    run = made.load()
    judgement = judge(run, made)
    told = "More requests fail than before: 5.00% of the requests failed in B, 0.00% in A"
    assert judgement.headlines == (f"{told}; expected at most 1 point more failed requests than in A",)
    assert next_steps(run, judgement, made)[0][0].endswith("in all requests.")
    assert f"::error title=break%3A all requests (compare-errors)::{told.replace('%', '%25')}" in github.document(
        run, judgement
    )
    assert "all requests — More requests fail than before" in junit.document(run, judgement)
    assert '<span class="op">all requests</span>' in html.page(run, judgement, made)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"problem": "the target died", "cause": "died"}, "(and the run ended early: the target died)"),
        ({"problem": "bounds ran out"}, "(and the run ended early: bounds ran out)"),
        ({"command": "load", "problem": "late", "cause": "void"}, "(and besides: late)"),
        ({"command": "compare", "problem": "late", "cause": "void"}, "(and besides: late)"),
        ({"command": "compare", "problem": "3 histories unread"}, "(and besides: 3 histories unread)"),
        ({"command": "compare", "problem": "interrupted", "cause": "interrupted"}, "(and the run ended early: "),
    ],
)
def test_only_of_a_run_that_was_stopped_it_is_said_that_it_ended_early(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    run = verify_run(**changes)
    made = folder(tmp_path, run, finding())
    judgement = judge(run, made)
    assert said in judgement.claim
    steps = " ".join(told for told, _ in next_steps(run, judgement, made))
    assert ("ended the run early" in steps) is ("ended early" in said)
