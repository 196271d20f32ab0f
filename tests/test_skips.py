"""What a verification does not look at is told: by its rules where they are known, else by a note."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import seatrial_command

from contract_tests.conftest import _alone
from contract_tests.log import Log
from contract_tests.plugin import Plugin
from contract_tests.test_access import LISTS, PAIRS
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.known import Acceptance
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.records import RunFolder, Skip
from seatrial.target import Account

CONTRACT = Contract.load()
ACROSS = {
    ("other-cannot-read", "getHistory"),
    ("other-cannot-write", "sendMessage"),
    ("other-cannot-delete", "deleteSession"),
    ("other-cannot-list", "listSessions"),
}


@pytest.mark.parametrize(
    ("tokens", "reason", "advised"),
    [("ana", "needs a second account: give two --token", True), ("", "it may be open on purpose", False)],
    ids=["one account", "none"],
)
def test_without_a_second_account_the_rules_between_accounts_are_named(
    tmp_path: Path, tokens: str, reason: str, advised: bool
) -> None:
    env = {"PYTEST_ADDOPTS": "-k 'another_owner or models_are_named'"} | ({"SEATRIAL_TOKEN": tokens} if tokens else {})
    with running(create_app(CONTRACT, tokens=[tokens] if tokens else [])) as url:
        ended = seatrial_command(tmp_path, "verify", url, "--out", "run", env=env)
    assert ended.code == 0, ended
    skips = list(RunFolder(tmp_path / "run").rows("checks.jsonl", Skip))
    assert {(skip.rule, skip.operation) for skip in skips if reason in skip.reason} == ACROSS
    report = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert ("Give two accounts" in report) == advised


def of_two(api: str, role: str | None) -> Any:
    people = [SimpleNamespace(account=Account("one", "a-token")), SimpleNamespace(account=Account("two", role=role))]
    return SimpleNamespace(api=api, people=people)


def test_an_administrator_is_no_second_account() -> None:
    assert "administrator" in _alone(of_two(OPENWEBUI, "admin"))
    assert "does not say" in _alone(of_two(OPENWEBUI, None))
    assert (_alone(of_two(OPENWEBUI, "user")), _alone(of_two(SESSIONS, None))) == ("", "")


def plugin() -> Plugin:
    made = Plugin()
    log = Log(CONTRACT, "http://target.invalid", Acceptance(None))
    made.verification = SimpleNamespace(log=log, notes=[])  # type: ignore[assignment]
    return made


def item(*pairs: tuple[str, str]) -> Any:
    marker = SimpleNamespace(args=pairs) if pairs else None
    return SimpleNamespace(name="test_a_thing_is_so", get_closest_marker=lambda name: marker)


def test_a_skipped_test_leaves_the_rules_it_is_marked_with_unless_it_named_them_itself() -> None:
    net = plugin()
    assert net.verification is not None
    net.verification.log.skip(*PAIRS[0], "its own reason")
    net._left_out(item(*PAIRS, *LISTS), "nobody else is there")
    assert set(net.verification.log.skips) == {*PAIRS, *LISTS}
    assert net.verification.log.skips[PAIRS[0]] == "its own reason"
    assert net.verification.notes == []


def test_a_skipped_test_that_named_nothing_is_a_note() -> None:
    net = plugin()
    assert net.verification is not None
    net._left_out(item(), "it rained")
    assert net.verification.notes == ["not checked, a thing is so: it rained"]
    net.verification.log.skip("deleted-gone", "deleteChat", "no deletion")
    net._left_out(item(), "no deletion")
    assert len(net.verification.notes) == 1
