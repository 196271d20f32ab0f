"""Whole turns in a comparison: where replies come over a socket, no request lasts as long as somebody waits."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from command_line import Command
from fake_web_app import WebApp, honest
from report_runs import folder, verify_run
from rich.console import Console
from test_gate import TEN, measured, slower, verdict_of

from load.blocks import order
from load.duel import Duel
from load.gate import judged, outcome
from load.pairs import LEAST, SPARE, Paired
from load.ruling import findings, sentence
from load.stored import compared
from reports import write_reports
from reports.gate import show
from seatrial.lab.serving import running
from seatrial.ratios import SIDES, Block, Ratio
from seatrial.records import Recorder, RunFolder
from seatrial.samples import Integrity, Known, Sample, Turned

ASKED = ("createChatCompletion", "getChat")
LOAD = {"users": 4, "mix": "browser=1", "turns": 3, "think": 1.0, "times_from": 0.0}


def turned(at: float, session: str, ms: float, ended: str = "done", way: str = "socket") -> Turned:
    return Turned(at, session, 1, "browser", way, ms, ended, ms / 2 if ended == "done" and way != "plain" else None)


def played(path: Path, factor: float, *, way: str = "socket", ended: str = "done", each: int = LEAST) -> Paired:
    """Blocks whose requests take as long on both sides, and whose turns take so much longer in B."""
    measured(path, slower(), operations=ASKED)
    chance = random.Random(2)
    for side in SIDES:
        rows = Recorder(path / side / "samples" / "2.jsonl")
        for number, letter in enumerate(order(40, seed=1), 1):
            for nth in range(each if letter == side else 0):
                ms = 200 * chance.lognormvariate(0, 0.05) * (factor if side == "b" else 1)
                rows.write(turned(number + nth / 1000, f"1-{nth}", ms, ended, way))
        rows.close()
    return Paired.of(RunFolder(path))


def test_turns_over_a_socket_are_judged_whole_and_not_by_their_acknowledgement(tmp_path: Path) -> None:
    rows = judged(played(tmp_path, 1.5), TEN)
    assert outcome(rows) == "fail"
    assert [verdict_of(rows, name) for name in (*ASKED, "turn socket")] == ["pass", "pass", "fail"]
    told = next(row for row in rows if row.operation == "turn socket")
    assert told.limit == pytest.approx(1.1)
    assert "turn socket p95 +50.3% (" in sentence(rows, TEN, "40 pairs")
    (found,) = findings(rows)
    assert (found.operation, found.where) == ("createChatCompletion", "turn socket p95")
    assert found.title == "whole turn (socket) is slower than before"
    assert "for whole replies over the socket" in found.notice
    assert found.expected.startswith("whole turns with a p95 at most 10% above A's ")


def test_turns_that_are_no_slower_are_named_in_what_was_proved(tmp_path: Path) -> None:
    rows = judged(played(tmp_path, 1.0), TEN)
    assert outcome(rows) == "pass"
    assert "in any of 2 operations and in whole turns, and that" in sentence(rows, TEN, "40 pairs")
    assert "turn socket" in {row.operation for row in rows if row.measure == "p50"}


@pytest.mark.parametrize("way", ["plain", "sse"])
def test_turns_that_last_as_long_as_their_request_are_not_judged_twice(tmp_path: Path, way: str) -> None:
    rows = judged(played(tmp_path / "with", 1.5, way=way), TEN)
    measured(tmp_path / "without", slower(), operations=ASKED)
    without = judged(Paired.of(RunFolder(tmp_path / "without")), TEN)
    assert [row for row in rows if row.measure != "first token"] == without


def test_turns_that_never_came_to_an_end_leave_the_question_open(tmp_path: Path) -> None:
    rows = judged(played(tmp_path, 1.0, ended="cut"), TEN)
    assert outcome(rows) == "inconclusive"
    assert "turn socket (0.0 good answers in a block" in sentence(rows, TEN, "40 pairs")


def test_a_block_is_long_enough_for_the_turns_of_the_few_who_use_a_socket(tmp_path: Path) -> None:
    block = Block(-3, 0, "a", 5.0, 1.0, 20)
    rows = Recorder(tmp_path / "samples" / "1.jsonl")
    for nth in range(20):
        rows.write(Sample(5 + nth / 100, "getChat", 9.0, 200, True, 1, f"1-{nth}"))
        if nth < 8:
            rows.write(turned(5 + nth / 100, f"1-{nth}", 200.0))
            rows.write(turned(nth / 100, f"1-{nth}", 200.0))  # of an earlier block
    rows.close()
    duel: Any = SimpleNamespace(sides={"a": SimpleNamespace(folder=RunFolder(tmp_path))})
    assert Duel._fewest(cast(Duel, duel), block) == 8 < LEAST + SPARE


def stored(path: Path, factor: float, *, ended: str = "done", way: str = "socket") -> RunFolder:
    """A load of 60 sessions whose requests are quick, and whose turns take so much longer."""
    chance = random.Random(3)
    rows: list[Any] = [Known(float(second), "during", 1.0, ()) for second in range(20)]
    for session in range(60):
        rows.append(Integrity(1.0, f"1-{session}", 3, 6, 0, 6, 0, 0, 0, 0, 0, deleted=True))
        usual = 200 * chance.lognormvariate(0, 0.04)
        for nth in range(6):
            at, name = session + nth / 10, f"1-{session}"
            rows.append(Sample(at, ASKED[0], 40 * chance.lognormvariate(0, 0.05), 200, True, 1, name))
            rows.append(turned(at, name, usual * factor * chance.lognormvariate(0, 0.06), ended, way))
    run = verify_run(command="load", api="openwebui", settings=LOAD, machine={"processors": 2}, id=path.name)
    return folder(path, run, samples=tuple(rows))


def test_stored_loads_are_judged_by_whole_turns_as_well(tmp_path: Path) -> None:
    before = stored(tmp_path / "before", 1.0)
    rows = compared(before, stored(tmp_path / "slow", 1.5), TEN)
    assert outcome(rows) == "fail"
    assert [verdict_of(rows, name) for name in (ASKED[0], "turn socket")] == ["pass", "fail"]
    assert outcome(compared(before, stored(tmp_path / "same", 1.0), TEN)) == "pass"
    cut = compared(before, stored(tmp_path / "cut", 1.0, ended="cut"), TEN)
    assert verdict_of(cut, "turn socket") == outcome(cut) == "inconclusive"
    streams = [stored(tmp_path / f"sse {factor}", factor, way="sse") for factor in (1.0, 1.5)]
    assert {row.operation for row in compared(*streams, TEN)} == {ASKED[0], ""}


def test_a_deployment_that_acknowledges_at_once_and_replies_late_is_found(
    here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(app: WebApp, sid: str, emit: Any, words: list[str]) -> None:
        await asyncio.sleep(0.15)
        await honest(app, sid, emit, words)

    monkeypatch.setenv("SEATRIAL_ADMIN_TOKEN", "token-of-boss")
    with running(WebApp(honest).served) as a, running(WebApp(late).served) as b:
        options = (
            "--mix",
            "browser=1",
            "--turns",
            "1",
            "--think",
            "0s",
            "--pairs",
            "20",
            "--no-verify",
            "--out",
            "run",
        )
        done = here("compare", a, b, *options)
    assert done.code == 1, done
    rows = {row.operation: row.verdict for row in RunFolder(Path("run")).rows("comparison.jsonl", Ratio) if row.verdict}
    assert rows["turn socket"] == "fail"
    assert rows["createChatCompletion"] != "fail"


def test_reports_show_whole_turns_beside_the_operations(tmp_path: Path) -> None:
    rows = judged(played(tmp_path / "run", 1.5), TEN)
    said = sentence(rows, TEN, "40 pairs of blocks")
    run = replace(verify_run(command="compare", api="openwebui", id="compared"), verdict="fail", exit_code=1)
    made = folder(tmp_path / "reported", replace(run, sentence=said), *rows, *findings(rows))
    assert [row.operation for row in made.rows("comparison.jsonl", Ratio) if row.verdict == "fail"] == ["turn socket"]
    write_reports(made)
    told = (made.path / "report.md").read_text("utf-8")
    assert "| turn socket | 1.50" in told
    assert "2 operations and whole turns compared" in told
    table = (made.path / "report.html").read_text("utf-8").partition('id="table-ratio-intervals"')[2]
    assert "turn socket" in table.partition("</table>")[0]
    console = Console(record=True, width=200, quiet=False)
    show(rows, console)
    assert "turn socket p95" in console.export_text()


def test_why_something_could_not_be_compared_leaves_the_table_its_width() -> None:
    few = Ratio("", "p95", 40, 41, None, None, None, None, "inconclusive", 20, why="too few answers in one of the runs")
    told = Ratio("createChatCompletion", "p95", 105, 108, 1.03, 0.84, 1.33, 1.1, "inconclusive", 20, 1.7)
    console = Console(record=True, width=80)
    show([replace(few, operation="getChat"), told, replace(few, operation="createChat")], console)
    lines = console.export_text().splitlines()
    assert "createChatCompletion p95" in lines[2]
    assert "-16%..+33%" in lines[2]
    assert max(map(len, lines)) <= 80
    assert lines[-1].rstrip() == "getChat p95, createChat p95: too few answers in one of the runs"
