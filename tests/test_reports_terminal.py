"""The summary at a terminal: short, within 80 columns, without colour, the verdict first and the page last."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from report_runs import CHECKED, KINDS, every_kind, finding, folder, many, verify_run
from rich.console import Console

from reports.terminal import summary
from reports.verdict import judge
from seatrial.records import RunFolder, Skip


def lines(made: RunFolder, **options: object) -> list[str]:
    out = io.StringIO()
    settings: dict[str, object] = {"width": 80, "no_color": True, "force_terminal": False} | options
    run = made.load()
    summary(run, judge(run, made), made, Console(file=out, **settings))  # type: ignore[arg-type]
    return out.getvalue().splitlines()


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_is_first_and_the_page_last(tmp_path: Path, kind: str) -> None:
    made = every_kind(tmp_path)[kind]
    told = lines(made)
    assert told[0].split()[0] in ("PASS", "FAIL", "INCONCLUSIVE")
    assert told[-1] == f"Report: {made.path / 'report.html'}"
    assert len(told) <= 25
    assert all(len(line) <= 80 for line in told[:-1])
    assert not set("\x00\x1b\u202e") & set("".join(told))


def test_the_first_lines_say_what_is_broken(tmp_path: Path) -> None:
    told = " ".join(" ".join(lines(every_kind(tmp_path)["failed"])).split())
    assert "Completions are broken: createChatCompletion answers 400 (Model not found) to a valid request" in told
    assert "1 known defect, 1 waived finding and 1 drift finding" in told


def test_levels_and_objectives_are_told(tmp_path: Path) -> None:
    made = every_kind(tmp_path)
    told = lines(made["capacity"])
    assert told[0].startswith("PASS  Open WebUI 0.12.4 at http://localhost:8080 holds 8 users, fails at 10:")
    assert "Levels: 2 holds, 4 holds, 8 holds, 16 fails, 10 fails, 12 void" in told
    assert "Objectives: 1 held; 1 held, not proved; 1 unsupported; 1 missed" in lines(made["streams"])


def test_what_is_left_on_the_target_is_said(tmp_path: Path) -> None:
    assert "  chat 1" in lines(every_kind(tmp_path)["died"])


def test_ten_thousand_findings_are_few_lines(tmp_path: Path) -> None:
    told = lines(many(tmp_path, 10_000))
    assert len(told) <= 25
    assert any("more findings" in line for line in told)


def test_skips_are_counted_by_reason(tmp_path: Path) -> None:
    skips = [Skip(f"rule-{n}", "", "getChat", "needs a second account") for n in range(7)]
    told = lines(folder(tmp_path, verify_run(), *CHECKED, *skips))
    assert "Not checked (7): needs a second account" in told


def test_markup_in_an_answer_is_not_obeyed(tmp_path: Path) -> None:
    told = lines(folder(tmp_path, verify_run(), finding(received="400 [bold red]x[/] [link=http://x]y")))
    assert "[bold red]x[/]" in " ".join(" ".join(told).split())
