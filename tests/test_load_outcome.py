"""From records to a verdict: what fails, what proves nothing, and what passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from load.findings import failures
from load.led import together
from load.machine import machine
from load.objectives import judge, parse
from load.outcome import conclude
from load.progress import FILE, Ended, Mustered, Ordered
from seatrial.evidence import Evidence
from seatrial.records import Finding, Recorder, Run, RunFolder
from seatrial.samples import HARMS, Aboard, Arrival, Integrity, Sample, Turned
from seatrial.settings import Settings

GOOD = Integrity(1.0, "1-1", 3, 6, 0, 6, 0, 0, 0, 0, 0, deleted=True)
FINE = Sample(0.5, "sendMessage", 12.0, 200, True, 1, "1-1")
ENDED = Ended(finished=True, seconds=60.0)
MUSTERED = Mustered("sessions", None, None, "openapi.yaml", None, "seatrial-0a", [], [])
ASKED = Settings(url="http://localhost:9", users=20)
PROCESSORS = {"system": "Linux", "machine": "x86_64", "processors": 64, "processor": "a large one"}


def concluded(
    path: Path,
    *records: Any,
    requests: int = 200,
    failed: int = 0,
    ended: Ended | None = ENDED,
    told: tuple[Any, ...] = (MUSTERED,),
    asked: Settings = ASKED,
    **how: Any,
) -> Run:
    folder = RunFolder.create(str(path / "run"), "load")
    progress = Recorder(folder.path / FILE)
    for row in told:
        progress.write(row)
    if ended:
        progress.write(ended)
    progress.close()
    samples = Recorder(folder.path / "samples" / "1.jsonl")
    for number in range(requests):
        bad = number < failed
        samples.write(replace(FINE, ok=not bad, status=503 if bad else 200, error="too busy" if bad else ""))
    for record in records:
        samples.write(record)
    samples.close()
    run = conclude(asked, folder, "2026-01-01T00:00:00Z", **how)
    assert folder.load() == run
    return run


def findings(path: Path) -> list[Finding]:
    return list(RunFolder(path / "run").rows("findings.jsonl", Finding))


@pytest.mark.parametrize(("asked", "cause"), [(True, "interrupted"), (False, "void")])
def test_a_load_process_that_told_no_end_was_interrupted_or_says_nothing(
    tmp_path: Path, asked: bool, cause: str
) -> None:
    run = concluded(tmp_path, GOOD, ended=None, problem="it is gone", interrupted=asked)
    assert (run.verdict, run.exit_code, run.cause) == ("inconclusive", 3, cause)


def test_a_load_that_kept_everything_passes(tmp_path: Path) -> None:
    run = concluded(tmp_path, GOOD, GOOD)
    assert (run.verdict, run.exit_code) == ("pass", 0)
    assert run.counts["sessions"] == 2
    assert run.counts["stored"] == 12
    assert run.settings | {"processes": 1, "master": None, "expect_workers": 1, "worker": None} == run.settings
    assert findings(tmp_path) == []


@pytest.mark.parametrize("harm", HARMS)
def test_one_harmed_message_fails_the_load(tmp_path: Path, harm: str) -> None:
    run = concluded(tmp_path, GOOD, replace(GOOD, **{harm: 1}))  # type: ignore[arg-type]
    assert (run.verdict, run.exit_code) == ("fail", 1)
    assert f"1 message {harm}" in run.sentence
    assert [finding.rule for finding in findings(tmp_path)] == [f"load-{harm}"]


def test_as_many_as_may_be_lost_are_no_finding_beside_another(tmp_path: Path) -> None:
    asked = replace(ASKED, slo=("lost = 1",))
    run = concluded(tmp_path, replace(GOOD, lost=1), failed=20, asked=asked)
    assert (run.verdict, [one.rule for one in findings(tmp_path)]) == ("fail", ["load-errors"])


def test_what_a_pass_says_of_messages_is_true_where_some_may_be_lost_or_none_are_stored(tmp_path: Path) -> None:
    asked = replace(ASKED, slo=("lost = 5",))
    run = concluded(tmp_path / "a", GOOD, replace(GOOD, stored=3, lost=3), asked=asked)
    assert run.sentence.startswith(
        "Pass: no more messages came to harm than the objectives allow (12 acknowledged, 3 lost) ("
    )
    streams = replace(GOOD, acknowledged=0, stored=0)
    run = concluded(tmp_path / "b", streams, asked=replace(ASKED, mix="completions=1"))
    assert run.sentence.startswith("Pass: no message was to be stored, and the objectives hold (")
    run = concluded(tmp_path / "c", GOOD)
    assert run.sentence.startswith("Pass: all 6 acknowledged messages are stored, once and in order (")


def test_an_open_loop_counts_what_it_started_and_in_the_time_that_it_was_played(tmp_path: Path) -> None:
    arrivals = [Arrival(number / 2, 4.0 if number < 15 else 900.0, number < 15, 0) for number in range(20)]
    asked = replace(ASKED, rate=2.0, duration=60.0)
    run = concluded(tmp_path, GOOD, *arrivals, asked=asked, ended=Ended(False, 10.0))
    told = next(note for note in run.notes if note.startswith("open loop"))
    assert told == ("open loop: 2 sessions/s offered, 1.5/s started, late by 4.0 ms (median) and 4.0 ms (longest)")
    assert (run.counts["arrivals"], run.counts["not_started"]) == (20, 5)


def test_what_a_master_notes_of_its_workers_is_in_the_result(tmp_path: Path) -> None:
    run = concluded(tmp_path, GOOD, ended=replace(ENDED, notes=["worker 1 of 2 was lost"]))
    assert run.verdict == "pass"
    assert "worker 1 of 2 was lost" in run.notes


def test_errors_of_one_per_cent_fail_and_less_pass(tmp_path: Path) -> None:
    assert concluded(tmp_path / "a", GOOD, failed=2).exit_code == 1
    assert concluded(tmp_path / "b", GOOD, failed=1).exit_code == 0
    (finding,) = findings(tmp_path / "a")
    assert (finding.rule, finding.operation) == ("load-errors", "sendMessage")
    assert "too busy" in finding.received


def test_errors_that_are_all_different_are_told_apart_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("load.findings.MOST_ERRORS", 3)
    (held,) = judge(parse(["errors < 1%"]), Evidence(requests={"sendMessage": 99}, failures={"sendMessage": 40}))
    errors = [*(f"no chat {number}" for number in range(20)), *["no chat 1"] * 2, *["no chat 9"] * 10]
    samples = [replace(FINE, ok=False, error=error) for error in errors]
    late = replace(FINE, ok=False, operation="getHistory", error="late")
    found = failures(held, [*samples, late])
    assert found.count == 33
    assert found.received.endswith("sendMessage failed 32 times, most often: no chat 1")


def test_no_request_at_all_is_no_pass(tmp_path: Path) -> None:
    run = concluded(tmp_path, requests=0)
    assert (run.verdict, run.exit_code) == ("inconclusive", 3)
    assert run.problem == "not one request was sent"


def test_requests_without_any_answered_turn_are_no_pass(tmp_path: Path) -> None:
    assert concluded(tmp_path, replace(GOOD, refused=3, acknowledged=0, stored=0)).exit_code == 3


def test_a_history_that_could_not_be_read_is_no_pass(tmp_path: Path) -> None:
    run = concluded(tmp_path, GOOD, replace(GOOD, stored=0, verified=False))
    assert run.exit_code == 3
    assert run.counts["unverified"] == 1


def test_a_target_that_died_is_inconclusive_however_many_requests_failed(tmp_path: Path) -> None:
    run = concluded(tmp_path, GOOD, failed=90, ended=Ended(False, 12.0, "the target stopped answering", 3))
    assert run.exit_code == 3
    assert run.problem == "the target stopped answering"
    assert findings(tmp_path) == []


def test_a_proven_loss_beats_a_target_that_died(tmp_path: Path) -> None:
    gone = Ended(False, 12.0, "the target stopped answering", 3)
    run = concluded(tmp_path, GOOD, replace(GOOD, lost=1, stored=5), failed=90, ended=gone)
    assert run.exit_code == 1
    assert [finding.rule for finding in findings(tmp_path)] == ["load-lost"]


def test_a_load_that_was_interrupted_or_killed_is_no_pass(tmp_path: Path) -> None:
    assert concluded(tmp_path / "a", GOOD, ended=Ended(False, 12.0)).exit_code == 3
    killed = concluded(tmp_path / "b", GOOD, ended=None)
    assert (killed.exit_code, killed.cause) == (3, "void")


def test_refused_sessions_and_turns_are_counted_apart(tmp_path: Path) -> None:
    not_created = Integrity(1.0, "2-1", 0, 0, 1, 0, 0, 0, 0, 0, 0, deleted=True)
    run = concluded(tmp_path, replace(GOOD, refused=1, acknowledged=4, stored=4), not_created)
    assert (run.counts["refused_sessions"], run.counts["refused_turns"], run.counts["turns"]) == (1, 1, 3)
    assert "1 sessions and 1 turns refused and accounted for" in run.sentence


def came(*users: int) -> list[Aboard]:
    return [Aboard(0.5, user) for user in users]


def test_a_closed_loop_in_which_not_all_users_came_to_work_is_void(tmp_path: Path) -> None:
    short = concluded(tmp_path / "a", GOOD, *came(*range(12), *range(12)))
    assert (short.verdict, short.cause, short.counts["aboard"]) == ("inconclusive", "void", 12)
    assert "only 12 of 20 users came to work" in (short.problem or "")
    assert concluded(tmp_path / "b", GOOD, *came(*range(20))).verdict == "pass"
    harmed = concluded(tmp_path / "c", replace(GOOD, lost=1, stored=5), *came(*range(12)))
    assert harmed.verdict == "fail", "what is lost is lost"


def test_stages_want_as_many_as_their_highest_level_and_an_open_loop_wants_nobody(tmp_path: Path) -> None:
    rising = replace(ASKED, stage=("5:10s", "5-30:10s"))
    assert "only 20 of 30" in (concluded(tmp_path / "a", GOOD, *came(*range(20)), asked=rising).problem or "")
    assert concluded(tmp_path / "b", GOOD, *came(*range(30)), asked=rising).verdict == "pass"
    assert concluded(tmp_path / "c", GOOD, asked=replace(ASKED, rate=2.0)).verdict == "pass"


def test_a_worker_wants_its_own_share_of_the_users(tmp_path: Path) -> None:
    ordered = Ordered({"users": 20}, 2, 3)
    assert concluded(tmp_path / "a", GOOD, *came(*range(7)), told=(ordered, MUSTERED)).verdict == "pass"
    assert "only 6 of 7" in (concluded(tmp_path / "b", GOOD, *came(*range(6)), told=(ordered, MUSTERED)).problem or "")


def test_a_load_was_generated_where_its_workers_are_and_not_its_master(tmp_path: Path) -> None:
    workers = [replace(MUSTERED, marker=f"seatrial-0a0{n}", machines=[PROCESSORS | {"processors": n}]) for n in (8, 2)]
    run = concluded(tmp_path / "a", GOOD, told=(together(workers),))
    assert run.machine == PROCESSORS | {"processors": 8, "workers": [one.machines[0] for one in workers]}
    older = concluded(tmp_path / "b", GOOD)
    assert older.machine == machine() | {"workers": []}


def turned(number: int, ended: str, way: str = "plain") -> Turned:
    return Turned(1.0, f"{number}-1", 1, "session", way, 50.0, ended)


def test_turns_that_fail_too_often_fail_the_load_whatever_became_of_requests(tmp_path: Path) -> None:
    turns = [turned(number, "done" if number % 10 else "cut", "sse") for number in range(100)]
    asked = replace(ASKED, slo=("turn errors < 1%",))
    run = concluded(tmp_path, GOOD, *turns, asked=asked)
    assert (run.verdict, run.counts["failures"]) == ("fail", 0)
    assert "10 of 100 (10.00%); so many tries" in run.sentence
    assert "of the turns failed; objective turn errors < 1%" in run.sentence
    (finding,) = findings(tmp_path)
    assert (finding.rule, finding.operation, finding.count) == ("load-errors", "sendMessage", 10)
    assert finding.received.endswith("they ended: 10 cut")
