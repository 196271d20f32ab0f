"""Whole loads on the reference server, with Locust as the process it always is.

What the server does wrong is put in front of it, one answer at a time.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from command_line import until
from fake_openwebui import FakeOpenWebUI
from rich.console import Console

from load.progress import FILE, Ended
from load.validity import Validity
from seatrial.cli.load import run_load
from seatrial.contract import SESSIONS, Contract
from seatrial.lab.children import child
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.ledger import open_entries
from seatrial.lifeline import child_environment
from seatrial.records import Finding, Run, RunFolder
from seatrial.samples import Aboard, Integrity, Sample
from seatrial.settings import Settings

CONTRACT = Contract.load()
TOKEN = "token-that-nobody-may-see"
Rows = list[dict[str, Any]]
Event = MutableMapping[str, Any]


@pytest.fixture(autouse=True)
def _valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server does is the question here, and not how busy this machine is; `test_load_validity` asks that."""
    monkeypatch.setattr("load.outcome.validity", lambda folder: Validity("", ""))


def loaded(url: str | None, out: Path, **more: Any) -> tuple[Run, RunFolder]:
    settings = Settings(url=url, users=4, duration=3.0, turns=3, think=0.2, timeout=5.0)
    folder = RunFolder.create(str(out), "load")
    with open(os.devnull, "w") as nowhere:
        run = run_load(Settings(**vars(settings) | more), folder, Console(file=nowhere))
    assert folder.load() == run
    return run, folder


def with_history(change: Callable[[Rows], Rows]) -> Any:
    """The reference server, whose histories are changed on their way out."""
    path = CONTRACT.prefix(SESSIONS) + CONTRACT.operation("getHistory").path
    pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
    app = create_app(CONTRACT)

    async def changed(scope: Event, receive: Any, send: Callable[[Event], Awaitable[None]]) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not pattern.fullmatch(scope["path"]):
            await app(scope, receive, send)
            return
        events: list[Event] = []

        async def keep(event: Event) -> None:
            events.append(event)

        await app(scope, receive, keep)
        document = json.loads(b"".join(event.get("body", b"") for event in events))
        if "messages" in document:
            document["messages"] = change(document["messages"])
        body = json.dumps(document).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": events[0]["status"], "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return changed


def forgetful() -> Any:
    """The reference server, which lists nothing, as if it had just been started with an empty database."""
    app = create_app(CONTRACT)
    path = CONTRACT.prefix(SESSIONS) + CONTRACT.operation("listSessions").path

    async def empty(scope: Event, receive: Any, send: Callable[[Event], Awaitable[None]]) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", path):
            body = b'{"sessions": []}'
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await app(scope, receive, send)

    return empty


def refusing(every: int) -> Any:
    """The reference server, which is too busy for every so-many-th turn."""
    app = create_app(CONTRACT)
    path = CONTRACT.prefix(SESSIONS) + CONTRACT.operation("sendMessage").path
    turns = 0

    async def busy(scope: Event, receive: Any, send: Callable[[Event], Awaitable[None]]) -> None:
        nonlocal turns
        if scope["type"] == "http" and scope["path"] == path:
            turns += 1
            if turns % every == 0:
                headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
                await send({"type": "http.response.start", "status": 503, "headers": headers})
                await send({"type": "http.response.body", "body": b"{}"})
                return
        await app(scope, receive, send)

    return busy


@contextmanager
def reference() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-P", "-m", "seatrial", "lab", "reference", "--port", "0"]
    with child(command, env=child_environment(), errors=None) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1], process


@contextmanager
def command(url: str, out: Path, duration: int = 30) -> Iterator[subprocess.Popen[str]]:
    """`seatrial load` as a user starts it, under load when the block is entered."""
    options = ["--users", "4", "--duration", str(duration), "--think", "0.3", "--timeout", "5", "--out", str(out)]
    arguments = [sys.executable, "-P", "-m", "seatrial", "load", url, *options]
    environment = child_environment() | {"SEATRIAL_TOKEN": TOKEN}
    with child(arguments, env=environment) as process:
        until(lambda: any('"Sample"' in path.read_text() for path in out.glob("samples/*")))
        yield process


def left_on(url: str) -> list[str]:
    call = CONTRACT.call("listSessions")
    return [row["id"] for row in httpx.get(url + call.path, trust_env=False).json()["sessions"]]


def test_an_answer_of_another_shape_is_found_and_named(tmp_path: Path) -> None:
    with running(with_history(lambda rows: [row | {"created_at": "yesterday"} for row in rows])) as url:
        run, folder = loaded(url, tmp_path / "run")
    assert run.exit_code == 1, run.sentence
    (finding,) = folder.rows("findings.jsonl", Finding)
    assert (finding.rule, finding.operation) == ("load-conformance", "getHistory")
    assert finding.where == "200 $.messages[*].created_at"
    assert "yesterday" in finding.received
    assert not (folder.path / "answers").exists()


def test_without_a_url_a_reference_server_is_loaded_and_keeps_everything(tmp_path: Path) -> None:
    run, folder = loaded(None, tmp_path / "run")
    assert (run.verdict, run.exit_code) == ("pass", 0)
    assert run.counts["sessions"] == len(list(folder.rows("samples/*.jsonl", Integrity))) > 4
    assert run.counts["acknowledged"] == run.counts["stored"] == 2 * run.counts["turns"] > 0
    assert run.counts["left_behind"] == run.counts["undeleted"] == 0
    samples = list(folder.rows("samples/*.jsonl", Sample))
    assert {one.operation for one in samples} == {"createSession", "sendMessage", "getHistory", "deleteSession"}
    starts = [one.at for one in samples if one.operation == "createSession" and one.session.endswith("-1")]
    assert len(starts) == 4
    assert max(starts) - min(starts) > 0.1, "users start in step"


