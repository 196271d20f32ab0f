"""reports/example is a run folder with the reports that Seatrial makes of it today; it says not where it was made."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from reports import write_reports
from reports.verdict import judge
from seatrial.records import RunFolder

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = Path("reports/example")
REPORTS = ("report.html", "report.md", "junit.xml")


def test_its_reports_are_those_of_its_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / EXAMPLE, tmp_path / EXAMPLE)
    monkeypatch.chdir(tmp_path)
    write_reports(RunFolder(EXAMPLE))
    for name in REPORTS:
        made, kept = (root / EXAMPLE / name for root in (tmp_path, ROOT))
        assert made.read_text("utf-8") == kept.read_text("utf-8"), f"{name}: seatrial report {EXAMPLE}"


def test_it_shows_what_a_page_has_to_show() -> None:
    folder = RunFolder(ROOT / EXAMPLE)
    judgement = judge(folder.load(), folder)
    assert judgement.verdict == "fail"
    assert judgement.digest.load.messages["lost"]
    assert judgement.digest.coverage
    assert any(one.known for one in judgement.digest.load.noted.values())


def test_it_holds_nothing_of_the_machine_it_was_made_on() -> None:
    for path in (ROOT / EXAMPLE).rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert not re.search(r"/(home|root|tmp|Users|work)/", text), path
            assert "Bearer ey" not in text
