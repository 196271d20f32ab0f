"""Run folders that are broken: one line that says where, and what is there stays as it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from command_line import Command

from seatrial.cli import COMMANDS
from seatrial.errors import EXIT_INCONCLUSIVE, WrongUse
from seatrial.records import RunFolder

BROKEN_RUNS = {
    "cut": '{"schema": 1, "command": ',
    "a list": "[]",
    "another schema": '{"schema": 99}',
    "fields missing": '{"schema": 1}',
    "unknown fields": '{"schema": 1, "command": "verify", "target": "http://x", "api": "sessions", "sails": 3}',
    "fields of other kinds": '{"schema": 1, "command": "verify", "target": 5, "api": [], "accounts": 7}',
    "no text": b"\xff\xfe\x00",
    "nested": "[" * 100_000,
    "a list of other things": '{"schema": 1, "command": "verify", "target": "x", "api": "sessions", "skipped": ["x"]}',
    "another exit code": '{"schema": 1, "command": "verify", "target": "x", "api": "sessions", "exit_code": "none"}',
}


@pytest.mark.parametrize("text", BROKEN_RUNS.values(), ids=BROKEN_RUNS)
@pytest.mark.parametrize("name", ["report", "clean"])
def test_a_broken_run_json_is_told_and_left_as_it_is(
    here: Command, tmp_path: Path, name: str, text: str | bytes
) -> None:
    content = text.encode() if isinstance(text, str) else text
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_bytes(content)
    here(name, "run").refused(2, "run")
    assert [(one.name, one.read_bytes()) for one in (tmp_path / "run").iterdir()] == [("run.json", content)]


@pytest.mark.parametrize(
    "row",
    [
        '{"type": "Finding", "sails": 3}',
        "[1]",
        "7",
        '{"type": "Check", "rule": "r", "title": "t", "operation": "o", "count": "two", "failed": 0}',
        '{"type": "Gone", "rule": "r", "severity": null, "operation": "o", "title": "t", "where": "w"}',
        '{"type": "Tried", "number": 1}',
        '{"type": "Judged", "objective": "o", "verdict": "held", "value": 1, "low": [], "high": 2, "proved": true}',
    ],
)
def test_a_record_that_is_none_is_told_with_its_line(here: Command, tmp_path: Path, row: str) -> None:
    (tmp_path / "run").mkdir()
    run = '{"schema": 1, "command": "verify", "target": "http://x", "api": "sessions"}'
    (tmp_path / "run" / "run.json").write_text(run, "utf-8")
    names = {"Check": "checks", "Gone": "baseline", "Tried": "levels", "Judged": "objectives"}
    name = next((name for kind, name in names.items() if kind in row), "findings")
    (tmp_path / "run" / f"{name}.jsonl").write_text(f"{row}\n", "utf-8")
    here("report", "run").refused(2, f"{name}.jsonl:1 is no record")


def test_a_line_that_is_no_text_is_left_out(here: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    run = '{"schema": 1, "command": "verify", "target": "http://x", "api": "sessions", "ended": "2026-01-05"}'
    (tmp_path / "run" / "run.json").write_text(run, "utf-8")
    (tmp_path / "run" / "checks.jsonl").write_bytes(
        b'{"type": "Check", "rule": "r", "title": "t", "operation": "o", "count": 2, "failed": 0}\n\xff\xfe\n'
        + b"[" * 100_000
    )
    ended = here("report", "run")
    assert (ended.code, ended.err) == (0, "")
    assert "2 checks on 1 operation" in ended.out


def test_a_defect_of_its_own_is_not_told_as_a_failure_of_the_target(
    here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "report", "seatrial.cli.report:not_there")
    ended = here("report", "run")
    assert ended.code == EXIT_INCONCLUSIVE
    assert "AttributeError" in ended.err
    assert "a defect of Seatrial" in ended.err.splitlines()[-1]


def test_a_ledger_of_nonsense_is_passed_over_and_its_lines_are_told(here: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    run = '{"schema": 1, "command": "verify", "target": "http://127.0.0.1:9", "api": "sessions"}'
    (tmp_path / "run" / "run.json").write_text(run, "utf-8")
    (tmp_path / "run" / "ledger.jsonl").write_bytes(b'{"event": "intend"}\n{"event": "made"}\n\xff\n[]\n')
    ended = here("clean", "run")
    assert ended.code == 0
    assert ended.err == ""


def test_of_runs_that_begin_together_one_has_the_folder(tmp_path: Path) -> None:
    def create(out: Path) -> bool:
        together.wait()
        try:
            RunFolder.create(str(out), "verify")
        except WrongUse:
            return False
        return True

    for number in range(20):
        together = Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(create, [tmp_path / str(number)] * 4)) == 1
