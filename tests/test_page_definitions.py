"""One place says what numbers mean: the page, docs/measures.md, and what judges by those numbers agree with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_runs import every_kind

from load import validity
from reports import definitions
from reports.charts import exhibits
from reports.verdict import judge
from seatrial.evidence import TURN_MEASURES
from seatrial.measuring import enough
from seatrial.samples import HARMS

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {"operation", "session", "measure", "when", "what", "from", "sent after", "status", "error", "why", "detail"}
TEXTS |= {"process", "reply came by", "began at", "measured", "messages", "count", "asked for"}
"""Columns that hold no number, or one that its row names."""


def test_the_page_of_measures_is_what_the_file_says() -> None:
    written = (ROOT / "docs/measures.md").read_text("utf-8")
    assert written == definitions.document(), "python -m reports.definitions > docs/measures.md"


def test_a_name_means_one_thing() -> None:
    measures = [measure for group in definitions.groups().values() for measure in group]
    names = [name for measure in measures for name in measure.names]
    assert len(names) == len(set(names))
    assert len({measure.id for measure in measures}) == len(measures)


@pytest.mark.parametrize("kind", ["both", "load", "capacity", "limited", "compare", "streams", "overhead"])
def test_every_column_of_numbers_has_a_definition(tmp_path: Path, kind: str) -> None:
    made = every_kind(tmp_path)[kind]
    run = made.load()
    heads = {name for one in exhibits(run, judge(run, made).digest) for chart in one.charts for name in chart.head}
    assert heads
    assert [name for name in heads if name.lower() not in TEXTS and definitions.defined(name) is None] == []


def test_what_turns_are_measured_by_and_what_becomes_of_messages_is_defined() -> None:
    assert [name for name in (*TURN_MEASURES.values(), *HARMS) if definitions.defined(name) is None] == []


def test_numbers_in_the_definitions_are_those_that_judge() -> None:
    def text(name: str) -> str:
        measure = definitions.defined(name)
        assert measure is not None
        return measure.text

    for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert re.search(rf"\b{enough(quantile)} samples", text(name))
    assert f"{validity.MOST_WRONG_FIRST:g} ms (p95)" in text("first token wrong by")
    assert f"{validity.MOST_WRONG_GAP:g} ms (p99)" in text("gaps wrong by")
    assert f"{validity.MOST_LATE:g} ms" in text("woke late by")
    assert f"{validity.MOST_LATE_ARRIVAL:g} ms" in text("began late by")
    assert f"{validity.LEAST_STARTED:.0%}".replace("%", " %") in text("sessions due")
