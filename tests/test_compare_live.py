"""`seatrial compare` of two live targets: reference servers, one of them late; what is refused; Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from command_line import Command, command, environment, until
from fake_openwebui import FakeOpenWebUI
from gevent.event import Event
from rich.console import Console

from load.duel import demand_one_model
from load.duelling import both
from load.duelling import environment as environment_of
from load.seeding import Seed, fill
from load.side import Side
from seatrial.cli import comparing
from seatrial.client import Client
from seatrial.contract import SESSIONS, Contract
from seatrial.crew import Crew
from seatrial.errors import Inconclusive
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.ledger import Ledger, left_open, open_entries
from seatrial.ratios import SIDES, Ratio
from seatrial.records import Finding, Recorder, Run, RunFolder
from seatrial.samples import Integrity
from seatrial.settings import Settings
from seatrial.target import Target

CONTRACT = Contract.load()
LATE = 0.04
NOWHERE = "http://127.0.0.1:9"
Message = MutableMapping[str, Any]


@contextmanager
def server(late: str = "") -> Iterator[str]:
    """The reference server; one operation may come late."""
    app = create_app(CONTRACT)

    async def slowly(scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        operation = CONTRACT.operation(late)
        path = CONTRACT.prefix(SESSIONS) + re.sub(r"\{\w+\}", "[^/]+", operation.path)
        if scope["type"] == "http" and scope["method"] == operation.method and re.fullmatch(path, scope["path"]):
            await asyncio.sleep(LATE)
        await app(scope, receive, send)

    with running(slowly if late else app) as url:
        yield url


def sessions_on(url: str) -> list[Any]:
    path = CONTRACT.prefix(SESSIONS) + CONTRACT.operation("listSessions").path
    return list(httpx.get(url + path).json()["sessions"])


def test_the_late_operation_is_found_and_nothing_is_left_on_either_side(here: Command) -> None:
    with server() as a, server(late="getHistory") as b:
        done = here("compare", a, b, "--pairs", "20", "--no-verify", "--turns", "1", "--out", "run", "--json")
        assert sessions_on(a) == sessions_on(b) == []
    told, folder = json.loads(done.out), RunFolder(Path("run"))
    assert done.code == told["exit_code"] == 1, done.err
    assert told["verdict"] == "fail"
    assert told["settings"]["verify"] is False
    assert told["sentence"].startswith("Fail: proved to be worse in B than the limit allows: getHistory p95")
    rows = {row.operation: row for row in folder.rows("comparison.jsonl", Ratio) if row.span}
    assert rows["getHistory"].verdict == "fail"
    assert (span := rows["getHistory"].span) is not None
    assert span.low > span.limit
    assert rows.keys() == {"createSession", "sendMessage", "getHistory", "deleteSession"}
    assert [one.operation for one in folder.rows("findings.jsonl", Finding)] == ["getHistory"]
    # Both sides played the same: as many sessions, and all that was said is there.
    played = [list(RunFolder(folder.path / side).rows("samples/*.jsonl", Integrity)) for side in "ab"]
    assert len(played[0]) == len(played[1]) > 0
    assert all(one.deleted and one.stored == one.acknowledged for side in played for one in side)
    assert [open_entries(folder.path / side / "ledger.jsonl") for side in "ab"] == [[], []]
    assert (folder.path / "report.html").is_file()
    assert "compare-slower" in (folder.path / "junit.xml").read_text("utf-8")


def interrupted(path: Path, a: str, b: str, *options: str, when: Callable[[], object]) -> None:
    """A comparison into `run` that gets a Ctrl-C as soon as that is so; it says so and leaves nothing."""
    process = subprocess.Popen(
        command("compare", a, b, *options, "--out", "run"),
        cwd=path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        for _ in range(6):  # two minutes at most, on a machine that has much to do
            with suppress(AssertionError):
                until(when)
                break
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 3, said
    assert "Inconclusive: interrupted." in said
    assert sessions_on(a) == sessions_on(b) == []


def test_ctrl_c_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    samples = tmp_path / "run" / "a" / "samples"
    with server() as a, server() as b:
        interrupted(
            tmp_path, a, b, "--no-verify", when=lambda: any(one.stat().st_size for one in samples.glob("*.jsonl"))
        )
    run = RunFolder(tmp_path / "run").load()
    assert (run.cause, run.left_behind) == ("interrupted", [])


def test_ctrl_c_while_a_is_verified_begins_nothing_on_b(tmp_path: Path) -> None:
    few = ("--pairs", "20", "--turns", "1", "--think", "0")
    with server() as a, server() as b:
        interrupted(tmp_path, a, b, *few, when=lambda: _has_begun(tmp_path / "run" / "verify-a"))
    assert not (tmp_path / "run" / "verify-b").exists()


def _has_begun(folder: Path) -> bool:
    return (folder / "progress.json").is_file() and bool(RunFolder(folder).load().id)


@pytest.mark.parametrize(
    ("models", "of_b", "refused"),
    [(("m1", "m2"), None, True), (("m1", "m1"), None, False), (("m1", "m2"), "m2", False)],
)
def test_two_models_are_compared_only_where_somebody_says_so(
    tmp_path: Path, models: tuple[str, str], of_b: str | None, refused: bool
) -> None:
    sides = []
    for letter, model, chosen in zip(SIDES, models, (None, of_b), strict=True):
        side = Side(letter, Settings(url=NOWHERE, model=chosen), RunFolder(tmp_path), Event())
        side.crew = cast("Crew", SimpleNamespace(api="openwebui", model=model))
        sides.append(side)
    with pytest.raises(Inconclusive, match="A would answer with the model m1, B with m2") if refused else nullcontext():
        demand_one_model(*sides)


def test_a_target_that_goes_away_is_named(here: Command) -> None:
    with server() as a:
        done = here("compare", a, NOWHERE, "--no-verify")
        done.refused(3, "B: ", NOWHERE)
        here("compare", NOWHERE, a, "--no-verify").refused(3, "A: ", NOWHERE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pairs", "10"], ("pairs must be an even number from 20",)),
        (["--pairs", "21"], ("pairs must be an even number",)),
        (["--max-slowdown", "fast"], ("--max-slowdown fast",)),
        (["--floor", "5"], ("--floor 5",)),
        (["--mix", "dancing=1"], ("--mix",)),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(
    here: Command, arguments: list[str], words: tuple[str, ...]
) -> None:
    here("compare", NOWHERE, NOWHERE, *arguments).refused(2, *words)


def test_a_target_that_is_not_here_wants_a_yes(here: Command) -> None:
    here("compare", NOWHERE, "http://192.0.2.1").refused(2, "http://192.0.2.1", "--yes")


def test_a_journey_of_the_other_api_is_refused_with_the_side(here: Command) -> None:
    with server() as a:
        here("compare", a, a, "--mix", "completions=1").refused(2, "A: ", "completions")


def test_both_settings_reach_the_process_that_plays_them() -> None:
    a = Settings(url="http://a", token=("t1", "t2"), users=3, pairs=24)
    b = Settings(url="http://b", admin_token="t3", users=3, pairs=24)
    assert both(environment_of(a, b)) == {"a": a, "b": b}


def test_what_is_said_of_b_alone_replaces_what_is_said_of_both(here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.cli.compare import _settings

    _ = here
    monkeypatch.setenv("SEATRIAL_TOKEN", "of-a")
    monkeypatch.setenv("SEATRIAL_B_ADMIN_TOKEN", "of-b")
    first, second = _settings("http://a", "http://b", {"users": 6})
    assert (first.token, first.admin_token, first.users) == (("of-a",), None, 6)
    assert (second.token, second.admin_token, second.users) == ((), "of-b", 6)
    first, second = _settings("http://a", "http://b", {"b_token": ("option",)})
    assert (first.token, second.token, second.admin_token) == (("of-a",), ("option",), "of-b")


def test_what_a_file_and_options_say_of_both_reaches_b_only_where_nothing_is_said_of_b(
    here: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.cli.compare import _settings

    _ = here
    Path("seatrial.toml").write_text('admin = "boss@a.example:secret-of-a"\ntoken = ["of-a"]\nturns = 5\n', "utf-8")
    first, second = _settings("http://a", "http://b", {"b_token": ("of-b",)})
    assert (first.admin, first.token, first.turns) == ("boss@a.example:secret-of-a", ("of-a",), 5)
    assert (second.admin, second.token, second.turns) == (None, ("of-b",), 5)
    monkeypatch.setenv("SEATRIAL_B_HEADER", "X-Key: of-b")
    first, second = _settings("http://a", "http://b", {"header": ("X-Key: of-a",)})
    assert (first.headers, second.headers) == ({"X-Key": "of-a"}, {"X-Key": "of-b"})
    assert second.admin == first.admin


def test_clean_finishes_both_sides_after_a_kill(here: Command) -> None:
    with server() as a, server() as b:
        for side, url in (("a", a), ("b", b)):
            folder = RunFolder.create(f"run/{side}", "compare")
            folder.save(Run("compare", url, SESSIONS))
            ledger, call = Ledger(folder.path / "ledger.jsonl"), CONTRACT.call("createSession")
            with Client(Target(url), before=ledger.before, on_exchange=ledger.after) as client:
                client.send(call)
            ledger.close()
        RunFolder(Path("run")).save(Run("compare", b, SESSIONS))
        assert [len(sessions_on(url)) for url in (a, b)] == [1, 1]
        done = here("clean", "run")
        assert done.code == 0, done.err
        assert "nothing was left behind" not in done.out + done.err
        assert [sessions_on(url) for url in (a, b)] == [[], []]


def test_histories_of_b_that_could_not_be_read_leave_it_open(tmp_path: Path) -> None:
    for side, verified in (("a", False), ("b", True)):
        row = Integrity(1.0, "1-1", 2, 4, 0, 0, 0, 0, 0, 0, 0, deleted=True, verified=verified)
        recorder = Recorder(tmp_path / side / "samples" / "load.jsonl")
        recorder.write(row)
        recorder.close()
    assert comparing._unread(RunFolder(tmp_path)) is None
    recorder = Recorder(tmp_path / "b" / "samples" / "other.jsonl")
    recorder.write(replace(row, verified=False))
    recorder.close()
    assert comparing._unread(RunFolder(tmp_path)) == "B: the history of 1 sessions could not be read"


def test_tokens_that_are_too_many_for_a_variable_are_handed_over_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Started(Exception):
        """With these settings."""

    def start(a: Settings, b: Settings, _: RunFolder) -> None:
        raise Started(a.token, b.token)

    monkeypatch.setattr(comparing, "DuelProcess", start)
    many = Settings(token=tuple(f"{number:05}-{'x' * 200}" for number in range(600)))
    with pytest.raises(Started) as started:
        comparing._played(many, Settings(token=("one",)), RunFolder(tmp_path), Console(quiet=True))
    ((first,), second) = started.value.args
    assert first.startswith("@")
    assert second == ("one",)


def test_browsers_of_both_want_an_account_each(here: Command) -> None:
    fake, other = FakeOpenWebUI(), FakeOpenWebUI()
    with running(fake.app) as a, running(other.app) as b:
        given = ("--mix", "browser=1", "--token", "token-of-boss", "--no-verify")
        here("compare", a, b, *given).refused(2, "browser wants an account for each of 4 users")


def test_filling_says_that_it_is_alive_and_can_be_ended(tmp_path: Path) -> None:
    beats = []
    with server() as url, Crew.muster(Settings(url=url), tmp_path, people=1) as crew:
        assert len(list(fill(crew, crew.people, Seed(2, 6), lambda: beats.append(1)))) == 2
        assert len(beats) == 2 * (1 + 3)

        def over() -> None:
            raise Inconclusive("interrupted before it began")

        with pytest.raises(Inconclusive, match="interrupted"):
            list(fill(crew, crew.people, Seed(2, 6), over))
    assert left_open(tmp_path) == []
