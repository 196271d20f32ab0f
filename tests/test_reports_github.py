"""Findings as GitHub's workflow commands: one line each, nothing in it that GitHub would obey."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_runs import CHECKED, KINDS, capacity_run, every_kind, finding, folder, levels, many, verify_run

from reports import github
from reports.verdict import judge
from seatrial.records import RunFolder

COMMAND = re.compile(r"::(error|warning|notice) title=((?:[^%:,]|%25|%3A|%2C)*)::((?:[^%]|%25)*)")


def told(made: RunFolder) -> list[tuple[str, str, str]]:
    """Kind, title and message of each command, read as GitHub's runner reads them."""
    run = made.load()
    rows = []
    for line in github.document(run, judge(run, made)).splitlines():
        found = COMMAND.fullmatch(line)
        assert found, line
        title = found[2].replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
        rows.append((found[1], title, found[3].replace("%25", "%")))
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_each_line_is_one_command(tmp_path: Path, kind: str) -> None:
    for _, title, message in told(every_kind(tmp_path)[kind]):
        assert title
        assert message.isprintable()


def test_what_fails_is_an_error_with_its_rule_and_operation(tmp_path: Path) -> None:
    (row,) = told(folder(tmp_path / "run", verify_run(), *CHECKED, finding(count=3)))
    assert row[:2] == ("error", "break: createChatCompletion (valid-use)")
    assert "createChatCompletion answers 400 (Model not found)" in row[2]


def test_what_does_not_fail_is_no_error(tmp_path: Path) -> None:
    kinds = {kind for kind, _, _ in told(every_kind(tmp_path)["passed"])}
    assert kinds == {"notice"}  # drift


def test_a_run_that_proves_nothing_and_left_something_says_both(tmp_path: Path) -> None:
    rows = told(every_kind(tmp_path)["died"])
    assert [kind for kind, _, _ in rows] == ["error", "warning"]
    assert "the target died" in rows[0][2]
    assert "seatrial clean" in rows[1][2]


def test_what_fails_without_a_finding_is_an_error_with_its_sentence(tmp_path: Path) -> None:
    few = capacity_run(verdict="fail")
    ((kind, title, message),) = told(folder(tmp_path / "run", few, *levels((4, "holds"), (8, "fails"))))
    assert (kind, title) == ("error", "Seatrial: fail")
    assert "holds 8 users, fails at 10; that is too few" in message


def test_of_many_findings_the_tenth_error_says_how_many_more(tmp_path: Path) -> None:
    rows = [row for row in told(many(tmp_path / "run", 400)) if row[0] == "error"]
    assert len(rows) == 10
    assert re.fullmatch(r"\d+ more findings, in the report", rows[-1][2])


def test_the_text_of_a_target_stays_text(tmp_path: Path) -> None:
    nasty = "50%\r\n::set-output name=exit-code::0\n::error::x, y: z"
    made = folder(tmp_path / "run", verify_run(), *CHECKED, finding(operation=nasty, title=nasty, received=nasty))
    ((kind, title, message),) = told(made)
    assert kind == "error"
    assert "50% ::set-output name=exit-code::0" in title + message
