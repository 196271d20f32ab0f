"""`seatrial compare` of two stored loads, what `load --baseline` makes of it, and what is refused."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import Command
from report_runs import finding, folder, verify_run
from rich.console import Console

from reports import write_reports
from reports.html import _figures
from reports.verdict import judge
from seatrial import measuring
from seatrial.cli.before import HeldAgainst
from seatrial.ratios import Ratio
from seatrial.records import Finding, Recorder, Run, RunFolder
from seatrial.samples import Integrity, Known, Sample
from seatrial.settings import Settings

LOAD: dict[str, Any] = {"users": 4, "mix": "session=1", "turns": 3, "think": 1.0, "times_from": 0.0}
MACHINE = {"system": "Linux", "machine": "x86_64", "processors": 2, "processor": "a processor"}
LED = MACHINE | {"workers": [MACHINE]}


def stored(
    name: str, *, slower: float = 1.0, failing: float = 0.0, known: float = 1.0, lost: int = 0, **changes: Any
) -> str:
    """A load of 60 sessions, of which `getHistory` takes so much longer."""
    given: dict[str, Any] = {"command": "load", "api": "sessions", "settings": LOAD, "machine": LED, "id": name}
    chance = random.Random(name)
    rows: list[Any] = [Known(float(second), "during", known, ()) for second in range(20)]
    rows += [Integrity(1.0, f"1-{nth}", 3, 6, 0, 6, int(nth < lost), 0, 0, 0, 0, deleted=True) for nth in range(60)]
    for session in range(60):
        usual = 40 * chance.lognormvariate(0, 0.04)
        for nth, operation in enumerate(("sendMessage", "getHistory") * 3):
            factor = slower if operation == "getHistory" else 1.0
            ms = usual * factor * chance.lognormvariate(0, 0.06)
            rows.append(Sample(session + nth / 10, operation, ms, 200, chance.random() >= failing, 1, f"1-{session}"))
    folder(Path(name), verify_run(**given | changes), samples=tuple(rows))
    return name


def test_equal_loads_pass(here: Command) -> None:
    done = here("compare", stored("before"), stored("after"))
    assert done.code == 0, done.out
    assert "Pass: B is proved not to be slower" in done.out


def test_loads_of_which_unlike_numbers_of_draws_are_made_are_compared(
    here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is with more than 200,000 samples of an operation."""
    monkeypatch.setattr(measuring, "MOST_WORK", 180 * 300)
    done = here("compare", stored("before"), stored("after", slower=1.5, failing=0.02))
    assert done.code == 1, done
    assert "getHistory" in done.out


def test_a_slower_one_fails_and_is_named(here: Command) -> None:
    done = here("compare", "--json", stored("before"), stored("after", slower=1.5))
    told = json.loads(done.out)
    assert done.code == told["exit_code"] == 1
    assert [row["operation"] for row in told["ratios"] if row["verdict"] == "fail"] == ["getHistory"]
    row = next(row for row in told["ratios"] if row["operation"] == "getHistory")
    assert 1.1 < row["low"] < row["ratio"] < row["high"]
    assert here("compare", "before", stored("faster", slower=0.5)).code == 0


def test_one_that_fails_more_fails(here: Command) -> None:
    done = here("compare", stored("before"), stored("after", failing=0.1))
    assert done.code == 1
    assert "of the requests failed in B" in " ".join(done.out.split())


def test_one_that_loses_messages_fails_however_fast_it_is(here: Command) -> None:
    done = here("compare", stored("before"), stored("after", lost=1, slower=0.5), "--json")
    told = json.loads(done.out)
    assert (done.code, told["verdict"], [one["rule"] for one in told["findings"]]) == (1, "fail", ["load-lost"])
    assert told["sentence"].startswith("Fail: B has a finding that A has not: 1 messages lost under load")


@pytest.mark.parametrize(("before", "after", "code"), [(3, 4, 0), (3, 20, 1), (20, 3, 0)])
def test_what_both_lose_fails_where_b_loses_more_than_chance_makes_it(
    here: Command, before: int, after: int, code: int
) -> None:
    done = here("compare", stored("before", lost=before), stored("after", lost=after))
    assert done.code == code
    assert f"messages were lost on both: in {before} of 60 sessions of A and {after} of 60 of B" in done.out


def test_a_new_departure_from_the_contract_fails(here: Command) -> None:
    departed = finding(rule="load-conformance", operation="getHistory", where="$.messages")
    before, after = stored("before"), stored("after")
    append(after, departed)
    assert here("compare", before, after).code == 1
    append(before, departed)
    assert here("compare", before, after).code == 0


def append(name: str, found: Finding) -> None:
    recorder = Recorder(Path(name) / "findings.jsonl")
    recorder.write(found)
    recorder.close()


