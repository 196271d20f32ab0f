"""What the trials of a matrix come to, how they are stored and resumed; and two of them, from end to end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from descriptions import cut_to
from detection import PLAN, planned
from detection_report import page
from false_alarms import HealthyRun, told
from playing import play
from processes import STOP, ended
from stock_report import found_by
from stock_report import page as stock_page
from stock_schemathesis import StockRun, kinds_in
from storing import SourcesChanged, Store
from tallies import by_class, misnamed, misses, odds, probability, tallied
from trials import Result, sources

from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.errors import Inconclusive
from seatrial.lab.faults import CATALOGUE

ROOT = Path(__file__).parents[1]
EMPTY = {
    "suite": "catalogue", "api": SESSIONS, "version": "", "depth": "quick", "seed": 0, "cut": True,
    "fingerprint": "now", "exit": 0, "red": [], "first_requests": None, "first_seconds": None, "requests": 300,
    "completions": 9,
    "seconds": 12.0, "problem": None, "left_behind": [],
}  # fmt: skip


def result(fault: str, **more: Any) -> Result:
    return Result(**{**EMPTY, "fault": fault, **more})


def found(fault: str, requests: int, seconds: float, *rules: str, **more: Any) -> Result:
    red = [f"{rule} getHistory [messages]" for rule in rules or CATALOGUE[fault].rules[:1]]
    return result(fault, exit=1, red=red, first_requests=requests, first_seconds=seconds, **more)


TWO_SEEDS = [
    result("none"),
    found("message-lost", 10, 2.0),
    found("message-doubled", 30, 4.0, "state-agrees"),
    result("others-read"),
    found("message-lost", 20, 3.0, seed=1),
    found("message-doubled", 40, 5.0, seed=1),
    found("others-read", 90, 6.0, seed=1),
]


def test_shares_are_over_seeds_and_medians_over_what_was_found() -> None:
    tally = tallied(TWO_SEEDS, SESSIONS, "quick")
    assert tally is not None
    assert (tally.faults, tally.seeds, tally.trials) == (3, 2, 6)
    assert tally.found_min == pytest.approx(2 / 3)
    assert tally.found_median == pytest.approx(5 / 6)
    assert tally.right == pytest.approx((1 / 2 + 1) / 2)
    assert (tally.requests, tally.seconds) == (30, 4.0)
    assert tally.others is None
    assert tallied(TWO_SEEDS, OPENWEBUI, "quick") is None


def test_a_miss_is_told_by_name_and_so_is_one_that_was_named_otherwise() -> None:
    assert [(miss.fault, miss.missed, miss.of) for miss in misses(TWO_SEEDS, SESSIONS, "quick")] == [
        ("others-read", 1, 2)
    ]
    assert [(miss.fault, miss.how) for miss in misnamed(TWO_SEEDS, SESSIONS, "quick")] == [
        ("message-doubled", {"state-agrees": 1})
    ]
    cut_off = result("message-lost", exit=124, problem="no end within 400 s")
    assert misses([cut_off], SESSIONS, "quick")[0].how == {"exit 124: no end within 400 s": 1}


def test_the_other_rules_are_counted_where_a_run_was_not_cut() -> None:
    whole = found("message-lost", 10, 2.0, "history-content", "state-agrees", "text-intact", depth="full", cut=False)
    tally = tallied([*TWO_SEEDS, found("message-lost", 11, 2.0, depth="full"), whole], SESSIONS, "full")
    assert tally is not None
    assert (tally.others, tally.others_most, tally.trials) == (2, 2, 1)


def test_where_no_run_was_cut_the_uncut_ones_tell_what_is_found() -> None:
    whole = found("message-lost", 10, 2.0, depth="full", cut=False, api=OPENWEBUI, version="0.12.4")
    tally = tallied([whole], OPENWEBUI, "full")
    assert tally is not None
    assert (tally.found_min, tally.others) == (1.0, 0)


def test_classes_are_those_of_the_catalogue() -> None:
    assert by_class(TWO_SEEDS, SESSIONS, "quick") == {"access": (1, 0.5), "durability": (2, 1.0)}


def test_a_fault_with_a_chance_counts_in_no_share_and_has_a_probability() -> None:
    runs = [
        found("one-in-fifty-fails", 9, 1.0, cut=False, calls=100, struck=2),
        result("one-in-fifty-fails", cut=False, calls=60, struck=0, seed=1),
        result("one-in-fifty-fails", cut=False, calls=80, struck=1, seed=2),
    ]
    assert tallied(runs, SESSIONS, "quick") is None
    (row,) = odds(runs)
    assert (row.runs, row.met, row.seen, row.calls) == (3, 2, 1, 80)
    assert row.probability == pytest.approx(1 - 0.98**80)
    assert probability(0.2, 0) == 0


def test_the_plan_has_every_fault_once_for_each_seed_and_depth() -> None:
    cells = planned(PLAN)
    assert len({cell.key for cell in cells}) == len(cells)
    lost = [cell for cell in cells if cell.fault == "message-lost"]
    assert sum(cell.api == SESSIONS for cell in lost) == 11
    assert sum(cell.api == OPENWEBUI for cell in lost) == 4
    chance = [cell for cell in cells if CATALOGUE.get(cell.fault) and CATALOGUE[cell.fault].chance is not None]
    assert not any(cell.cut or cell.steady for cell in chance)


# ------------------------------------------------------------------ storing


def test_what_is_stored_is_found_again_the_newest_and_only_from_the_same_sources(tmp_path: Path) -> None:
    path = tmp_path / "some" / "trials.jsonl"
    store = Store(path, Result)
    old, new = result("message-lost", fingerprint="before"), found("message-lost", 1, 1.0)
    store.add(old)
    assert store.find(old.key, "now") is None
    assert Store(path, Result, accept_stale=True).find(old.key, "now") == old
    store.add(new)
    with path.open("a") as lines:
        lines.write('{"suite": "catalogue", "fau')  # a line that was cut off
    again = Store(path, Result)
    assert again.find(new.key, "now") == new
    assert again.all() == [new]


def test_the_sources_of_a_trial_are_the_suite_the_lab_and_the_module_of_its_fault() -> None:
    one, other = sources(result("message-lost")), sources(result("others-read"))
    assert set(one) ^ set(other) == {"seatrial/lab/faults/histories.py", "seatrial/lab/faults/access.py"}
    for pattern in (*one, *sources(result("two-states", suite="unseen"))):
        assert list(ROOT.glob(pattern)), pattern


def test_hands_do_all_work_once_and_leave_what_cannot_be_done() -> None:
    told_of: list[int] = []

    def do(number: int, place: Path) -> int:
        if number == 3:
            raise Inconclusive("not this one")
        return number * 10

    play(range(6), _here, do, jobs=2, tell=told_of.append)
    assert sorted(told_of) == [0, 10, 20, 40, 50]


def test_sources_that_change_end_the_work() -> None:
    def do(number: int, place: Path) -> int:
        raise SourcesChanged("start again")

    try:
        with pytest.raises(SourcesChanged):
            play(range(6), _here, do, jobs=1, tell=lambda _: None)
    finally:
        STOP.clear()


def _here() -> contextlib.AbstractContextManager[Path]:
    return contextlib.nullcontext(Path())


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started() -> None:
    script = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    end = ended([sys.executable, "-c", script], {"PATH": ""}, 1.0, grace=0.5)
    assert end.code is None
    assert not psutil.pid_exists(int(end.last)) or psutil.Process(int(end.last)).status() == psutil.STATUS_ZOMBIE


# ------------------------------------------------------------------ what stands beside it


def stock(fault: str, *kinds: str, **more: Any) -> StockRun:
    given = {"api": SESSIONS, "version": "", "description": "openapi.yaml", "seed": 1, "limit": 120.0} | more
    return StockRun(
        fault=fault, kinds=list(kinds), exit=1, cases=9, seconds=30.0, left=2, lost=3, fingerprint="now", **given
    )


def test_schemathesis_finds_what_no_healthy_run_has() -> None:
    runs = [
        stock("none", "Server error: GET /a"),
        stock("none", "Undocumented status code: GET /a", seed=2),
        stock("message-lost", "Server error: GET /a", "Undocumented status code: GET /a"),
        stock("create-answers-201", "Server error: GET /a", "Undocumented status code: POST /a"),
    ]
    (seen,) = found_by(runs, SESSIONS).values()
    assert (seen["message-lost"], seen["create-answers-201"]) == ("no", "yes")


def test_the_page_of_schemathesis_has_seatrial_beside_it_where_both_were_measured() -> None:
    runs = [stock("none", "a: GET /a"), stock("message-lost", "a: GET /a"), stock("message-doubled", "b: GET /a")]
    alone, beside = stock_page(runs, []), stock_page(runs, TWO_SEEDS)
    assert "Not run yet." in stock_page([], TWO_SEEDS)
    assert "| Session API | schemathesis, `openapi.yaml` | 2 | 1 (50%) | 1 a run, 1 in all | 30 | 0 of 2 | 2 |" in alone
    assert "seatrial verify, quick" not in alone
    assert "| Session API | seatrial verify, quick | 2 | 2 (100%) | 0 | 12 | 0 | 0 | - |" in beside
    assert f"| `message-lost` | {CATALOGUE['message-lost'].words} | no | yes |" in beside


def test_a_kind_is_a_check_and_an_operation_and_an_error_is_one() -> None:
    report = {
        "failures": [{"title": "Server error", "operations": ["GET /a", "GET /b"]}],
        "errors": [{"title": "Network"}],
    }
    assert kinds_in(report) == ["Network", "Server error: GET /a", "Server error: GET /b"]
    assert kinds_in({}) == []


def test_a_description_is_cut_to_the_operations_of_ours_whatever_their_parameters_are_named() -> None:
    path = Contract.load().operation("getChat").path
    other = path.replace("{chat_id}", "{id}")
    document = {"paths": {other: {"get": {}, "put": {}, "parameters": []}, "/elsewhere": {"get": {}}}, "info": {}}
    cut = cut_to(document, [Contract.load().operation("getChat")])
    assert cut == {"paths": {other: {"get": {}, "parameters": []}}, "info": {}}


def healthy(target: str, seed: int, *failing: str) -> HealthyRun:
    return HealthyRun(
        target, "quick", seed, fingerprint="now", exit=1 if failing else 0, failing=list(failing), drift=[],
        known=["x"], requests=100, completions=9, seconds=9.0, problem=None, left_behind=[], changed=[],
    )  # fmt: skip


def test_what_fails_a_healthy_target_is_told_with_the_share_of_its_runs() -> None:
    lines = told([healthy("0.10.2", 0, "turn-stored x [y]"), healthy("0.10.2", 1), healthy("reference", 0)])
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| reference", "| 0.10.2"]
    assert "`turn-stored x [y]` (1 of 2)" in lines[3]
    assert "1 of 2" in lines[3]


def test_the_page_is_made_of_what_there_is() -> None:
    assert "Not run yet." in page([], [])
    text = page([*TWO_SEEDS, replace(TWO_SEEDS[1], suite="unseen", fault="two-states")], [])
    assert "| Session API | quick | 3 | 2 | 66.7% | 83.3% |" in text
    assert "`others-read` in 1 of 2 (exit 0)" in text
    assert "Incomplete" in text
    assert "\n\n\n" not in text


# ------------------------------------------------------------------ from end to end


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stored")


def run(folder: Path) -> tuple[list[dict[str, Any]], str]:
    out = folder / "found.json"
    command = [sys.executable, str(ROOT / "benchmarks/detection.py"), "--folder", str(folder), "--json", str(out)]
    command += [
        "--api",
        SESSIONS,
        "--depth",
        "quick",
        "--seeds",
        "1",
        "--fault",
        "message-lost",
        "--fault",
        "trace-shown",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert out.exists(), done.stderr
    return json.loads(out.read_text()), done.stdout


def test_two_faults_are_found_rightly_and_not_tried_again(folder: Path) -> None:
    rows, said = run(folder)
    assert "2 trials, 2 to do" in said
    results = [Result(**row) for row in rows]
    assert [(row.fault, row.right) for row in results] == [("message-lost", True), ("trace-shown", True)]
    for row in results:
        assert row.first_requests is not None
        assert row.first_seconds is not None
        assert 0 < row.first_requests <= row.requests < 340, "it stops with the first test that fails"
        assert 0 < row.first_seconds < row.seconds
    again, said = run(folder)
    assert "2 trials, 0 to do" in said
    assert again == [asdict(row) for row in results]
