"""Cleaning up what was created without an answer, and for accounts that come back in another order."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended, seatrial_command
from fake_openwebui import FakeOpenWebUI
from hostile_server import Peer, hostile
from nastiness import ENDLESS
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send

from seatrial.cleaning import MOST_UNANSWERED, Cleaner
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.ledger import Ledger, marker_of, open_entries
from seatrial.records import Run, RunFolder
from seatrial.target import Account, Target

CONTRACT = Contract.load()
ANA, RUI = Account("account 1", "owner-ana-0123456789"), Account("account 2", "owner-rui-0123456789")


both_ways = pytest.mark.parametrize("order", [(ANA, RUI), (RUI, ANA)], ids=["in order", "turned round"])


def forbids(peer: Peer) -> None:
    peer.say(b"HTTP/1.1 403 X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")


class Cut:
    """A run of two owners that was killed: what it made, what it may have made, and what was there before."""

    def __init__(self, url: str, place: Path) -> None:
        self.url, self.folder = url, place / "run"
        self.folder.mkdir()
        accounts = [{"label": account.label, "id": None} for account in (ANA, RUI)]
        RunFolder(self.folder).save(Run("verify", url, "sessions", id="seatrial-0a1b2c3d", accounts=accounts))
        self.ledger = Ledger(self.folder / "ledger.jsonl")

    def create(self, account: Account, *, heard: bool = True, by_the_run: bool = True) -> str:
        call = CONTRACT.call("createSession")
        with Client(Target(self.url), account) as client:
            if by_the_run:
                self.ledger.before(account, call)
            reply = client.send(call)
            if by_the_run:
                self.ledger.after(account, call, reply if heard else NoAnswer(call, "killed"))
        return str(reply.document()["id"])

    def know(self) -> None:
        """Write down what each has, as a run does before it begins."""
        for account in (ANA, RUI):
            self.ledger.found(account.label, sorted(self.listed(account)))

    def listed(self, account: Account) -> set[str]:
        with Client(Target(self.url), account) as client:
            return {row["id"] for row in client.send(CONTRACT.call("listSessions")).document()["sessions"]}

    def say(self, account: Account, session: str) -> None:
        with Client(Target(self.url), account) as client:
            assert client.send(CONTRACT.call("sendMessage", json={"prompt": "x", "session_id": session})).status == 200

    def cleaned(self, *accounts: Account, disposable: bool = False) -> Ended:
        given = {"SEATRIAL_TOKEN": "\n".join(account.token or "" for account in accounts)}
        given |= {"SEATRIAL_DISPOSABLE": "1"} if disposable else {}
        return seatrial_command(self.folder.parent, "clean", str(self.folder), env=given)


@pytest.fixture
def cut(tmp_path: Path) -> Iterator[Cut]:
    with running(create_app(CONTRACT, tokens=[ANA.token or "", RUI.token or ""])) as url:
        it = Cut(url, tmp_path)
        yield it
        it.ledger.close()


@both_ways
def test_the_sessions_of_every_account_go_in_whatever_order_the_tokens_come(
    cut: Cut, order: tuple[Account, Account]
) -> None:
    for account in (ANA, RUI, ANA):
        cut.create(account)
    ended = cut.cleaned(*order)
    assert ended.code == 0, ended
    assert "nothing is left" in ended.out
    assert cut.listed(ANA) == cut.listed(RUI) == set()


@both_ways
def test_a_session_whose_creation_was_never_answered_goes_from_an_account_that_may_be_written_to(
    cut: Cut, order: tuple[Account, Account]
) -> None:
    old, hers = cut.create(ANA, by_the_run=False), cut.create(RUI, by_the_run=False)
    cut.know()
    cut.create(ANA, heard=False)
    spoken = cut.create(ANA, by_the_run=False)
    cut.say(ANA, spoken)
    ended = cut.cleaned(*order, disposable=True)
    assert ended.code == 0, ended
    # What was there before stays, and what somebody has spoken in: the run's own orphan is empty.
    assert (cut.listed(ANA), cut.listed(RUI)) == ({old, spoken}, {hers})
    assert open_entries(cut.folder / "ledger.jsonl") == []


def test_on_a_shared_account_it_is_named_and_stays(cut: Cut) -> None:
    cut.know()
    orphan = cut.create(ANA, heard=False)
    ended = cut.cleaned(ANA, RUI)
    assert ended.code == 3, ended
    assert f"it is among {orphan}, which others may have made" in ended.out
    assert cut.listed(ANA) == {orphan}


def test_a_creation_that_made_nothing_is_settled(cut: Cut) -> None:
    cut.know()
    cut.ledger.before(ANA, CONTRACT.call("createSession"))
    assert cut.cleaned(ANA, RUI).code == 0
    assert open_entries(cut.folder / "ledger.jsonl") == []


def test_what_somebody_else_was_told_is_not_there_is_removed_all_the_same(cut: Cut) -> None:
    made = cut.create(ANA)
    with Client(Target(cut.url), RUI, on_exchange=cut.ledger.after) as rui:
        assert rui.send(CONTRACT.call("deleteSession", made)).status == 404
    assert cut.cleaned(ANA, RUI).code == 0
    assert cut.listed(ANA) == set()


def test_with_fewer_accounts_than_the_run_had_what_is_not_found_is_told(cut: Cut) -> None:
    """The one that is given may be the other one, and knows nothing of what is there."""
    cut.know()
    made = cut.create(ANA)
    cut.create(RUI)
    cut.ledger.before(ANA, CONTRACT.call("createSession"))
    ended = cut.cleaned(RUI, disposable=True)
    assert ended.code == 3, ended
    told = [line.strip() for line in ended.out.splitlines()[1:]]
    assert [line.partition(":")[0] for line in told] == [
        f"session {made} of account 1",
        "a session of account 1 may exist",
    ]
    assert (cut.listed(ANA), cut.listed(RUI)) == ({made}, set())
    assert cut.cleaned(ANA, RUI, disposable=True).code == 0
    assert cut.listed(ANA) == set()


def test_a_removal_that_is_refused_is_told_also_of_what_was_never_confirmed(cut: Cut, tmp_path: Path) -> None:
    cut.know()
    orphan = cut.create(ANA, heard=False)
    given = {"SEATRIAL_TOKEN": f"{ANA.token}\n{RUI.token}", "SEATRIAL_DISPOSABLE": "1"}
    with hostile(cut.url, {"deleteSession": forbids}) as server:
        ended = seatrial_command(tmp_path, "clean", str(cut.folder), "--url", server.url, env=given)
    assert ended.code == 3, ended
    assert f"session {orphan} of account 1" in ended.out
    assert cut.cleaned(ANA, RUI, disposable=True).code == 0
    assert cut.listed(ANA) == set()


def test_without_a_word_of_what_was_there_before_nothing_is_guessed(cut: Cut) -> None:
    orphan = cut.create(ANA, heard=False)
    ended = cut.cleaned(ANA, RUI, disposable=True)
    assert ended.code == 3
    assert "may exist" in ended.out
    assert cut.listed(ANA) == {orphan}


def test_a_folder_of_a_run_that_never_began_is_clean(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "ledger.jsonl").touch()
    ended = seatrial_command(tmp_path, "clean", str(folder))
    assert (ended.code, ended.err) == (0, "")
    assert "before it made anything" in ended.out


def test_a_chat_that_the_server_makes_is_known_by_the_prompt_that_began_it() -> None:
    body = {"parent_id": None, "user_message": {"content": "x" * 300 + "(0a1b2c3d-ffeedd)"}}
    assert marker_of(Call("createChatCompletion", "POST", "/c", json=body)).endswith("(0a1b2c3d-ffeedd)")


def test_a_target_that_removes_nothing_and_says_nothing_is_left_soon(cut: Cut, tmp_path: Path) -> None:
    for _ in range(30):
        cut.create(ANA)
    with hostile(cut.url, {"deleteSession": ENDLESS["silence"]}) as server:
        given = {"SEATRIAL_TOKEN": f"{ANA.token}\n{RUI.token}", "SEATRIAL_TIMEOUT": "0.5"}
        ended = seatrial_command(tmp_path, "clean", str(cut.folder), "--url", server.url, env=given)
        assert server.asked["deleteSession"] == MOST_UNANSWERED
    assert ended.code == 3
    assert len(ended.out.splitlines()) == 1 + 30
    assert cut.cleaned(ANA, RUI).code == 0
    assert cut.listed(ANA) == set()


def test_what_is_removed_is_removed_where_it_was_made(cut: Cut, tmp_path: Path) -> None:
    """On another target it is not there, which is how it looks once it is gone."""
    made = cut.create(ANA)
    with running(create_app(CONTRACT, tokens=[ANA.token or "", RUI.token or ""])) as elsewhere:
        (tmp_path / "seatrial.toml").write_text(f'url = "{elsewhere}"\n', "utf-8")
        assert cut.listed(ANA) == {made}
        assert cut.cleaned(ANA, RUI).code == 0  # behind it nobody has such a session any more
    assert open_entries(cut.folder / "ledger.jsonl") == []


def test_a_run_that_cannot_be_cleaned_keeps_nobody_from_the_others(cut: Cut, tmp_path: Path) -> None:
    runs = tmp_path / "seatrial-runs"
    cut.create(ANA)
    for name, url in (("1-dead", "http://127.0.0.1:1"), ("3-dead", "http://127.0.0.1:1"), ("4-here", cut.url)):
        shutil.copytree(cut.folder, runs / name)
        folder = RunFolder(runs / name)
        folder.save(replace(folder.load(), target=url))
    (runs / "2-broken").mkdir()
    (runs / "2-broken" / "run.json").write_text("{", "utf-8")
    given = {"SEATRIAL_TOKEN": f"{ANA.token}\n{RUI.token}"}
    several = seatrial_command(tmp_path, "clean", "--url", cut.url, env=given)
    assert (several.code, "on 2 targets (" in several.line) == (2, True)
    ended = seatrial_command(tmp_path, "clean", env=given)
    assert ended.code == 2, ended
    told = [line.split(": ")[1] for line in ended.err.splitlines()]
    assert told == [f"seatrial-runs/{name}" for name in ("2-broken", "1-dead", "3-dead")]
    assert cut.listed(ANA) == set()
    assert len(open_entries(runs / "1-dead" / "ledger.jsonl")) == 1


class Locked(FakeOpenWebUI):
    """One that removes no account while it is locked."""

    locked = True

    def _delete_user(self, user: Any, body: Any, user_id: str) -> Any:
        return JSONResponse({"detail": "no"}, 403) if self.locked else super()._delete_user(user, body, user_id)


@pytest.fixture
def unconfirmed(tmp_path: Path) -> Iterator[tuple[Locked, Callable[[Contract], list[str]]]]:
    """An Open WebUI on which an account was made without an answer, and what removes it and says what is left."""
    fake, ledger, marker = Locked(), Ledger(tmp_path / "ledger.jsonl"), "seatrial-0a1b2c3d"
    with running(fake.app) as url, Client(Target(url, "openwebui"), Account("admin", "token-of-boss")) as admin:
        call = CONTRACT.call("addUser", json={"email": f"{marker}-x@seatrial.invalid", "role": "user"})
        ledger.before(admin.account, call)
        admin.send(call)
        yield fake, lambda contract: Cleaner(ledger, contract, {"admin": admin}, admin, marker).clean()
        ledger.close()


def test_an_account_that_may_have_been_made_is_told_until_it_is_gone(
    unconfirmed: tuple[Locked, Callable[[Contract], list[str]]],
) -> None:
    fake, clean = unconfirmed
    made = list(fake.accounts.values())[-1]["id"]
    assert clean(CONTRACT) == [f"user {made} of admin"]
    fake.locked = False
    assert clean(CONTRACT) == []
    assert list(fake.accounts) == ["token-of-boss"]


def test_where_accounts_cannot_be_looked_for_none_counts_as_gone(
    unconfirmed: tuple[Locked, Callable[[Contract], list[str]]],
) -> None:
    _, clean = unconfirmed
    document = copy.deepcopy(dict(CONTRACT.document))
    where = CONTRACT.operation("searchUsers").path
    del document["paths"][where]
    (told,) = clean(Contract(document, "mine.yaml"))
    assert told.startswith("a user of admin may exist")


def test_what_wants_a_token_of_everybody_is_cleaned_behind_it(cut: Cut) -> None:
    cut.create(ANA)
    inner = create_app(CONTRACT, tokens=[ANA.token or "", RUI.token or ""])

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        known = scope["type"] != "http" or any(b"0123456789" in value for _, value in scope["headers"])
        await (inner if known else PlainTextResponse("who are you?", 401))(scope, receive, send)

    with running(front) as url:
        RunFolder(cut.folder).save(replace(RunFolder(cut.folder).load(), target=url))
        assert cut.cleaned(ANA, RUI).code == 0  # behind it nobody has such a session any more
    assert open_entries(cut.folder / "ledger.jsonl") == []


def test_an_id_of_a_target_moves_nothing_on_the_screen(cut: Cut) -> None:
    cut.know()
    call = CONTRACT.call("createSession")
    cut.ledger.before(ANA, call)
    cut.ledger.after(ANA, call, Reply(call, 200, {"content-type": "application/json"}, b'{"id": "s\\u001b[2J1"}'))
    cut.create(RUI)
    ended = cut.cleaned(RUI)
    assert "s\\x1b[2J1 of account 1" in ended.out
    assert "\x1b" not in ended.out
