"""`seatrial clean` of a run that several processes, or two after each other, have worked in."""

from __future__ import annotations

from pathlib import Path

from command_line import seatrial_command
from fake_openwebui import ADMIN, FakeOpenWebUI

from load.progress import FILE, Mustered
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.exchange import Reply
from seatrial.lab.serving import running
from seatrial.ledger import Ledger, open_entries
from seatrial.records import Recorder, Run, RunFolder
from seatrial.target import Account, Target

CONTRACT = Contract.load()


def test_of_a_load_of_many_workers_the_administrator_signs_in_once(tmp_path: Path) -> None:
    """Open WebUI takes fifteen sign-ins of an address in three minutes."""
    fake, folder = FakeOpenWebUI(), tmp_path / "run"
    folder.mkdir()
    with running(fake.app) as url:
        RunFolder(folder).save(Run("load", url, "openwebui", id="seatrial-0a1b2c3d"))
        admin = Account("admin", "token-of-boss")
        for number in range(1, 5):
            ledger = Ledger(folder / f"ledger-{number:02}.jsonl")
            with Client(Target(url, "openwebui"), admin, before=ledger.before, on_exchange=ledger.after) as client:
                body = {"email": f"seatrial-0a1b2c3d{number:02}-x@seatrial.invalid", "role": "user"}
                client.send(CONTRACT.call("addUser", json=body))
            ledger.close()
        ended = seatrial_command(tmp_path, "clean", "run", env={"SEATRIAL_ADMIN": f"{ADMIN}:secret"})
    assert ended.code == 0, ended
    assert list(fake.accounts) == ["token-of-boss"]
    assert fake.asked["signIn"] == 1


def test_a_verification_that_was_killed_in_its_load_is_cleaned_of_both(tmp_path: Path) -> None:
    """The load had more throwaway accounts than the suite, and a marker of its own."""
    fake, path = FakeOpenWebUI(), tmp_path / "run"
    path.mkdir()
    suite, load = "seatrial-0a1b2c3d", "seatrial-4e5f6a7b"
    with running(fake.app) as url:
        made = [{"label": "throwaway 1", "id": "gone", "throwaway": True}]
        RunFolder(path).save(Run("verify", url, "openwebui", id=suite, accounts=made))
        more = [{"label": f"throwaway {number}", "role": "user", "throwaway": True} for number in (1, 2)]
        progress = Recorder(path / FILE)
        progress.write(Mustered("openwebui", fake.version, "Open WebUI", "openapi.yaml", "scripted", load, more, []))
        progress.close()
        ledger, target = Ledger(path / "ledger.jsonl"), Target(url, "openwebui")
        with Client(target, Account("admin", "token-of-boss"), before=ledger.before, on_exchange=ledger.after) as admin:
            body = {"email": f"{load}-x@seatrial.invalid", "role": "user"}
            token = admin.send(CONTRACT.call("addUser", json=body)).document()["token"]
        who = Account("throwaway 2", token)
        with Client(target, who, before=ledger.before, on_exchange=ledger.after) as client:
            client.send(CONTRACT.call("createChat", json={"chat": {"title": f"[{load}] first"}}))
        ledger.close()
        ended = seatrial_command(tmp_path, "clean", "run", env={"SEATRIAL_ADMIN_TOKEN": "token-of-boss"})
    assert ended.code == 0, ended
    assert list(fake.accounts) == ["token-of-boss"]
    assert open_entries(path / "ledger.jsonl") == []


def test_what_was_made_on_a_server_that_ended_with_its_run_is_gone(tmp_path: Path) -> None:
    for name in ("verify", "capacity"):
        place = tmp_path / "seatrial-runs" / name
        inner = place / "levels" / "01" if name == "capacity" else place
        inner.mkdir(parents=True)
        RunFolder(place).save(Run(name, "http://127.0.0.1:9", "sessions", settings={"embedded": True}))
        RunFolder(inner).save(Run("load", "http://127.0.0.1:9", "sessions", settings={"embedded": True}))
        ledger, call = Ledger(inner / "ledger.jsonl"), CONTRACT.call("createSession")
        owner = Account("account 1")
        ledger.before(owner, call)
        ledger.after(owner, call, Reply(call, 200, {"content-type": "application/json"}, b'{"id": "s1"}'))
        ledger.before(owner, call)
        ledger.close()
    ended = seatrial_command(tmp_path, "clean")
    assert (ended.code, ended.err) == (0, ""), ended
    assert ended.out.count("the server was started for this run, and ended with it") == 2
    again = seatrial_command(tmp_path, "clean")
    assert (again.code, again.out) == (0, "no run under seatrial-runs/ left anything behind\n")
