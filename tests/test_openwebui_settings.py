"""A released Open WebUI set up as fewer are: chats that stay, polling, signing in by a header, models' own ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from command_line import Ended, seatrial_command

from contract_tests.deletion import REASON
from contract_tests.unstreamed import RULES
from seatrial.contract import Contract
from seatrial.lab.children import provider_process
from seatrial.lab.openwebui import ADMIN_EMAIL, boot
from seatrial.lab.openwebui_install import DEFAULT_VERSION, install
from seatrial.lab.script import Script
from seatrial.markers import MAIL_DOMAIN
from seatrial.records import Finding, RunFolder, Skip
from seatrial.samples import Sample

pytestmark = pytest.mark.openwebui

CALL = Contract.load().call
HEADER = "X-Signed-In-As"
SETTINGS = {
    "USER_PERMISSIONS_CHAT_DELETE": "false",
    "ENABLE_WEBSOCKET_SUPPORT": "false",
    "WEBUI_AUTH_TRUSTED_EMAIL_HEADER": HEADER,
    "ENABLE_PASSWORD_VALIDATION": "true",
}


@pytest.fixture(scope="module")
def odd() -> Iterator[tuple[str, str]]:
    """Its URL, and the token of its administrator."""
    install(DEFAULT_VERSION)
    with provider_process(Script(first_token=0.0, gap=0.0)) as provider:
        with boot(DEFAULT_VERSION, provider_url=provider, more=SETTINGS) as booted:
            login = CALL("signIn", json={"email": "", "password": ""})
            known = {HEADER: booted.admin_email}
            answer = httpx.post(booted.url + login.path, json=login.json, headers=known, timeout=30)
            yield booted.url, answer.json()["token"]


def verified(odd: tuple[str, str], folder: Path, *arguments: str, only: str = "") -> tuple[Ended, RunFolder]:
    env = {"SEATRIAL_ADMIN_TOKEN": odd[1]} | ({"PYTEST_ADDOPTS": f"-k '{only}'"} if only else {})
    ended = seatrial_command(folder, "verify", odd[0], *arguments, "--out", "run", env=env, limit=400)
    return ended, RunFolder(folder / "run")


def test_it_passes_and_what_was_not_checked_is_named(odd: tuple[str, str], tmp_path: Path) -> None:
    ended, folder = verified(odd, tmp_path)
    assert ended.code == 0, ended
    assert [finding for finding in folder.rows("findings.jsonl", Finding) if not finding.known] == []
    skips = {(skip.rule, skip.operation): skip.reason for skip in folder.rows("checks.jsonl", Skip)}
    assert {rule for (rule, _), reason in skips.items() if reason == REASON} == {
        "deleted-gone", "siblings-stay", "answers-agree", "parallel-kept", "state-agrees", "search-finds",
        "bad-input-harmless",
    }  # fmt: skip
    assert "polling" in skips["turn-delivered", "createChatCompletion"]
    assert "auth_trusted_header" in skips["valid-use", "signIn"]
    assert folder.load().left_behind == []


def test_a_load_leaves_the_deletion_to_the_end(odd: tuple[str, str], tmp_path: Path) -> None:
    """Nobody asks for what nobody may; and what was said goes with the accounts."""
    arguments = ("--users", "2", "--think", "0.2s", "--turns", "2", "--duration", "12s")
    ended = seatrial_command(tmp_path, "load", odd[0], *arguments, "--out", "run", env={"SEATRIAL_ADMIN_TOKEN": odd[1]})
    folder = RunFolder(tmp_path / "run")
    run = folder.load()
    assert (ended.code, run.left_behind) == (0, []), ended
    assert run.counts["stored"] == run.counts["acknowledged"] > 0
    assert run.counts["undeleted"] > 0
    assert not any(sample.operation == "deleteChat" for sample in folder.rows("samples/*.jsonl", Sample))
    assert any("may not delete" in note for note in run.notes)


def test_an_account_that_would_keep_its_chats_is_refused(odd: tuple[str, str], tmp_path: Path) -> None:
    url, admin = odd
    bearer = {"Authorization": f"Bearer {admin}"}
    made = CALL("addUser", json={"name": "a", "email": "a@seatrial.invalid", "password": "P4ss-word", "role": "user"})
    account = httpx.post(url + made.path, json=made.json, headers=bearer, timeout=30).json()
    try:
        ended = seatrial_command(tmp_path, "verify", url, env={"SEATRIAL_TOKEN": account["token"]})
        ended.refused(2, "may not delete chats on this deployment")
        listed = CALL("listChats")
        answer = httpx.get(url + listed.path, headers={"Authorization": f"Bearer {account['token']}"}, timeout=30)
        assert answer.json() == []
    finally:
        httpx.delete(url + CALL("deleteUser", account["id"]).path, headers=bearer, timeout=30)


def test_a_front_that_names_one_person_for_everybody_is_told(odd: tuple[str, str], tmp_path: Path) -> None:
    env = {"SEATRIAL_ADMIN_TOKEN": odd[1], "SEATRIAL_HEADER": f"{HEADER}: {ADMIN_EMAIL}"}
    ended = seatrial_command(tmp_path, "verify", odd[0], env=env)
    ended.refused(2, "names one person for every request")
    assert left(odd) == []


def test_where_people_may_only_chat_temporarily_that_is_told(odd: tuple[str, str], tmp_path: Path) -> None:
    url, bearer = odd[0], {"Authorization": f"Bearer {odd[1]}"}
    place = f"{url}/api/v1/users/default/permissions"
    before = httpx.get(place, headers=bearer, timeout=30).json()
    enforced = before | {"chat": before["chat"] | {"temporary": True, "temporary_enforced": True}}
    assert httpx.post(place, json=enforced, headers=bearer, timeout=30).status_code == 200
    try:
        for words in (("verify", url), ("load", url, "--duration", "2s", "--users", "2")):
            ended = seatrial_command(tmp_path, *words, env={"SEATRIAL_ADMIN_TOKEN": odd[1]})
            ended.refused(2, "may only chat temporarily")
        assert left(odd) == []
    finally:
        assert httpx.post(place, json=before, headers=bearer, timeout=30).status_code == 200


def left(odd: tuple[str, str]) -> list[str]:
    """Accounts of runs that are still there."""
    asked = CALL("searchUsers", query={"query": "seatrial-"})
    bearer = {"Authorization": f"Bearer {odd[1]}"}
    answer = httpx.get(odd[0] + asked.path, params=dict(asked.params), headers=bearer, timeout=30).json()
    return [user["email"] for user in answer["users"] if user["email"].endswith(MAIL_DOMAIN)]


@pytest.fixture
def model(odd: tuple[str, str], request: pytest.FixtureRequest) -> Iterator[str]:
    """A model of its own, with a word on streaming."""
    url, admin = odd
    bearer = {"Authorization": f"Bearer {admin}"}
    row = {"id": f"streams-{request.param}".lower(), "name": "odd", "base_model_id": "seatrial-model", "meta": {}}
    row |= {"params": {"stream_response": request.param}}
    models = f"{url}/api/v1/models"
    assert httpx.post(f"{models}/create", json=row, headers=bearer, timeout=30).status_code == 200
    yield row["id"]
    httpx.post(f"{models}/model/delete", json={"id": row["id"]}, headers=bearer, timeout=30)


@pytest.mark.parametrize("model", [False], indirect=True)
def test_a_model_that_does_not_stream_is_looked_at_all_the_same(
    odd: tuple[str, str], tmp_path: Path, model: str
) -> None:
    only = "do_not_mix or stream or turn or stopped or counts"
    ended, folder = verified(odd, tmp_path, "--model", model, only=only)
    assert ended.code == 0, ended
    told = [skip.rule for skip in folder.rows("checks.jsonl", Skip) if skip.reason == "the model is set not to stream"]
    assert sorted(told) == sorted(RULES)


@pytest.mark.parametrize("model", [True], indirect=True)
def test_a_model_that_always_streams_is_told_in_one_line(odd: tuple[str, str], tmp_path: Path, model: str) -> None:
    ended, folder = verified(odd, tmp_path, "--model", model)
    assert ended.code == 3, ended
    assert list(folder.rows("findings.jsonl", Finding)) == []
    assert "streams whatever is asked" in (folder.load().problem or "")
    assert folder.load().left_behind == []
