"""junit.xml as CI servers read it: parsed, counted, and safe whatever a target answered."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from report_runs import CHECKED, every_kind, finding, folder, many, verify_run

from reports import junit
from reports.verdict import judge
from seatrial.records import Check, RunFolder, Skip


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


@pytest.mark.parametrize("kind", ["passed", "failed", "both", "load", "empty", "died", "baseline", "hostile"])
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


def test_an_objective_of_a_load_is_a_case(tmp_path: Path) -> None:
    run = verify_run(command="load", api="sessions")
    root = parsed(folder(tmp_path, run, Check("errors-under", "Errors are under 1 %", "sendMessage", 1, 0)))
    assert case(root, "errors-under", "sendMessage").find("failure") is None


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
