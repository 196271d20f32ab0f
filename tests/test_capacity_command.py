"""`seatrial capacity`, against a server that answers one turn at a time."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from command_line import Command, command, environment, reference_server, seatrial_command, until
from fake_openwebui import FakeOpenWebUI
from starlette.types import Receive, Scope, Send

from seatrial.contract import Contract
from seatrial.lab.children import child
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.ledger import left_open
from seatrial.records import Run, RunFolder
from seatrial.samples import Tried

CONTRACT = Contract.load()
QUICK = ("--look", "4s", "--start", "2", "--turns", "2", "--think", "0.1", "--disposable")


@pytest.fixture(scope="module")
def one_at_a_time() -> Iterator[str]:
    """Each turn has the server to itself for 100 ms: of two users one waits now and then, of four nearly all do."""
    app, turn = create_app(CONTRACT), asyncio.Lock()

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == CONTRACT.operation("sendMessage").path:
            async with turn:
                await asyncio.sleep(0.1)
        await app(scope, receive, send)

    with running(served) as url:
        yield url


def test_a_capacity_is_found_told_and_resumed(one_at_a_time: str, tmp_path: Path) -> None:
    slo = ("--slo", "turn p50 < 200ms")  # of a median a few sessions speak
    first = seatrial_command(
        tmp_path, "capacity", one_at_a_time, *slo, *QUICK, "--most", "8", "--budget", "14s", "--out", "run", limit=90
    )
    assert "the budget of 14 s was used up" in " ".join(first.out.split()), first
    known = [row.level for row in RunFolder(tmp_path / "run").rows("levels.jsonl", Tried)]
    assert known
    again = seatrial_command(
        tmp_path, "capacity", one_at_a_time, *slo, *QUICK, "--most", "8", "--budget", "3m", "--resume", "run",
        "--people", "1000", "--json", limit=200,
    )  # fmt: skip
    assert again.code == 0, again
    document = json.loads(again.out)
    levels = document["levels"]
    assert [row["level"] for row in levels[: len(known)]] == known
    holds, fails = document["counts"]["holds"], document["counts"]["fails"]
    assert 2 <= holds < fails <= 8
    assert fails <= 1.25 * holds or fails == holds + 1
    assert [row["outcome"] for row in levels].count("holds") >= 2
    assert "turn p50 missed 'turn p50 < 200ms'" in document["sentence"]
    assert "1,000 people come to" in document["sentence"]
    assert document["left_behind"] == []


def test_ctrl_c_ends_the_search_and_not_only_a_level(tmp_path: Path) -> None:
    slo = ("--slo", "turn p50 < 20s", "--look", "60s", "--budget", "10m", "--disposable")
    with reference_server("somebody") as (url, _):
        env = environment({"SEATRIAL_TOKEN": "somebody"})
        search = command("capacity", url, *slo, "--think", "0.1", "--out", str(tmp_path / "run"))
        with child(search, env=env, errors=subprocess.DEVNULL) as process:
            samples = tmp_path / "run" / "levels"
            until(lambda: any(path.stat().st_size > 1000 for path in samples.glob("*/samples/*.jsonl")))
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 3
        call = CONTRACT.call("listSessions")
        left = httpx.request(call.method, url + call.path, headers={"Authorization": "Bearer somebody"}).json()
    assert left == {"sessions": []}
    run = RunFolder(tmp_path / "run").load()
    assert "--resume goes on with it" in (run.problem or "")
    assert len(list(samples.iterdir())) == 1


def test_a_target_that_dies_ends_the_search_and_what_is_known_is_told(tmp_path: Path) -> None:
    slo = ("--slo", "turn p50 < 20s", "--timeout", "2s", "--budget", "10m", "--out", str(tmp_path / "run"))
    with reference_server("somebody") as (url, server):
        search = command("capacity", url, *QUICK, *slo)
        with child(search, env=environment({"SEATRIAL_TOKEN": "somebody"})) as process:
            judged = tmp_path / "run" / "levels.jsonl"
            until(lambda: judged.exists() and '"holds"' in judged.read_text("utf-8"))
            server.kill()
            told, _ = process.communicate(timeout=90)
    assert process.returncode == 3, told
    run = RunFolder(tmp_path / "run").load()
    assert (run.verdict, run.counts["holds"]) == ("inconclusive", 2)
    assert "does not answer" in (run.problem or "")
    assert run.sentence.startswith("Holds 2 users")
    assert run.sentence in " ".join(told.split())
    assert (tmp_path / "run" / "report.html").exists()
    left = [entry for place in (tmp_path / "run" / "levels").iterdir() for entry in left_open(place)]
    assert len(run.left_behind) == len(left)


class Shy(FakeOpenWebUI):
    """As a new installation: ordinary users see no model. Nobody is answered, and removing an account takes a while."""

    def _list_models(self, user: Any, body: Any) -> Any:
        return super()._list_models(user, body) if user["role"] == "admin" else {"data": []}

    def _delete_user(self, *who: Any) -> Any:
        time.sleep(0.3)
        return super()._delete_user(*who)


def test_a_deployment_that_serves_nobody_fails_and_it_is_said_who_asked_what(tmp_path: Path) -> None:
    fake = Shy()
    options = ("--slo", "turn p50 < 20s", "--start", "1", "--most", "1", "--look", "2s", "--think", "0.1")
    with running(fake.app) as url:
        done = seatrial_command(
            tmp_path, "capacity", url, *options, "--out", "run", env={"SEATRIAL_ADMIN_TOKEN": "token-of-boss"}
        )
    told = " ".join(done.out.split())
    assert "asked is the model that people begin a chat with (--model chooses)" in told
    assert "every turn asks for a completion" in told
    assert "note: ordinary accounts see no model: all sessions ran as admin" in told
    assert "Fails at 1 user, the least there is: " in told
    assert "It holds nobody within its objectives." in told
    assert done.code == 1, done
    run = RunFolder(tmp_path / "run").load()
    assert (run.verdict, run.counts["holds"], run.counts["fails"]) == ("fail", 0, 1)
    assert "ordinary accounts see no model: all sessions ran as admin" in run.notes
    assert "all sessions ran as admin" in (tmp_path / "run" / "report.html").read_text("utf-8")
    assert list(fake.accounts) == ["token-of-boss"]


def test_a_second_ctrl_c_does_not_keep_the_accounts_from_being_removed(tmp_path: Path) -> None:
    fake = Shy()
    options = ("--slo", "turn p50 < 20s", "--start", "4", "--look", "60s", "--think", "0.1")
    with running(fake.app) as url:
        search = command("capacity", url, *options, "--out", str(tmp_path / "run"))
        env = environment({"SEATRIAL_ADMIN_TOKEN": "token-of-boss"})
        with child(search, env=env, errors=subprocess.DEVNULL) as process:
            samples = tmp_path / "run" / "levels"
            until(lambda: any(path.stat().st_size > 500 for path in samples.glob("*/samples/*.jsonl")))
            process.send_signal(signal.SIGINT)
            until(lambda: fake.asked["deleteUser"] > 0)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 3
    assert list(fake.accounts) == ["token-of-boss"]
    run = RunFolder(tmp_path / "run").load()
    assert "interrupted" in (run.problem or "")
    assert run.left_behind == []


def test_nothing_that_fails_is_told_as_that(one_at_a_time: str, tmp_path: Path) -> None:
    done = seatrial_command(
        tmp_path,
        "capacity",
        one_at_a_time,
        "--slo",
        "turn p50 < 20s",
        *QUICK,
        "--most",
        "2",
        "--budget",
        "60s",
        limit=90,
    )
    assert done.code == 0, done
    assert "Holds 2 users at least; nothing failed up to 2" in done.out


def test_what_the_first_half_of_a_search_left_is_not_forgotten_by_the_second(tmp_path: Path) -> None:
    folder = RunFolder.create(str(tmp_path / "run"), "capacity")
    slo = ["damaged = 0", "errors < 1%", "turn p50 < 20s"]
    told = {"left_behind": ["session x of account 1"], "notes": ["a note"], "settings": {"slo": slo, "embedded": True}}
    folder.save(Run("capacity", "http://127.0.0.1:1", "sessions", **told))
    options = ("--slo", "turn p50 < 20s", "--start", "1", "--most", "1", "--look", "2s", "--think", "0.1")
    done = seatrial_command(tmp_path, "capacity", *options, "--resume", "run", limit=60)
    assert "left behind: session x of account 1" in done.out, done
    run = folder.load()
    assert (run.left_behind, run.notes[0]) == (["session x of account 1"], "a note")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ["needs an objective about time"]),
        (("--slo", "errors < 1%"), ["needs an objective about time"]),
        (("--slo", "turn p95 < 1s", "--start", "9", "--most", "8"), ["--start 9 is above --most 8"]),
        (("--slo", "turn p95 < 1s", "--look", "0"), ["--look", "above 0 s"]),
        (("--slo", "turn p95 < 1s", "--budget", "0"), ["--budget", "above 0 s"]),
        (("--slo", "turn p95 < 1s", "--people", "9", "--chats-per-hour", "-4"), ["--chats-per-hour"]),
        (("--slo", "turn p95 < 1s", "--people", "9", "--chats-per-hour", "0"), ["--chats-per-hour"]),
        (("--slo", "turn p95 < 1s", "--people", "9", "--chats-per-hour", "nan"), ["--chats-per-hour"]),
        (("--slo", "turn p95 < 1s", "--people", "9", "--peak", "0"), ["--peak"]),
        (("--slo", "turn p95 < 1s", "--mix", "sailing"), ["--mix"]),
        (("--slo", "turn p95 < 1s", "--resume", "nowhere"), ["not a run folder"]),
        (("--slo", "turn p95 < 1s", "http://192.0.2.1"), ["--yes"]),
    ],
)
def test_wrong_use_is_told_before_anything_begins(here: Command, options: tuple[str, ...], words: list[str]) -> None:
    here("capacity", *options).refused(2, *words)


@pytest.mark.parametrize("sees", [True, False], ids=["as throwaway accounts", "as the administrator"])
def test_a_search_that_was_killed_is_cleaned_with_the_credentials_that_it_had(tmp_path: Path, sees: bool) -> None:
    """Its levels are loads of accounts that were given to them; the search had made these, or was the administrator."""
    fake = FakeOpenWebUI() if sees else Shy()
    options = ("--slo", "turn p50 < 20s", "--start", "3", "--look", "60s", "--think", "0.1", "--timeout", "5s")
    env = {"SEATRIAL_ADMIN_TOKEN": "token-of-boss"}
    with running(fake.app) as url:
        search = command("capacity", url, *options, "--out", str(tmp_path / "run"))
        with child(search, env=environment(env), errors=subprocess.DEVNULL) as process:
            until(lambda: len(fake.chats) >= 3)
            own = psutil.Process(process.pid)
            for one in [own, *own.children(recursive=True)]:  # each of them would remove what it made
                one.kill()
            process.wait(10)
        assert left_open(next((tmp_path / "run" / "levels").iterdir()))
        done = seatrial_command(tmp_path, "clean", "run", env=env)
        assert done.code == 0, done
        mine = [chat for chat in fake.chats.values() if chat["user_id"] == "boss"]
    assert (list(fake.accounts), mine) == (["token-of-boss"], [])
    assert [entry for place in (tmp_path / "run" / "levels").iterdir() for entry in left_open(place)] == []


class Keeping(FakeOpenWebUI):
    """Ordinary users may not delete their chats."""

    def _get_current_user(self, user: Any, body: Any) -> Any:
        return super()._get_current_user(user, body) | {"permissions": {"chat": {"delete": False}}}


def test_what_throwaway_accounts_take_along_is_left_in_no_ledger_of_a_level(tmp_path: Path) -> None:
    fake = Keeping()
    options = ("--slo", "turn p50 < 20s", "--start", "1", "--most", "1", "--look", "2s", "--think", "0.1")
    with running(fake.app) as url:
        env = {"SEATRIAL_ADMIN_TOKEN": "token-of-boss"}
        seatrial_command(tmp_path, "capacity", url, *options, "--out", "run", env=env)
        assert fake.asked["createChat"] > 0
        assert fake.asked["deleteChat"] == 0
    assert RunFolder(tmp_path / "run").load().left_behind == []
    for place in (tmp_path / "run" / "levels").iterdir():
        assert (left_open(place), RunFolder(place).load().left_behind) == ([], [])


@pytest.mark.parametrize(
    "words",
    [
        ("capacity", "--slo", "turn p95 < 9s", "--look", "2s"),
        ("load", "--processes", "2", "--duration", "2s"),
    ],
    ids=["capacity", "load"],
)
def test_what_never_began_leaves_no_folder_that_refuses_the_next_try(tmp_path: Path, words: tuple[str, ...]) -> None:
    with reference_server("somebody") as (url, _):
        given = (words[0], url, *words[1:], "--model", "none-of-theirs", "--out", "run")
        for _ in range(2):
            done = seatrial_command(tmp_path, *given, env={"SEATRIAL_TOKEN": "somebody"})
            assert (done.code, "none-of-theirs" in done.line) == (2, True), done
            assert list(tmp_path.iterdir()) == []
