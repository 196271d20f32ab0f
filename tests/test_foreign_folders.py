"""Run folders that somebody else has made: they choose no host, no account and no file but their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Command, seatrial_command
from fake_openwebui import ADMIN, FakeOpenWebUI
from report_runs import CHECKED, finding, folder, verify_run

from seatrial.cli.replaying import as_in
from seatrial.contract import Contract, default_path
from seatrial.errors import ContractError, WrongUse
from seatrial.lab.serving import running
from seatrial.ledger import Ledger
from seatrial.records import DiskFull, Recorder, Run, RunFolder
from seatrial.settings import Settings

BOSS = {"SEATRIAL_ADMIN": f"{ADMIN}:secret"}


def test_a_contract_that_a_folder_names_is_not_taken(tmp_path: Path) -> None:
    run = verify_run(contract=str(tmp_path / "evil.yaml"))
    with pytest.raises(WrongUse, match="held to a contract of its own; give it again: --contract"):
        as_in(run, Settings(), given=set())
    assert as_in(run, Settings(contract="mine.yaml"), given=set()).contract == "mine.yaml"
    assert as_in(verify_run(contract=default_path().name), Settings(), given=set()).contract is None


def test_a_path_that_would_be_another_host_is_refused(tmp_path: Path) -> None:
    evil = tmp_path / "evil.yaml"
    evil.write_text(default_path().read_text("utf-8").replace("  /api/v1/auths/signin:", "  x-a.evil.example/steal:"))
    with pytest.raises(ContractError, match=r"evil\.yaml:\d+: the path x-a\.evil\.example/steal does not begin with /"):
        Contract.load(evil)


def ledger_of(path: Path, kind: str, name: str) -> None:
    path.write_text(json.dumps({"event": "made", "key": 1, "kind": kind, "account": "admin", "id": name}) + "\n")


@pytest.mark.parametrize("marker", ["seatrial-0a1b2c3d", "seatrial-"])
def test_an_account_that_is_none_of_a_run_is_not_removed(tmp_path: Path, marker: str) -> None:
    """With the administrator's credentials that are given to clean up with."""
    fake, path = FakeOpenWebUI(), tmp_path / "run"
    path.mkdir()
    people = {"token-of-colleague": "ana@example.org", "token-of-bot": f"{marker}-bot@example.org"}
    for token, email in people.items():
        fake.accounts[token] = {"id": email, "email": email, "role": "user"}
    with running(fake.app) as url:
        RunFolder(path).save(Run("verify", url, "openwebui", id=marker))
        lines = [
            {"event": "made", "key": number, "kind": "user", "account": "admin", "id": email}
            for number, email in enumerate(people.values(), 1)
        ]
        (path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        ended = seatrial_command(tmp_path, "clean", "run", env=BOSS)
    assert people.keys() <= fake.accounts.keys(), ended


def test_nothing_is_gone_that_nobody_asked_for(tmp_path: Path) -> None:
    """An account that the ledger knows by another address than the run's."""

    class Searching(FakeOpenWebUI):
        def _search_users(self, *_: object) -> object:
            return {"users": [], "total": 0}

    fake, path = Searching(), tmp_path / "run"
    path.mkdir()
    with running(fake.app) as url:
        RunFolder(path).save(Run("verify", url, "openwebui", id="seatrial-0a1b2c3d"))
        ledger_of(path / "ledger.jsonl", "user", "colleague")
        ended = seatrial_command(tmp_path, "clean", "run", env=BOSS)
    assert ended.code == 3, ended
    assert "user colleague of admin" in ended.out


def test_a_url_in_another_form_is_no_other_target(tmp_path: Path) -> None:
    fake, path = FakeOpenWebUI(), tmp_path / "run"
    path.mkdir()
    with running(fake.app) as url:
        RunFolder(path).save(Run("verify", url.replace("http", "HTTP") + "/", "openwebui", id="seatrial-0a1b2c3d"))
        ledger_of(path / "ledger.jsonl", "chat", "chat-1")  # gone already
        assert seatrial_command(tmp_path, "clean", "run", env=BOSS).code == 0


def test_an_account_of_a_run_that_never_wrote_down_its_name_is_removed(tmp_path: Path) -> None:
    fake, path = FakeOpenWebUI(), tmp_path / "run"
    path.mkdir()
    email = "seatrial-0a1b2c3d-4e5f6a@seatrial.invalid"
    fake.accounts["token-of-it"] = {"id": "it", "email": email, "role": "user"}
    with running(fake.app) as url:
        RunFolder(path).save(Run("verify", url, "openwebui"))
        events = [
            {"event": "intend", "key": 1, "kind": "user", "account": "admin", "marker": email},
            {"event": "made", "key": 1, "kind": "user", "account": "admin", "id": "it"},
        ]
        (path / "ledger.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        ended = seatrial_command(tmp_path, "clean", "run", env=BOSS)
    assert ended.code == 0, ended
    assert list(fake.accounts) == ["token-of-boss"]


def test_what_is_not_there_is_not_gone_where_the_run_never_was(tmp_path: Path) -> None:
    """A wrong --url: everything answers 404 there, and what was made stays where it is."""
    here, wrong, path = FakeOpenWebUI(), FakeOpenWebUI(), tmp_path / "run"
    path.mkdir()
    here.chats["chat-1"] = {"id": "chat-1", "title": "[seatrial-0a1b2c3d]", "user_id": "boss"}
    with running(here.app) as url, running(wrong.app) as other:
        RunFolder(path).save(Run("verify", url, "openwebui", id="seatrial-0a1b2c3d"))
        ledger_of(path / "ledger.jsonl", "chat", "chat-1")
        ended = seatrial_command(tmp_path, "clean", "run", "--url", other, env=BOSS)
        assert ended.code == 3, ended
        assert "chat chat-1 of admin" in ended.out
        assert seatrial_command(tmp_path, "clean", "run", env=BOSS).code == 0
    assert here.chats == {}


def test_where_something_of_a_run_is_the_rest_is_gone(tmp_path: Path) -> None:
    moved, path = FakeOpenWebUI(), tmp_path / "run"
    path.mkdir()
    moved.chats["chat-2"] = {"id": "chat-2", "title": "[seatrial-0a1b2c3d]", "user_id": "boss"}
    with running(moved.app) as url:
        RunFolder(path).save(Run("verify", "http://127.0.0.1:9", "openwebui", id="seatrial-0a1b2c3d"))
        lines = [{"event": "made", "key": n, "kind": "chat", "account": "admin", "id": f"chat-{n}"} for n in (1, 2)]
        (path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        ended = seatrial_command(tmp_path, "clean", "run", "--url", url, env=BOSS)
    assert ended.code == 0, ended
    assert moved.chats == {}


def test_a_link_in_a_folder_is_not_written_through(here: Command, tmp_path: Path) -> None:
    made = folder(tmp_path / "run", verify_run(), *CHECKED, finding())
    precious = tmp_path / "precious"
    precious.write_text("mine", "utf-8")
    for name in ("report.html", "report.md", "junit.xml"):
        (made.path / f".{name}.part").symlink_to(precious)
    assert here("report", "run").code == 1
    assert (made.path / "report.html").is_file()
    for name, opened in (("ledger.jsonl", Ledger), ("more.jsonl", Recorder)):
        (made.path / name).unlink(missing_ok=True)
        (made.path / name).symlink_to(precious)
        with pytest.raises(DiskFull):
            opened(made.path / name)
    assert precious.read_text("utf-8") == "mine"


def test_what_is_told_as_json_moves_nothing_on_the_screen(here: Command, tmp_path: Path) -> None:
    folder(tmp_path / "run", verify_run(target="http://x/\x9b2J\u202e\x7f"), *CHECKED)
    told = here("report", "run", "--json").out
    assert not {"\x9b", "\u202e"} & set(told)
    assert json.loads(told)["target"] == "http://x/\x9b2J\u202e\x7f"
