"""The journey `browser`: the web app's calls and its socket, and every way in which a reply may not be told."""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import pytest
from command_line import seatrial_command
from fake_web_app import Way, WebApp, another_text, drops, fails, foreign_words, honest, mute, never_done, whole

from load.arrival import TIMESTAMP
from load.journeys import JOURNEYS
from load.locust_client import LoadActor, LoadClient
from load.part import Part, Visit
from load.recorder import LoadRecorder, Silent
from load.token_line import TokenLine
from seatrial.contract import Contract
from seatrial.exchange import NoAnswer
from seatrial.lab.serving import free_port, running
from seatrial.openwebui import OpenWebUIVerbs
from seatrial.records import Finding, RunFolder
from seatrial.samples import Integrity, Turned
from seatrial.target import Account, Target

CONTRACT = Contract.load()
BOSS = Account("boss", "token-of-boss")
MARKER = "seatrial-0a1b2c3d"
Row = dict[str, Any]


@dataclass
class Played:
    """What a journey recorded, and the deployment that it was made at."""

    record: Integrity
    app: WebApp
    rows: list[Row]

    @property
    def turns(self) -> list[str]:
        return [row["ended"] for row in self.rows if row["type"] == "Turned"]

    @property
    def requests(self) -> list[str]:
        return [row["operation"] for row in self.rows if row["type"] == "Sample"]

    @property
    def errors(self) -> list[str]:
        return [row["error"] for row in self.rows if row["type"] == "Sample" and not row["ok"]]