def test_what_cannot_be_told_is_open(here: Command) -> None:
    done = here("compare", stored("before"), stored("after", slower=1.115))
    assert done.code == 3
    assert "Inconclusive" in done.out
    assert "load both for longer (--duration)" in done.out
    assert "pairs" not in done.out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"machine": MACHINE | {"processors": 8}}, ("different machines", "processors 2 and 8")),
        ({"machine": LED | {"workers": [MACHINE, MACHINE]}}, ("by 1 and 2 processes",)),
        ({"machine": LED | {"workers": [MACHINE | {"processors": 64}]}}, ("workers were on different machines",)),
        ({"settings": LOAD | {"mix": "session=1,reader=1"}}, ("different loads", "mix")),
        ({"settings": LOAD | {"users": 40}}, ("different loads", "users 4 and 40")),
        ({"model": "another"}, ("the model was",)),
        ({"api": "openwebui"}, ("'sessions'", "'openwebui'")),
        ({"known": 40.0}, ("measured wrong",)),
        ({"problem": "interrupted"}, ("no result", "interrupted")),
    ],
)
def test_loads_that_are_unlike_are_refused_in_a_line(
    here: Command, changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    here("compare", stored("before"), stored("after", **changes)).refused(3, "cannot be compared", *words)


def test_what_is_no_pair_of_runs_is_refused_in_a_line(here: Command) -> None:
    before = stored("before")
    here("compare", before, before).refused(2, "the same run folder")
    here("compare", before, f"./{before}").refused(2, "the same run folder")
    here("compare", before, "http://localhost:9090").refused(2, "one is a URL and one a run folder")
    folder(Path("verified"), verify_run(id="verified"))
    here("compare", before, "verified").refused(2, "holds a load")
    here("load", "--baseline", "verified").refused(2, "--baseline verified holds a verify")


@pytest.mark.parametrize("option", [["--pairs", "20"], ["--users", "2"], ["--out", "run"], ["--no-verify"], ["--yes"]])
def test_an_option_that_has_no_meaning_there_is_refused(here: Command, option: list[str]) -> None:
    refused = here("compare", stored("before"), stored("after"), *option)
    refused.refused(2, f"{option[0]} is for two live targets; these are runs that are over")


def test_how_loads_are_judged_is_not_said_of_verifications_nor_the_other_way_round(here: Command) -> None:
    for name in ("one", "two"):
        folder(Path(name), verify_run(id=name))
    for option in (["--max-slowdown", "10%"], ["--floor", "1ms"]):
        here("compare", "one", "two", *option).refused(2, f"{option[0]} is for two loads, or two live targets")
    here("compare", stored("before"), stored("after"), "--strict").refused(2, "--strict is for two verifications")


def held(before: str, after: str, **changes: Any) -> tuple[Run, RunFolder]:
    made = RunFolder(Path(after))
    run = replace(made.load(), verdict="pass", exit_code=0, sentence="Pass: all is stored.", **changes)
    judged = HeldAgainst.open(before, Settings()).judged(run, made, Console(quiet=True))
    return judged, made


@pytest.mark.usefixtures("here")
def test_a_load_is_held_against_its_baseline() -> None:
    run, made = held(stored("before"), stored("after", slower=1.5))
    assert (run.verdict, run.exit_code) == ("fail", 1)
    assert [one.rule for one in made.rows("findings.jsonl", Finding)] == ["compare-slower"]
    assert {one.operation for one in made.rows("comparison.jsonl", Ratio) if one.span} == {"sendMessage", "getHistory"}
    run, _ = held("before", stored("same"))
    assert (run.verdict, run.exit_code) == ("pass", 0)
    run, _ = held("before", stored("elsewhere", machine=MACHINE | {"processors": 8}))
    assert (run.verdict, run.exit_code) == ("inconclusive", 3)


@pytest.mark.usefixtures("here")
def test_a_baseline_in_another_folder_is_found_again() -> None:
    run, made = held(stored("old/before"), stored("after", slower=1.115))
    assert run.settings["baseline"] == "old/before"
    assert RunFolder.open(run.settings["baseline"]).load().command == "load"
    assert run.verdict == "inconclusive"
    assert "(against before). Longer would tell" in (run.problem or "")
    made.save(run)
    write_reports(made)
    told = (made.path / "report.md").read_text("utf-8")
    assert "--duration 180s --baseline old/before" in told
    assert "Pairs" not in {name for name, *_ in _figures(run, judge(run, made))}, "sessions were compared"


@pytest.mark.usefixtures("here")
def test_a_load_that_failed_by_itself_stays_failed() -> None:
    before, after = stored("before"), RunFolder(Path(stored("after")))
    failed = replace(after.load(), verdict="fail", exit_code=1, sentence="Fail: 2 lost.")
    run = HeldAgainst.open(before, Settings()).judged(failed, after, Console(quiet=True))
    assert (run.verdict, run.exit_code, run.sentence) == ("fail", 1, "Fail: 2 lost.")


def test_what_is_asked_now_and_then_leaves_nothing_open(here: Command) -> None:
    for name in ("before", "after"):
        stored(name)
        rows = Recorder(Path(name) / "samples" / "rare.jsonl")
        for nth in range(3):
            rows.write(Sample(nth, "listSessions", 9.0, 200, True, 1, f"1-{nth}"))
        rows.close()
    done = here("compare", "before", "after")
    assert done.code == 0, done.out
    assert "in any of 2 operations" in " ".join(done.out.split())