def test_how_long_the_load_was_is_told_without_the_finishing_and_cleaning_up(tmp_path: Path) -> None:
    with running(create_app(CONTRACT)) as url:
        _, folder = loaded(url, tmp_path / "run", seed_chats=20, seed_messages=2, disposable=True)
    (ended,) = folder.rows(FILE, Ended)
    assert 3.0 <= ended.seconds <= max(row.at for row in folder.rows("samples/*.jsonl", Integrity))


@pytest.mark.parametrize(
    ("harm", "change"),
    [
        ("lost", lambda rows: rows[:-1]),
        ("doubled", lambda rows: [*rows, *rows[-1:]]),
        ("truncated", lambda rows: [*rows[:-1], *({**row, "content": row["content"][:-4]} for row in rows[-1:])]),
        ("reordered", lambda rows: rows[::-1]),
    ],
)
def test_a_server_that_harms_what_it_acknowledged_fails(
    harm: str, change: Callable[[Rows], Rows], tmp_path: Path
) -> None:
    with running(with_history(change)) as url:
        run, folder = loaded(url, tmp_path / "run", duration=1.5)
    assert (run.verdict, run.exit_code) == ("fail", 1)
    assert run.counts[harm] > 0
    assert [finding.rule for finding in folder.rows("findings.jsonl", Finding)] == [f"load-{harm}"]


def test_readers_whose_conversations_are_gone_from_the_list_are_no_pass(tmp_path: Path) -> None:
    more: dict[str, Any] = {"mix": "reader=1", "seed_chats": 2, "seed_messages": 2, "duration": 1.0, "turns": 1}
    with running(create_app(CONTRACT)) as url:
        whole, _ = loaded(url, tmp_path / "whole", **more)
    assert whole.verdict == "pass", whole.sentence
    assert whole.counts["acknowledged"] == whole.counts["stored"] > 0
    with running(forgetful()) as url:
        run, _ = loaded(url, tmp_path / "run", **more)
    assert (run.verdict, run.counts["failures"]) == ("fail", 0)
    assert run.counts["lost"] > 0


def test_all_users_are_at_work_in_a_short_load(tmp_path: Path) -> None:
    with running(create_app(CONTRACT)) as url:
        run, folder = loaded(url, tmp_path / "run", users=250, duration=2.0, think=5.0, turns=1)
    assert run.counts["aboard"] == 250
    assert max(row.at for row in folder.rows("samples/*.jsonl", Aboard)) < 2
    assert "came to work" not in run.sentence


def test_an_open_loop_has_as_many_accounts_as_users_were_asked_for(tmp_path: Path) -> None:
    fake = FakeOpenWebUI()
    with running(fake.app) as url:
        run, _ = loaded(url, tmp_path / "run", users=3, rate=2.0, turns=1, admin_token="token-of-boss")
    assert fake.asked["addUser"] == fake.asked["deleteUser"] == 3
    assert len(run.accounts) == 4


def test_refused_turns_are_accounted_for_and_too_many_of_them_fail(tmp_path: Path) -> None:
    with running(refusing(every=5)) as url:
        run, folder = loaded(url, tmp_path / "run")
    assert run.exit_code == 1
    assert run.counts["refused_turns"] == run.counts["failures"] > 0
    assert run.counts["lost"] == 0
    assert [finding.rule for finding in folder.rows("findings.jsonl", Finding)] == ["load-errors"]


def test_a_target_that_dies_leaves_the_records_and_proves_nothing(tmp_path: Path) -> None:
    with reference() as (url, server), command(url, tmp_path / "run") as process:
        server.kill()
        assert process.wait(40) == 3
    run = RunFolder(tmp_path / "run").load()
    assert run.verdict == "inconclusive"
    assert "stopped answering" in (run.problem or "")
    assert run.counts["requests"] > 0
    assert not any("may exist" in line for line in run.left_behind if "everyone" in line)


def test_ctrl_c_finishes_the_sessions_and_leaves_nothing(tmp_path: Path) -> None:
    with reference() as (url, _), command(url, tmp_path / "run") as process:
        lines = [" ".join(one.cmdline()) for one in psutil.Process(process.pid).children(recursive=True)]
        assert any("locust" in line for line in lines)
        assert not any(TOKEN in line for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 3
        assert left_on(url) == []
    run = RunFolder(tmp_path / "run").load()
    assert "interrupted" in (run.problem or "")
    assert open_entries(tmp_path / "run" / "ledger.jsonl") == []
    everything = "".join(path.read_text() for path in (tmp_path / "run").rglob("*.*"))
    assert TOKEN not in everything


def test_after_a_kill_the_ledger_names_what_is_left(tmp_path: Path) -> None:
    with reference() as (url, _), command(url, tmp_path / "run") as process:
        until(lambda: left_on(url) != [])
        (locust,) = psutil.Process(process.pid).children()
        locust.kill()
        assert process.wait(30) == 3
        named = [entry.id for entry in open_entries(tmp_path / "run" / "ledger.jsonl")]
        # A creation under way at the kill has no name yet.
        assert len(set(left_on(url)) - set(named)) <= named.count(None)
    run = RunFolder(tmp_path / "run").load()
    assert "ended by itself" in (run.problem or "")
    assert len(run.left_behind) == len(named)