class Unheard:
    """In place of Locust's event."""

    def fire(self, **_: Any) -> None:
        """Nobody listens."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("load.journeys.browser"), "RECONNECT", 0.05)
    monkeypatch.setattr(importlib.import_module("load.journeys.session"), "LOOK_AGAIN", 0.05)


@contextmanager
def client(url: str, place: Path, account: Account = BOSS, timeout: float = 5.0) -> Iterator[LoadClient]:
    unheard: Any = Unheard()
    recorder = LoadRecorder(place / "samples" / "load.jsonl")
    here = LoadClient(Target(url, "openwebui", timeout=timeout), account, 1, recorder, unheard)
    here.session, here.journey = "1-1", "browser"
    yield here
    here.settle()
    here.close()
    recorder.close()


def played(
    place: Path, *ways: Way, turns: int = 2, account: Account = BOSS, timeout: float = 5.0, app: WebApp | None = None
) -> Played:
    app = app or WebApp(*ways)
    with running(app.served) as url, client(url, place, account, timeout) as here:
        actor = LoadActor(OpenWebUIVerbs(CONTRACT, "scripted"), here, gevent.sleep)
        visit = Visit("1-1", MARKER, f"[{MARKER}] load 1-1", turns)
        part = Part(visit, actor, here, CONTRACT, "scripted", lambda: True, gevent.sleep, lambda: 1.0, random.Random(0))
        record = JOURNEYS["browser"](part)
    rows = [json.loads(line) for file in (place / "samples").iterdir() for line in file.read_text().splitlines()]
    return Played(record, app, rows)


@pytest.mark.parametrize("way", [honest, whole], ids=["in pieces", "as a whole, as up to 0.10"])
def test_the_web_app_opens_chats_reads_lists_and_deletes(way: Way, tmp_path: Path) -> None:
    done = played(tmp_path, way)
    opening = ["getConfig", "listModels", "listChats", "createChat"]
    assert done.requests == [*opening, *["createChatCompletion"] * 2, "getChat", "listChats", "deleteChat"]
    assert (done.record.turns, done.record.acknowledged, done.record.stored, done.record.refused) == (2, 4, 4, 0)
    assert (done.record.deleted, done.record.detail, done.app.chats) == (True, "", {})
    assert done.errors == []
    assert done.app.joined == [BOSS.token]
    assert done.app.wishes == [
        {"title_generation": True, "tags_generation": True, "follow_up_generation": True},
        {"follow_up_generation": True},
    ]
    for row in (row for row in done.rows if row["type"] == "Turned"):
        assert (row["way"], row["ended"], len(row["gaps"])) == ("socket", "done", 5)
        assert row["ms"] >= row["first"] + sum(row["gaps"]) - 0.01


@pytest.mark.parametrize(
    ("way", "harm", "told"),
    [
        (another_text, "truncated", "of the reply of turn 1 the socket told only"),
        (foreign_words, "foreign", "as the reply of turn 1 the socket told another session's words"),
    ],
)
def test_a_reply_that_is_told_otherwise_than_it_is_stored_is_counted_by_name(
    way: Way, harm: str, told: str, tmp_path: Path
) -> None:
    done = played(tmp_path, way, honest)
    assert getattr(done.record, harm) == 1
    assert told in done.record.detail
    assert done.record.acknowledged == 4
    assert done.app.chats == {}


def test_a_socket_that_is_lost_is_opened_again_and_the_talk_goes_on(tmp_path: Path) -> None:
    done = played(tmp_path, drops, honest)
    assert done.turns == ["aborted", "done"]
    assert done.app.joined == [BOSS.token] * 2
    assert done.app.asked["listChatTasks"] >= 1
    assert done.app.asked["getChat"] == 2  # once as the app catches up, once to look what is stored
    assert (done.record.refused, done.record.stored, done.record.deleted) == (1, 2, True)
    assert done.record.detail.startswith("at turn 1: the socket ended")
    (error,) = done.errors
    assert "a whole reply over the socket, received aborted" in error


@pytest.mark.parametrize("way", [mute, never_done])
def test_where_the_socket_falls_silent_the_tasks_are_asked(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QUIET", "LAST_WORDS"):
        monkeypatch.setattr(importlib.import_module("load.journeys.browser"), name, 0.05)
    done = played(tmp_path, way, turns=1)
    assert done.turns == ["cut"]
    assert "listChatTasks" in done.requests
    assert (done.record.refused, done.record.lost, done.app.chats) == (1, 0, {})
    assert len(done.errors) == 1


def test_a_reply_that_never_ends_is_left_at_the_deadline_and_no_turn_overtakes_it(tmp_path: Path) -> None:
    async def endless(app: WebApp, _sid: str, _emit: Any, _words: list[str]) -> None:
        await app.socket.sleep(60)

    done = played(tmp_path, endless, timeout=0.5)
    assert done.turns == ["deadline"]
    assert done.record.turns == 1
    assert done.app.chats == {}


def test_an_error_that_the_socket_tells_is_one(tmp_path: Path) -> None:
    done = played(tmp_path, fails, honest)
    assert done.turns == ["error", "done"]
    assert "the model is away" in done.errors[0]


def test_an_app_whose_socket_is_refused_twice_does_not_open(tmp_path: Path) -> None:
    app = WebApp(honest)
    app.socket.on("connect", lambda *_: False)
    done = played(tmp_path, app=app)
    assert (done.record.turns, done.record.refused) == (0, 1)
    assert "the Socket.IO connection failed: refused" in done.record.detail
    assert done.requests == ["getConfig", "listModels", "listChats", *["createChatCompletion"] * 2]
    assert len(done.errors) == 2
    assert app.asked["createChat"] == 0


def test_where_the_socket_does_not_come_back_the_chat_is_still_deleted(tmp_path: Path) -> None:
    async def drops_for_good(app: WebApp, sid: str, emit: Any, words: list[str]) -> None:
        app.socket.on("connect", lambda *_: False)
        await drops(app, sid, emit, words)

    done = played(tmp_path, drops_for_good)
    assert done.turns == ["aborted"]
    assert "not reconnected" in done.record.detail
    assert (done.record.deleted, done.app.chats) == (True, {})


@pytest.mark.parametrize("stamped", [True, False])
def test_a_socket_is_read_as_the_requests_are(tmp_path: Path, stamped: bool) -> None:
    """It is a connection of its own; were it the finer one, turns of a comparison would be measured in two ways."""
    unheard: Any = Unheard()
    with running(WebApp(honest).served) as url:
        here = LoadClient(Target(url, "openwebui", timeout=5.0), BOSS, 1, Silent(), unheard, stamped=stamped)
        line = here.listen()
        assert line._wire is not None
        assert line._wire.clock.stamped == (stamped and TIMESTAMP is not None)
        line.leave()
        here.close()


def test_nothing_listening_is_no_socket(tmp_path: Path) -> None:
    target = Target(f"http://127.0.0.1:{free_port()}", "openwebui", timeout=1.0)
    with pytest.raises(NoAnswer, match="nothing listens there") as failed:
        TokenLine(target, BOSS, None)
    assert not failed.value.reached


def test_a_whole_load_of_browsers_tells_its_sockets_apart(tmp_path: Path) -> None:
    app = WebApp(honest)
    with running(app.served) as url:
        options = ("--mix", "browser=1", "--users", "2", "--duration", "2s", "--think", "0.1", "--turns", "2")
        ended = seatrial_command(tmp_path, "load", url, *options, env={"SEATRIAL_ADMIN_TOKEN": BOSS.token or ""})
    (folder,) = (tmp_path / "seatrial-runs").iterdir()
    # The web app of these tests says only what a browser needs; and a slow machine may have limited the load.
    rules = {row.rule for row in RunFolder(folder).rows("findings.jsonl", Finding)}
    assert rules == {"load-conformance"} or ended.code == 3, ended
    turns = list(RunFolder(folder).rows("samples/*.jsonl", Turned))
    assert turns
    assert {(turn.way, turn.journey, turn.ended) for turn in turns} == {("socket", "browser", "done")}
    run = RunFolder(folder).load()
    assert run.counts["stored"] == run.counts["acknowledged"] > 0
    assert run.left_behind == []
    assert app.chats == {}
    assert len(app.accounts) == 1


def test_browsers_without_accounts_of_their_own_are_wrong_use(tmp_path: Path) -> None:
    app = WebApp(honest)
    with running(app.served) as url:
        options = ("--mix", "browser=1", "--users", "2", "--duration", "1s")
        ended = seatrial_command(tmp_path, "load", url, *options, env={"SEATRIAL_TOKEN": BOSS.token or ""})
    assert ended.code == 2, ended
    assert "wants an account for each of 2 users, and 1 can ask a model" in ended.err
    assert app.chats == {}
