"""junit.xml as CI servers read it: parsed, counted, and safe whatever a target answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from report_runs import (
    CHECKED,
    COMPARED,
    KINDS,
    OBJECTIVES,
    capacity_run,
    every_kind,
    finding,
    folder,
    levels,
    many,
    verify_run,
)

from reports import junit
from reports.verdict import judge
from seatrial.records import RunFolder, Skip


def parsed(made: RunFolder) -> ET.Element:
    run = made.load()
    return ET.fromstring(junit.document(run, judge(run, made)).encode())


def case(root: ET.Element, rule: str, operation: str) -> ET.Element:
    found = [
        one
        for one in root.iter("testcase")
        if one.get("classname") == rule and (one.get("name") or "").startswith(f"{operation} — ")
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_counts_are_those_of_the_cases(tmp_path: Path, kind: str) -> None:
    root = parsed(every_kind(tmp_path)[kind])
    for element in (root, root[0]):
        assert int(element.get("tests", "")) == len(list(root.iter("testcase")))
        assert int(element.get("failures", "")) == len(list(root.iter("failure")))
        assert int(element.get("errors", "")) == len(list(root.iter("error")))
        assert int(element.get("skipped", "")) == len(list(root.iter("skipped")))


def test_each_rule_and_operation_is_one_case(tmp_path: Path) -> None:
    root = parsed(every_kind(tmp_path)["failed"])
    names = [(one.get("classname"), one.get("name")) for one in root.iter("testcase")]
    assert len(names) == len(set(names)) == 5
    assert ("valid-use", "getChat — Valid use is answered") in names


def test_a_failure_holds_what_one_needs_to_act(tmp_path: Path) -> None:
    failure = case(parsed(every_kind(tmp_path)["failed"]), "valid-use", "createChatCompletion").find("failure")
    assert failure is not None
    assert failure.get("type") == "break"
    for part in ("expected: 200", 'received: 400 {"detail":"Model not found"}', "status 400", "curl -sS", "14 times"):
        assert part in (failure.text or "")


def test_known_waived_and_drift_pass_and_say_so(tmp_path: Path) -> None:
    root = parsed(every_kind(tmp_path)["passed"])
    assert root.get("failures") == "0"
    for rule, operation, said in [
        ("no-server-error", "searchChats", "known defect: search-null-byte"),
        ("bad-input-refused", "updateChat", "waived: ours (until 2030-01-01)"),
        ("status-documented", "listChats", "drift, reported only"),
    ]:
        assert said in (case(root, rule, operation).findtext("system-out") or "")


def test_drift_fails_where_the_run_is_strict(tmp_path: Path) -> None:
    root = parsed(folder(tmp_path, verify_run(strict=True), finding(severity="drift")))
    assert root.get("failures") == "1"


def test_a_skip_gives_its_reason(tmp_path: Path) -> None:
    skipped = case(parsed(every_kind(tmp_path)["passed"]), "other-cannot-read", "getChat").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "needs a second account"


def test_what_was_checked_in_part_is_no_skip(tmp_path: Path) -> None:
    skip = Skip("valid-use", "Valid use is answered", "getChat", "the model is slow")
    root = parsed(folder(tmp_path, verify_run(), *CHECKED, skip))
    assert root.get("skipped") == "0"
    assert "not checked: the model is slow" in (case(root, "valid-use", "getChat").findtext("system-out") or "")


def test_a_run_that_proves_nothing_is_an_error(tmp_path: Path) -> None:
    root = parsed(every_kind(tmp_path)["died"])
    error = next(root.iter("error"))
    assert "the target died" in error.get("message", "")
    assert (root.get("errors"), root.get("failures")) == ("1", "0")


def objectives(root: ET.Element) -> dict[str, tuple[str, str]]:
    """By its text: what became of the case of each objective, and what is said of it."""
    cases = [one for one in root.iter("testcase") if one.get("classname") == "seatrial.objective"]
    return {one.get("name", ""): (one[0].tag, one[0].get("message", "") or one[0].text or "") for one in cases}


def whole(root: ET.Element) -> ET.Element:
    (found,) = (one for one in root.iter("testcase") if one.get("classname") == "seatrial.run")
    return found[0]


def test_an_objective_of_a_load_is_a_case(tmp_path: Path) -> None:
    run, failed = verify_run(command="load"), finding(rule="load-errors", test="")
    root = parsed(folder(tmp_path / "failed", run, failed, *OBJECTIVES))
    assert objectives(root) == {
        "damaged = 0": ("system-out", "held: no messages harmed"),
        "turn p95 < 1s": ("system-out", "held, not proved: 640 ms, between 600 ms and 1.1 s"),
        "ttft p95 < 1s": ("skipped", "unsupported: 12 samples"),
        "errors < 1%": ("failure", "missed: 2 %"),
    }
    void = replace(run, cause="void", problem="the load generator was the limit")
    root = parsed(folder(tmp_path / "void", void, *OBJECTIVES))
    assert objectives(root)["turn p95 < 1s"] == ("skipped", "void: 640 ms, between 600 ms and 1.1 s")
    assert objectives(root)["errors < 1%"] == ("skipped", "missed: 2 %")
    assert whole(root).tag == "error"


def test_what_fails_as_a_whole_is_a_failure_and_what_holds_a_case_that_passes(tmp_path: Path) -> None:
    sought = levels((4, "holds"), (8, "fails"))
    root = parsed(folder(tmp_path / "few", capacity_run(verdict="fail"), *sought))
    assert (root.get("tests"), root.get("failures")) == ("1", "1")
    assert whole(root).tag == "failure"
    assert "too few" in whole(root).get("message", "")
    root = parsed(folder(tmp_path / "enough", capacity_run(), *sought))
    assert (root.get("tests"), root.get("failures")) == ("1", "0")
    assert "holds 8 users" in (whole(root).text or "")


def test_where_a_finding_fails_the_run_the_whole_is_no_second_failure(tmp_path: Path) -> None:
    root = parsed(every_kind(tmp_path)["compare"])
    assert whole(root).tag == "failure"
    root = parsed(folder(tmp_path / "slower", verify_run(command="compare", verdict="fail"), *COMPARED, finding()))
    assert (whole(root).tag, root.get("failures")) == ("system-out", "1")


def test_a_line_that_is_too_long_gives_way_to_the_one_that_replays(tmp_path: Path) -> None:
    long = finding(curl=f"curl --data-raw '{'x' * 5_000}'")
    failure = case(parsed(folder(tmp_path, verify_run(), long)), "valid-use", "createChatCompletion").find("failure")
    assert failure is not None
    replay = "seatrial replay RUN 'valid-use:createChatCompletion:status 400' (the body is too long for a line)"
    assert f"again:    {replay}" in (failure.text or "")
    assert "xxx" not in (failure.text or "")


def test_properties_say_what_was_run(tmp_path: Path) -> None:
    root = parsed(every_kind(tmp_path)["passed"])
    told = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert told["verdict"] == "pass"
    assert told["target_version"] == "0.12.4"
    assert (root[0].get("timestamp"), root[0].get("time")) == ("2026-01-05T10:00:00", "120.500")


def test_ten_thousand_findings_stay_readable(tmp_path: Path) -> None:
    made = many(tmp_path, 10_000)
    run = made.load()
    text = junit.document(run, judge(run, made))
    assert len(text) < 2_000_000
    assert "more findings of this rule here" in text
