"""`seatrial compare`: what it says of two run folders, what fails it, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Command
from report_runs import finding, folder, verify_run

from seatrial.records import Finding
from seatrial.shapes import Shape

DEFECT = finding(rule="no-server-error", severity="defect", operation="updateChat", where="status 500")
UNSAID = finding(severity="drift", rule="status-documented", operation="listChats", where="status 422")


def shapes(*fields: str) -> list[Shape]:
    whole = Shape("listChats", 0, "", "", (), 1, 1)
    places = {"$": "array", "$[*]": "object", **{f"$[*].{name}": "string" for name in ("id", *fields)}}
    rows = [Shape("listChats", 200, "application/json", where, (kind,), 1, 1) for where, kind in places.items()]
    return [whole, *rows]


def run(name: str, *records: Any, fields: tuple[str, ...] = (), **changes: Any) -> str:
    folder(Path(name), verify_run(**{"id": name, **changes}), *records, *shapes(*fields))
    return name


def test_two_runs_of_the_same_say_that_nothing_drifted(here: Command) -> None:
    done = here("compare", run("a", DEFECT), run("b", DEFECT))
    assert done.code == 0
    assert done.out.startswith("PASS  nothing new fails")
    assert "No drift" in done.out
    assert "No finding is new, and none is gone." in done.out


def test_drift_is_told_and_fails_where_it_is_strict(here: Command) -> None:
    a, b = run("a"), run("b", fields=("colour",))
    done = here("compare", a, b)
    assert done.code == 0
    assert "Drift (1 change in 1 operation)\nlistChats\n  each entry has a new field `colour` (text)\n" in done.out
    assert here("compare", "--strict", a, b).code == 1
    Path("seatrial.toml").write_text("strict = true\n", "utf-8")
    assert here("compare", a, b).code == 1


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ([], [DEFECT], 1),
        ([DEFECT], [], 0),
        ([DEFECT], [finding(rule="no-server-error", operation="updateChat", where="status 500")], 1),
        ([DEFECT], [finding(rule="no-server-error", severity="defect", operation="updateChat", where="status 501")], 1),
        ([], [finding(waived="ours (until 2030-01-01)")], 0),
        ([], [finding(known="search-null-byte")], 0),
        ([finding(known="search-null-byte")], [finding()], 1),
        ([finding(waived="ours (until 2030-01-01)")], [finding()], 0),
        ([], [UNSAID], 0),
    ],
)
def test_only_a_new_finding_that_fails_fails_the_comparison(
    here: Command, before: list[Finding], after: list[Finding], code: int
) -> None:
    assert here("compare", run("a", *before), run("b", *after)).code == code


def test_new_and_gone_findings_are_named_and_known_defects_where_the_releases_differ(here: Command) -> None:
    known = finding(operation="searchChats", known="search-null-byte")
    a, b = run("a", DEFECT, target_version="0.9.6"), run("b", UNSAID, finding(), known)
    done = here("compare", a, b)
    assert done.code == 1
    assert done.out.startswith("FAIL  1 new finding that fails")
    assert "New findings (2)" in done.out
    assert "break: Completions are broken" in done.out
    assert "tolerated: listChats" in done.out
    assert "Gone findings (1)" in done.out
    assert "Known defects met in B alone: search-null-byte" in done.out
    same = here("compare", run("c"), b)
    assert "Known defects" not in same.out


def test_json_holds_all_of_it(here: Command) -> None:
    done = here("compare", "--json", run("a"), run("b", DEFECT, fields=("colour",)))
    told = json.loads(done.out)
    assert told["exit_code"] == done.code == 1
    assert [row["where"] for row in told["drift"]] == ["$[*].colour"]
    assert told["drift"][0]["sentence"] == "each entry has a new field `colour` (text)"
    assert [(row["rule"], row["fails"]) for row in told["new"]] == [("no-server-error", True)]


def test_what_makes_two_runs_unlike_is_noted(here: Command) -> None:
    done = here("compare", run("a"), run("b", depth="full", target_name="Other", tools={"seatrial": "9"}))
    for words in ("Open WebUI and Other", "different releases of Seatrial", "one run is quick, the other full"):
        assert words in done.out


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"api": "sessions"}, 3, ("cannot be compared", "'openwebui'", "'sessions'")),
        ({"problem": "the target died"}, 3, ("did not finish", "the target died")),
        ({"ended": ""}, 3, ("did not finish", "it was stopped")),
        ({"id": ""}, 3, ("did not finish", "it never began")),
        ({"command": "load"}, 2, ("holds a load",)),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_in_a_line(
    here: Command, changes: dict[str, Any], code: int, words: tuple[str, ...]
) -> None:
    here("compare", run("a"), run("b", **changes)).refused(code, *words)


def test_what_is_no_run_with_shapes_is_refused_in_a_line(here: Command) -> None:
    a = run("a")
    here("compare", a, "http://localhost:8080").refused(2, "one is a URL and one a run folder")
    here("compare", "https://chat.example.org", a).refused(2, "one is a URL and one a run folder")
    here("compare", a, a).refused(2, "the same run folder")
    here("compare", a, "nowhere").refused(2, "nowhere is not a run folder")
    folder(Path("old"), verify_run(id="old"), DEFECT)
    here("compare", "old", a).refused(2, "old has no shapes.jsonl", "verify again")
    (Path("a") / "shapes.jsonl").write_text('{"type": "Shape", "colour": 1}\n')
    here("compare", a, run("b")).refused(2, "shapes.jsonl:1 is no record of this Seatrial")
