"""Deployments whose users may not delete their chats: what looks at deletion is named, and nothing false is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Command
from odd_openwebui import KEY, OddOpenWebUI
from suite_alone import crew_of, found, looked

from contract_tests import (
    test_access,
    test_changes,
    test_concurrency,
    test_lifecycle,
    test_replicas,
    test_state,
)
from contract_tests.check import Checker
from contract_tests.deletion import REASON
from contract_tests.test_conformance import _still_usable
from seatrial.crew import Crew
from seatrial.lab.serving import running

BOTH = pytest.mark.parametrize("name", ["verify", "load"])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OddOpenWebUI, Crew]]:
    fake = OddOpenWebUI(deletes=False)
    with crew_of(fake, tmp_path_factory.mktemp("run")) as crew:
        yield fake, crew


@pytest.mark.parametrize(
    ("test", "pair"),
    [
        (test_lifecycle.test_what_was_deleted_does_not_come_back, ("deleted-gone", "listChats")),
        (test_lifecycle.test_what_was_deleted_is_gone_and_the_rest_stays, ("siblings-stay", "getChat")),
        (test_concurrency.test_sessions_deleted_at_once_are_gone_and_no_other, ("parallel-kept", "deleteChat")),
        (test_replicas.test_what_was_written_is_read_on_every_connection, ("answers-agree", "deleteChat")),
        (test_state.test_the_server_agrees_after_any_sequence_of_steps, ("state-agrees", "deleteChat")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_needs_a_deletion_is_named_where_there_is_none(
    kept: tuple[OddOpenWebUI, Crew], test: Callable[..., None], pair: tuple[str, str]
) -> None:
    log = looked(*kept, test)
    assert (found(log), log.skips.get(pair)) == ([], REASON)
    assert log.statuses["deleteChat"][200] == 0


def test_a_search_is_looked_at_without_a_deletion(kept: tuple[OddOpenWebUI, Crew]) -> None:
    log = looked(*kept, test_changes.test_search_finds_a_chat_until_it_is_deleted)
    assert log.skips == {("search-finds", "deleteChat"): REASON}
    assert not any("deleted" in line for line in found(log))


def test_who_may_delete_nothing_proves_nothing_about_others(kept: tuple[OddOpenWebUI, Crew]) -> None:
    log = looked(*kept, test_access.test_a_second_account_is_kept_out)
    assert "may not delete" in log.skips["other-cannot-delete", "deleteChat"]
    assert log.statuses["deleteChat"].total() == 0


def test_an_account_that_may_not_delete_is_not_spoiled_by_that(kept: tuple[OddOpenWebUI, Crew]) -> None:
    fake, crew = kept
    operation = crew.contract.operation("createChat")

    def after(crew: Crew, check: Checker) -> None:
        assert _still_usable(crew, check, crew.people[-1], operation, [])

    assert found(looked(fake, crew, after)) == []


@BOTH
@pytest.mark.parametrize("token", ["token-of-ana", KEY], ids=["a person", "a key"])
def test_accounts_that_would_keep_what_a_run_makes_are_refused_before_anything_is_made(
    here: Command, monkeypatch: pytest.MonkeyPatch, name: str, token: str
) -> None:
    fake = OddOpenWebUI(deletes=False)
    fake.join("ana")
    monkeypatch.setenv("SEATRIAL_TOKEN", token)
    with running(fake.app) as url:
        here(name, url).refused(2, "may not delete chats on this deployment", "give --admin", "--disposable")
    assert fake.chats == {}


def test_accounts_that_may_be_written_to_freely_may_keep_it(tmp_path: Path) -> None:
    fake = OddOpenWebUI(deletes=False)
    with crew_of(fake, tmp_path, token=(fake.join("ana"),), disposable=True) as crew:
        assert [person.account.deletes for person in crew.people] == [False]
        assert crew.notes == ["ana@example.org may not delete chats: an administrator has to remove what stays"]


def test_an_administrator_needs_no_permission(tmp_path: Path) -> None:
    with crew_of(OddOpenWebUI(deletes=False), tmp_path, token=("token-of-boss",)) as crew:
        assert [person.account.deletes for person in crew.people] == [True]
