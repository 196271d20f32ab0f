"""What bad input gets: one line on standard error, exit code 2 or 3, no folder left behind, no secret shown.

What is wrong with options and files is tried in this process, what is wrong with a target by a process as a user
starts it. Broken run folders are in test_bad_runs, runs that do not get to their end in test_interrupted.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Command, seatrial_command
from fake_openwebui import ADMIN, WRONG, FakeOpenWebUI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from seatrial.contract import default_path
from seatrial.lab.serving import LOOPBACK, bound, free_port, running

SECRET = "s3cret-that-nobody-may-see"
BOTH = pytest.mark.parametrize("name", ["verify", "load"])


WRONG_USE = {
    "unknown command": (["sail"], "No such command 'sail'"),
    "unknown option": (["verify", "--fast"], "No such option '--fast'"),
    "no such depth": (["verify", "--depth", "wrong"], "'wrong' is not one of 'quick', 'full'"),
    "no such API": (["load", "--api", "rest"], "'rest' is not one of"),
    "no users": (["load", "--users", "0"], "users must be at least 1"),
    "users that are no number": (["load", "--users", "many"], "'many' is not a valid integer"),
    "no time": (["verify", "--timeout", "0"], "timeout must be between 0 and 86400 seconds"),
    "a time that is none": (["load", "--timeout", "soon"], "'soon' is no time; write 90, 90s, 5m or 1h"),
    "a time that is not a number": (["load", "--timeout", "nan"], "'nan' is no time"),
    "a time below zero": (["capacity", "--slo", "turn p95 < 1s", "--look", "-5"], "'-5' is no time"),
    "a time without end": (["capacity", "--slo", "turn p95 < 1s", "--budget", "inf"], "'inf' is no time"),
    "a header without a colon": (["verify", "--header", SECRET], "--header wants 'Name: value'"),
    "a header of two lines": (["verify", "--header", f"X: {SECRET}\nY: 1"], "--header X: the value holds"),
    "a token of two words": (["verify", "--token", f"{SECRET} x"], "--token: a token is one word"),
    "no URL": (["verify", "chat.example.org"], "'chat.example.org' is no http:// or https:// URL"),
    "another scheme": (["load", "ftp://chat.example.org"], "is no http:// or https:// URL"),
    "a port that is none": (["verify", "http://localhost:http"], "is no URL"),
    "a password in the URL": (["verify", f"http://me:{SECRET}@localhost"], "put no credentials into the URL"),
    "no such CA file": (["verify", "http://localhost:1", "--ca-file", "none.pem"], "--ca-file none.pem: No such file"),
    "no such configuration": (["load", "--config", "none.toml"], "none.toml: No such file"),
    "no such token file": (["verify", "--token", "@none"], "--token @none: No such file"),
    "an account without password": (["verify", "--account", "me@example.org"], "me@example.org has no password"),
    "a run folder under a file": (["verify", "--out", "file/run"], "cannot write the run folder file/run"),
    "a run folder that is a file": (["load", "--out", "file"], "--out file exists and is not an empty folder"),
    "a run folder that is taken": (["verify", "--out", "taken"], "--out taken exists and is not an empty folder"),
    "no run to report on": (["report", "none"], "none is not a run folder"),
    "a file to report on": (["report", "file"], "file is not a run folder"),
    "an empty folder to report on": (["report", "empty"], "empty is not a run folder"),
    "no run to clean": (["clean", "none"], "none is not a run folder"),
    "a file to clean": (["clean", "file"], "file is not a run folder"),
    "an empty folder to clean": (["clean", "empty"], "empty is not a run folder"),
    "addresses that are no URLs": (["compare", "localhost:9090", "localhost:9091"], "begins with http:// or https://"),
    "nothing to report on": (["report"], "Missing argument 'RUN'"),
    "a port out of range": (["lab", "reference", "--port", "99999"], "cannot listen on 127.0.0.1 port 99999"),
    "an owner's database that is none": (["lab", "reference", "--port", "0", "--database", "empty"], "empty"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_is_one_line_and_exit_2(here: Command, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "run.json").write_text("{}", "utf-8")
    ended = here(*arguments)
    ended.refused(2, words)
    assert SECRET not in ended.err
    assert (tmp_path / "taken" / "run.json").read_text("utf-8") == "{}"
    assert list((tmp_path / "empty").iterdir()) == []


SPOILED: dict[str, tuple[Callable[[str], str], str]] = {
    "no YAML": (lambda text: text.replace("\npaths:", "\npaths: [", 1), ""),
    "OpenAPI 3.0": (lambda text: text.replace("openapi: 3.1", "openapi: 3.0", 1), "must be OpenAPI 3.1"),
    "another document": (lambda _: "- a list", "is no OpenAPI document"),
    "no title": (lambda text: text.replace("\n  title:", "\n  x-title:", 1), '"title" is a required property'),
    "an operation less": (lambda text: text.replace("operationId: getHistory", "operationId: h"), "no operation getH"),
}


@BOTH
@pytest.mark.parametrize(("spoil", "words"), SPOILED.values(), ids=SPOILED)
def test_an_invalid_contract_is_told_with_file_line_and_reason(
    here: Command, tmp_path: Path, name: str, spoil: Callable[[str], str], words: str
) -> None:
    text = default_path().read_text("utf-8")
    assert spoil(text) != text
    (tmp_path / "mine.yaml").write_text(spoil(text), "utf-8")
    ended = here(name, "--contract", "mine.yaml")
    ended.refused(2, "mine.yaml:", words)
    assert ended.line.split(":")[1].isdigit()


def test_a_contract_that_is_not_there(here: Command) -> None:
    here("load", "--contract", "mine.yaml").refused(2, "mine.yaml: cannot be read: No such file or directory")
    here("lab", "reference", "--port", "0", "--contract", "mine.yaml").refused(2, "mine.yaml: cannot be read")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('seed = 1\ntimeout = "soon"\n', "seatrial.toml:2: timeout: "),
        ("seed = 1\n\nspeed = 2\n", "seatrial.toml:3: unknown setting 'speed'"),
        ("seed = \n", "seatrial.toml:1: Invalid value"),
        ("seed = 1\n[[waiver]]\nrule = 'x'\n", "waiver 1 needs exactly"),
        ("timeout = nan\n", "seatrial.toml:1: timeout must be"),
    ],
)
def test_a_bad_configuration_is_told_with_its_line(here: Command, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "seatrial.toml").write_text(text, "utf-8")
    here("verify").refused(2, "seatrial.toml", words)


def test_load_asks_before_it_looks_beyond_this_machine(here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: asked.append(address))
    here("load", "http://example.invalid").refused(2, "is not on this machine", "--yes")
    here("verify", "http://example.invalid", "--load").refused(2, "is not on this machine", "--yes")
    assert asked == []


def test_a_port_that_is_taken(here: Command) -> None:
    with bound(LOOPBACK, 0) as taken:
        port = str(taken.getsockname()[1])
        here("lab", "reference", "--port", port).refused(2, f"port {port} on 127.0.0.1 is in use", "--port")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
@BOTH
def test_a_place_where_nothing_can_be_written(here: Command, name: str) -> None:
    here(name, "--out", "/proc/seatrial").refused(2, "cannot write the run folder /proc/seatrial")


@BOTH
def test_an_empty_folder_given_as_out_is_there_and_empty_afterwards(here: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    here(name, f"http://127.0.0.1:{free_port()}", "--out", "mine").refused(3, "connection refused: nothing listens")
    here(name, f"http://127.0.0.1:{free_port()}", "--out", "new/run").refused(3, "does not answer")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert list((tmp_path / "mine").iterdir()) == []


@BOTH
def test_a_host_that_nobody_knows(here: Command, name: str) -> None:
    here(name, "http://seatrial.invalid", "--yes").refused(3, "http://seatrial.invalid does not answer")


@BOTH
def test_a_target_that_accepts_and_never_answers_is_given_up_in_time(here: Command, name: str) -> None:
    with bound(LOOPBACK, 0) as hole:
        started = time.monotonic()
        ended = here(name, f"http://127.0.0.1:{hole.getsockname()[1]}", "--timeout", "0.3s")
    ended.refused(3, "no answer within 0.3 s")
    assert time.monotonic() - started < 5


async def web_page(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("<!doctype html><html>hello</html>", media_type="text/html")(scope, receive, send)


async def something_else(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"service": "weather"})(scope, receive, send)


async def rude(scope: Scope, receive: Receive, send: Send) -> None:
    await Response("two\r\nlines\n\x1b[31mand colours", 418, media_type="text/plain")(scope, receive, send)


@BOTH
def test_a_target_that_speaks_neither_api_is_told_what_it_serves_instead(here: Command, name: str) -> None:
    with running(web_page) as url:
        here(name, url).refused(3, "serves neither API", "GET /api/version answers 200 with an HTML page")
        here(name, url, "--api", "sessions").refused(3, "does not serve the Session API", "HTML page")
    with running(something_else) as url:
        here(name, url).refused(3, "serves neither API", '200 application/json {"service":"weather"}')
    with running(rude) as url:
        here(name, url).refused(3, "418 text/plain two lines [31mand colours")


@pytest.fixture
def fake() -> Iterator[tuple[str, FakeOpenWebUI]]:
    it = FakeOpenWebUI()
    with running(it.app) as url:
        yield url, it


@BOTH
def test_the_session_api_is_not_looked_for_in_an_open_webui(
    here: Command, fake: tuple[str, FakeOpenWebUI], name: str
) -> None:
    ended = here(name, fake[0], "--api", "sessions")
    ended.refused(3, "does not serve the Session API", "the web app answers in its place", "--api openwebui")


@BOTH
@pytest.mark.parametrize("option", ["--admin", "--account"])
def test_a_wrong_password_is_tried_once(
    here: Command, fake: tuple[str, FakeOpenWebUI], tmp_path: Path, name: str, option: str
) -> None:
    url, it = fake
    (tmp_path / "login").write_text(f"{ADMIN}:{WRONG}\n", "utf-8")
    ended = here(name, url, option, "@login")
    ended.refused(2, f"{ADMIN}: the deployment does not accept this e-mail and password")
    assert WRONG not in ended.err + ended.out
    assert it.asked["signIn"] == 1
    assert set(it.asked) == {"getVersion", "signIn"}


@BOTH
@pytest.mark.parametrize("variable", ["SEATRIAL_TOKEN", "SEATRIAL_ADMIN_TOKEN"])
def test_a_token_that_is_not_accepted(
    here: Command, fake: tuple[str, FakeOpenWebUI], monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    url, it = fake
    monkeypatch.setenv(variable, SECRET)
    ended = here(name, url)
    ended.refused(2, "does not accept this token; it may have expired")
    assert SECRET not in ended.err + ended.out
    assert it.asked["getCurrentUser"] == 1


async def tell_tale(scope: Scope, receive: Receive, send: Send) -> None:
    """An Open WebUI that quotes the credentials it refuses."""
    request = Request(scope, receive)
    if request.url.path == "/api/version":
        answer: Response = JSONResponse({"version": "0.9.6"})
    else:
        sent = request.headers.get("authorization", "") + (await request.body()).decode()
        answer = JSONResponse({"detail": f"refused: {sent}"}, 401 if "/auths/" in request.url.path else 404)
    await answer(scope, receive, send)


def test_a_secret_that_the_target_quotes_is_not_shown(here: Command) -> None:
    with running(tell_tale) as url:
        for option, value in (("--token", SECRET), ("--admin-token", SECRET), ("--admin", f"me@example.org:{SECRET}")):
            ended = here("verify", url, option, value)
            ended.refused(2, "does not accept", "***")
            assert SECRET not in ended.err + ended.out


@BOTH
def test_an_unknown_model_and_no_model_leave_nothing_on_the_target(tmp_path: Path, name: str) -> None:
    it = FakeOpenWebUI()
    with running(it.app) as url:
        ended = seatrial_command(tmp_path, name, url, "--admin", f"{ADMIN}:right", "--model", "nope")
        ended.refused(2, "--model nope", "visible: scripted, other")
        it.models = ()
        ended = seatrial_command(tmp_path, name, url, "--admin", f"{ADMIN}:right")
        ended.refused(3, "no model is visible to")
        assert it.asked["signIn"] == 2
        assert [account["id"] for account in it.accounts.values()] == ["boss"]
        assert it.chats == {}


def test_an_open_webui_without_credentials_is_told_which_ones_it_wants(tmp_path: Path) -> None:
    with running(FakeOpenWebUI().app) as url:
        seatrial_command(tmp_path, "verify", url).refused(2, "asks for credentials: give --admin")
