"""What all reports have in common: the same run gives the same bytes, and no record changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import KINDS, every_kind

from reports import write_reports
from seatrial.errors import Inconclusive


@pytest.mark.parametrize("kind", KINDS)
def test_reports_made_twice_are_the_same_bytes(tmp_path: Path, kind: str) -> None:
    made = every_kind(tmp_path)[kind]
    first = {path.name: path.read_bytes() for path in write_reports(made)}
    second = {path.name: path.read_bytes() for path in write_reports(made)}
    assert sorted(first) == ["junit.xml", "report.html", "report.md"]
    assert first == second


def test_reports_change_no_record(tmp_path: Path) -> None:
    made = every_kind(tmp_path)["both"]
    before = {path: path.read_bytes() for path in made.path.rglob("*.json*")}
    write_reports(made)
    assert {path: path.read_bytes() for path in made.path.rglob("*.json*")} == before


def test_a_full_disk_ends_in_one_line(tmp_path: Path) -> None:
    made = every_kind(tmp_path)["passed"]
    (made.path / ".junit.xml.part").mkdir()
    with pytest.raises(Inconclusive, match=r"cannot write .*junit\.xml"):
        write_reports(made)
