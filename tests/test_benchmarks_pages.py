"""The pages of numbers say what the stored results come to: whoever adds results writes the pages anew."""

from __future__ import annotations

from dataclasses import replace

import gate
import gate_report
import load_report
import pytest
import stock_report
from detection import STORED as TRIALS
from markdown import NOT_RUN, put_in
from stock_schemathesis import STORED, StockRun
from storing import RESULTS, Store
from trials import Result


def test_what_schemathesis_finds_is_what_is_stored() -> None:
    stock, trials = Store(RESULTS / STORED, StockRun).all(), Store(RESULTS / TRIALS, Result).all()
    assert stock_report.PAGE.read_text("utf-8") == stock_report.page(stock, trials)


def test_how_well_it_measures_is_what_is_stored() -> None:
    pages = (load_report.PAGE, load_report.CAPACITY)
    before = [page.read_text("utf-8") for page in pages]
    assert before[0] == load_report.page(RESULTS)
    searches = load_report.stored(RESULTS, "capacity")
    assert before[1] == put_in(before[1], load_report.SCRIPT, load_report.example(searches))


def test_how_often_the_gate_is_wrong_is_what_is_stored() -> None:
    rows = Store(RESULTS / gate.STORED, gate.Result).all()
    page = gate_report.PAGE.read_text("utf-8")
    assert page == put_in(page, gate_report.SCRIPT, gate_report.lines(rows))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A page\n", "# A page\n\n<!-- written by x.py -->\nnew\n<!-- end -->\n"),
        (
            "a\n\n<!-- written by x.py -->\nold\n<!-- end -->\nb\n",
            "a\n\n<!-- written by x.py -->\nnew\n<!-- end -->\nb\n",
        ),
    ],
)
def test_a_part_is_put_between_its_marks_or_at_the_end(text: str, expected: str) -> None:
    assert put_in(text, "x.py", ["new"]) == expected


def _compared(kind: str, verdict: str, slower: str = "", *found: str) -> gate.Result:
    return gate.Result(kind, 0, slower, verdict, found, (), found, "", 100.0, "now")


def test_what_the_gate_was_asked_for_is_held_missed_or_not_known_yet() -> None:
    equal = [replace(_compared("equal", "pass"), number=nth, at="2026-01-02") for nth in range(60)]
    wrong = [replace(row, verdict="fail") for row in equal]

    def said(rows: list[gate.Result]) -> bool | None:
        return dict(gate_report.judged(rows))[
            f"equal: right in {sum(row.right for row in rows)} of {len(rows)}, at least 58 of 60"
        ]

    assert said(equal) is True
    assert said(equal[:59]) is None
    assert said([*wrong[:2], *equal[2:]]) is True
    assert said(wrong[:3]) is False


def test_comparisons_of_earlier_sources_are_left_out() -> None:
    old, new = _compared("equal", "fail"), replace(_compared("+25 %", "pass", "x"), at="2026-01-02", fingerprint="new")
    assert gate_report.of_newest([old, new]) == [new]
    assert gate_report.of_newest([]) == []


def test_the_gate_is_right_where_it_names_what_is_slower_and_nothing_else() -> None:
    rows = [
        _compared("equal", "pass"), _compared("equal", "inconclusive"), _compared("equal", "fail", "", "getHistory"),
        _compared("+25 %", "fail", "getHistory", "getHistory"), _compared("+25 %", "fail", "getHistory", "sendMessage"),
    ]  # fmt: skip
    told = gate_report.lines(rows)
    assert "| equal | 3 | 1 | 1 | 1 | 2 | 3 | 2 |" in told
    assert "| +25 % | 2 | 0 | 0 | 2 | 1 | 0 | 1 |" in told
    assert any(line.startswith("- False alarms: 1 of 3, so at most 86.5% of all") for line in told)
    assert any(line.endswith("in 1 of 2.") for line in told)
    assert "| +25 %: right in 1 of 2, at least 18 of 20 | not yet |" in told
    assert gate_report.lines([]) == NOT_RUN
