"""Drift between two runs: told in a sentence where a release changed something, and nothing where chance did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_runs import folder, verify_run

from reports import html, markdown
from reports.drift import drift, not_compared
from reports.sentences import sentence
from reports.verdict import judge
from seatrial.contract import NO_BODY, Contract
from seatrial.exchange import Reply
from seatrial.records import RunFolder
from seatrial.shapes import Shapes

WHOLE = Contract.load()
OLD_ROW = {"id": "i", "title": "t", "created_at": 1, "updated_at": 2, "last_read_at": None}
NEW_ROW = OLD_ROW | {"snippet": None, "active": False, "archived": False}
ID = "1a2b3c4d-0000-4000-8000-000000000000"


class Made:
    """A run against one release, from answers written here."""

    def __init__(self, version: str = "0.12.4") -> None:
        self.version, self.contract = version, WHOLE.at(version)
        self.shapes = Shapes(self.contract)

    def hear(self, operation: str, document: Any, *, status: int = 200, **more: Any) -> Made:
        values = [ID] * len(self.contract.operation(operation).path_parameters)
        call = self.contract.call(operation, *values, json=more.pop("json", NO_BODY))
        media = more.pop("media", "application/json")
        for _ in range(more.pop("times", 1)):
            self.shapes.hear(call, Reply(call, status, {"content-type": media}, json.dumps(document).encode()), **more)
        return self

    def folder(self, path: Path) -> RunFolder:
        return folder(path, verify_run(target_version=self.version, id="r"), *self.shapes.rows("openwebui"))


Told = Callable[[Made, Made], list[str]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """The sentences of the drift from one run to another, behind the name of their operation."""

    def tell(a: Made, b: Made) -> list[str]:
        rows = drift(a.folder(tmp_path / "a"), b.folder(tmp_path / "b"))
        return [f"{row.operation}: {sentence(row)}" for row in rows]

    return tell


def test_what_a_release_brought_is_told_with_the_release(told: Told) -> None:
    old, new = Made("0.9.6").hear("listChats", [OLD_ROW]), Made().hear("listChats", [NEW_ROW])
    assert told(old, new) == [
        "deleteMessage: the operation is new in 0.10.2",
        "listChats: each entry has a field `active` (true or false), new in 0.11.4",
        "listChats: each entry has a field `archived` (true or false), new in 0.11.4",
        "listChats: each entry has a field `snippet` (null), new in 0.10.2",
    ]


def test_the_way_back_tells_what_went(told: Told) -> None:
    new, old = Made().hear("listChats", [NEW_ROW]), Made("0.9.6").hear("listChats", [OLD_ROW])
    assert told(new, old)[:2] == [
        "deleteMessage: the operation is gone; it came with 0.10.2",
        "listChats: each entry no longer has the field `active` (true or false); it came with 0.11.4",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"extra": 1}, {}, "each entry no longer has the field `extra` (whole number)"),
        ({}, {"extra": "x"}, "each entry has a new field `extra` (text)"),
        ({"extra": [1]}, {"extra": "x"}, "the field `extra` of each entry changed from list to text"),
        ({"title": "t"}, {"title": 5}, "the field `title` of each entry changed from text to whole number"),
        ({"extra": 1}, {"extra": 1.5}, None),
        ({"last_read_at": 1}, {"last_read_at": None},
         "the field `last_read_at` of each entry changed from whole number to null"),
        ({"extra": {"a": 1}}, {"extra": {"b": 1}}, None),
    ],
)  # fmt: skip
def test_a_field_that_changed_is_told(told: Told, before: Any, after: Any, said: str | None) -> None:
    a = Made().hear("listChats", [NEW_ROW | before], times=6)
    b = Made().hear("listChats", [NEW_ROW | after], times=6)
    assert told(a, b) == ([f"listChats: {said}"] if said else [])


def test_a_field_that_may_be_null_or_missing_now_is_told(told: Told) -> None:
    a = Made().hear("listChats", [NEW_ROW | {"extra": 1}], times=20)
    b = Made().hear("listChats", [NEW_ROW | {"extra": 1}, NEW_ROW | {"title": None, "extra": None}, NEW_ROW], times=7)
    assert told(a, b) == [
        "listChats: the field `extra` of each entry (whole number) may now be missing",
        "listChats: the field `title` of each entry (text) may now be null",
    ]


def test_statuses_and_media_types_are_told_and_failures_are_called_by_their_status(told: Told) -> None:
    a = Made().hear("listChats", [NEW_ROW]).hear("listChats", {"detail": "d"}, status=401)
    a.hear("getChat", {"detail": "d"}, status=401)
    b = Made().hear("listChats", [NEW_ROW], media="text/html").hear("listChats", {"detail": "d"}, status=403)
    b.hear("getChat", {"detail": ["d"]}, status=401)
    assert told(a, b) == [
        "getChat: the field `detail` of the answer 401 changed from text to list",
        "listChats: the answer comes as text/html; it was application/json",
        "listChats: it no longer answers 401",
        "listChats: it now also answers 403",
    ]


def test_what_chance_decides_is_no_drift(told: Told) -> None:
    """Empty lists, fields seen too rarely, what may be null, what generated requests met or put in."""
    a = Made().hear("listChats", [NEW_ROW, NEW_ROW | {"rare": 1}], times=2).hear("searchChats", [])
    a.hear("createChat", {"detail": "d"}, status=404, generated=True)
    a.hear("listChats", [NEW_ROW | {"snippet": "text"}])
    b = Made().hear("listChats", [NEW_ROW], times=9).hear("searchChats", [NEW_ROW])
    b.hear("createChat", {"chat": {"title": "t", "made up": 1, "up": 2}}, generated=True, json={"chat": {"up": 2}})
    assert told(a, b) == []


def test_what_only_generated_requests_reach_is_compared_by_what_is_always_there(told: Told) -> None:
    settings = {"features": {"auth": True}}
    a = Made().hear("getConfig", settings, generated=True)
    b = Made().hear("getConfig", {"features": {"auth": True, "enable_x": True}}, generated=True)
    assert told(a, b) == ["getConfig: the answer has a new field `features.enable_x` (true or false)"]


def test_an_operation_that_one_run_did_not_ask_is_named_and_not_judged(tmp_path: Path) -> None:
    a = Made().hear("listChats", [NEW_ROW]).folder(tmp_path / "a")
    b = Made().hear("getConfig", {}).folder(tmp_path / "b")
    assert drift(a, b) == []
    assert not_compared(a, b) == ["getConfig", "listChats"]


def test_a_comparison_shows_the_drift_between_its_two_verifications(tmp_path: Path) -> None:
    made = folder(tmp_path / "run", verify_run(command="compare", sentence="Pass: no slower.", verdict="pass"))
    assert "contracts" not in html.page(made.load(), judge(made.load(), made), made)
    Made("0.11.3").hear("listChats", [OLD_ROW], times=9).folder(made.path / "verify-a")
    Made("0.11.4").hear("listChats", [NEW_ROW], times=9).folder(made.path / "verify-b")
    run = made.load()
    page = html.page(run, judge(run, made), made)
    assert '<section id="contracts">' in page
    assert "each entry has a field `active` (true or false), new in 0.11.4" in page
    assert "each entry has a field" in markdown.document(run, judge(run, made), made)
    Made("0.11.3").hear("listChats", [OLD_ROW], times=9).folder(made.path / "verify-b")
    (made.path / "verify-b" / "shapes.jsonl").write_bytes((made.path / "verify-a" / "shapes.jsonl").read_bytes())
    assert "Both answer alike." in html.page(run, judge(run, made), made)
