"""A baseline: what an earlier run had does not fail this one, and hides nothing that is new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import Command, Ended, seatrial_command
from report_runs import CHECKED, finding, folder, verify_run

from contract_tests.log import Log
from reports import write_reports
from reports.verdict import judge
from seatrial.baseline import Baseline, Gone
from seatrial.contract import Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.exchange import Reply
from seatrial.known import Acceptance
from seatrial.lab.faults import named
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.records import Finding, RunFolder
from seatrial.target import Account

CONTRACT = Contract.load()
SOMEBODY = Account("somebody", "a-token-that-is-long-enough")
MISSING = finding(rule="answer-conforms", operation="getVersion", where="200 $.version")


def baseline(path: Path, *findings: Finding, **changes: Any) -> Baseline:
    run = verify_run(**{"id": "seatrial-1", "target_version": "0.9.6", **changes})
    return Baseline.open(str(folder(path / "before", run, *findings).path))


def test_a_missing_field_of_the_baseline_does_not_hide_another_missing_field(tmp_path: Path) -> None:
    heard = Log(CONTRACT, "http://target.invalid", Acceptance("0.12.4", (), baseline(tmp_path, MISSING)))
    call = CONTRACT.call("getVersion")
    heard.hear(SOMEBODY, call, Reply(call, 200, {"content-type": "application/json"}, b"{}"))
    found = {finding.where: finding for finding in heard.findings.values()}
    assert found["200 $.version"].before == "before (Open WebUI 0.9.6, 2026-01-05)"
    assert not found["200 $.version"].fails
    assert found["200 $.deployment_id"].fails


@pytest.mark.parametrize(
    ("there", "here", "covered"),
    [
        ({}, {}, True),
        ({}, {"severity": "defect"}, True),
        ({"severity": "defect"}, {}, False),
        ({}, {"where": "status 500"}, False),
        ({}, {"operation": "getChat"}, False),
        ({}, {"rule": "no-answer"}, False),
        ({"form": "plain completions"}, {"form": "background turns"}, False),
        ({"before": "an earlier one"}, {}, True),
        ({"known": "on record"}, {}, False),
        ({"waived": "ours (until 2026-01-31)"}, {}, False),
    ],
)
def test_the_same_fault_is_the_same_rule_operation_place_and_form_and_no_graver(
    tmp_path: Path, there: dict[str, Any], here: dict[str, Any], covered: bool
) -> None:
    assert bool(baseline(tmp_path, finding(**there)).covers(finding(**here))) is covered


def test_the_gravest_of_the_same_fault_counts(tmp_path: Path) -> None:
    assert baseline(tmp_path, finding(severity="drift"), finding()).covers(finding())


def test_a_graver_fault_in_the_same_place_stays_apart_from_the_accepted_one(tmp_path: Path) -> None:
    accepted = finding(rule="status-documented", operation="getVersion", severity="drift", where="status 418")
    heard = Log(CONTRACT, "http://target.invalid", Acceptance(None, (), baseline(tmp_path, accepted)))
    for severity in ("drift", "break"):
        heard.finding("status-documented", "getVersion", "200", "418", "status 418", severity=severity)
    assert [(one.severity, one.fails) for one in heard.findings.values()] == [("drift", False), ("break", True)]


def test_what_is_gone_is_told_apart_from_what_was_not_looked_at(tmp_path: Path) -> None:
    before = baseline(tmp_path, MISSING, finding(operation="getChat"), finding(), finding(operation="listChats"))
    asked, skipped = ("getVersion", "getChat", "createChatCompletion"), [("valid-use", "getChat")]
    gone = {one.operation: one.looked for one in before.gone([finding(severity="drift")], asked, skipped)}
    assert gone == {"getVersion": True, "getChat": False, "listChats": False}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"problem": "the target died"}, r"was not finished \(the target died\)"),
        ({"ended": ""}, "was not finished"),
        ({"id": ""}, "it never began"),
    ],
)
def test_a_run_that_proves_nothing_is_no_baseline(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Inconclusive, match=said):
        baseline(tmp_path, **changes)


def test_a_load_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="holds a load"):
        baseline(tmp_path, command="load")


def test_a_baseline_of_another_api_is_refused_and_of_another_name_noted(tmp_path: Path) -> None:
    before = baseline(tmp_path)
    with pytest.raises(WrongUse, match="'openwebui', and the target serves 'sessions'"):
        before.demand("sessions")
    assert before.note("Open WebUI") is None
    assert before.note("Acme Chat") == "the baseline is of Open WebUI, and the target calls itself Acme Chat"


def test_the_reports_tell_what_the_baseline_had_and_what_is_gone(tmp_path: Path) -> None:
    old = finding(before="before (Open WebUI 0.9.6, 2026-01-05)")
    gone = Gone("history-order", "break", "getChat", "Messages stand in order", "messages")
    run = verify_run(settings={"baseline": "before"})
    made = folder(tmp_path, run, *CHECKED, old, gone, replace(gone, operation="listChats", looked=False))
    judgement = judge(run, made)
    assert (judgement.verdict, len(judgement.before), len(judgement.drift)) == ("pass", 1, 0)
    assert "shows nothing that fails and was not in the baseline" in judgement.sentence
    write_reports(made)
    markdown, page, junit = ((tmp_path / name).read_text() for name in ("report.md", "report.html", "junit.xml"))
    assert "### Already in the baseline (1)" in markdown
    assert "### In the baseline, and not met again (2)" in markdown
    assert "not looked at in this run" in markdown
    assert '<section id="before" class="findings">' in page
    assert '<section id="gone">' in page
    assert "already in the baseline: before (Open WebUI 0.9.6, 2026-01-05)" in junit
    assert "history-order getChat messages" in junit
    assert "history-order listChats" not in junit


def test_places_that_differ_by_an_index_stay_apart_when_only_one_is_old(tmp_path: Path) -> None:
    run = verify_run()
    old = finding(where="$[0].id", before="an earlier run")
    judgement = judge(run, folder(tmp_path, run, *CHECKED, old, finding(where="$[1].id")))
    assert (judgement.exit_code, len(judgement.failing), len(judgement.before)) == (1, 1, 1)


def test_drift_of_the_baseline_does_not_fail_a_strict_run(tmp_path: Path) -> None:
    run = verify_run(strict=True)
    assert judge(run, folder(tmp_path, run, *CHECKED, finding(severity="drift", before="x"))).exit_code == 0


def test_what_is_no_baseline_ends_in_one_line_before_anything_is_asked(here: Command, tmp_path: Path) -> None:
    here("verify", "http://localhost:1", "--baseline", "nowhere").refused(2, "nowhere is not a run folder")
    baseline(tmp_path)
    with _reference() as url:
        here("verify", url, "--baseline", "before").refused(2, "'openwebui', and the target serves 'sessions'")


@contextmanager
def _reference(fault: str | None = None) -> Iterator[str]:
    with running(create_app(CONTRACT)) as url:
        if fault is None:
            yield url
        else:
            with running(Proxy(url, CONTRACT, named(fault))) as broken:
                yield broken


def test_a_run_on_a_broken_target_passes_with_its_baseline_and_its_drift_is_told(tmp_path: Path) -> None:
    """Broken, as broken as before, healthy, and healthy with another seed: what compare and --baseline make of it."""

    def verify(out: str, url: str, *more: str) -> Ended:
        return seatrial_command(tmp_path, "verify", url, "--disposable", "--out", out, *more, limit=180)

    def compare(*runs: str) -> Ended:
        return seatrial_command(tmp_path, "compare", *runs)

    with _reference("reply-without-model") as url:
        assert verify("broken", url).code == 1
        accepted = verify("accepted", url, "--baseline", "broken")
    with _reference() as url:
        well, mended = verify("well", url), verify("mended", url, "--seed", "7", "--baseline", "broken")
    assert [well.code, mended.code, accepted.code] == [0, 0, 0], accepted.out + accepted.err
    assert "already in the baseline" in accepted.out
    assert "Gone since the baseline" in mended.out
    findings = list(RunFolder(tmp_path / "accepted").rows("findings.jsonl", Finding))
    assert {one.before.partition(" ")[0] for one in findings if one.before} == {"broken"}
    assert "No drift" in compare("well", "mended").out
    told = compare("well", "broken")
    assert told.code == 1
    assert "sendMessage\n  the answer no longer has the field `model`" in told.out


def test_a_baseline_is_named_as_reports_name_it(here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run under seatrial-runs/ by its name alone, which the suite, a process of its own, has to find as well."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k models_are_named")
    baseline(tmp_path / "seatrial-runs", api="sessions")
    done = here("verify", "--baseline", "before", "--out", "run")
    assert done.code == 0, done
    assert RunFolder(tmp_path / "run").load().settings["baseline"] == "seatrial-runs/before"
