"""`seatrial lab reference`, by itself and in front of something else, when things go well and when they do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from session_api import CONTRACT, actor, ask, client

from seatrial.client import Client
from seatrial.contract import default_path
from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab.reference import ANSWERS, create_app
from seatrial.lab.serving import bound, free_port, running
from seatrial.lab.upstream import Upstream
from seatrial.settings import Settings
from seatrial.target import Account, Target

# --- the command


def test_the_command_says_when_it_is_ready_within_its_prefix_and_ends_cleanly(tmp_path: Path) -> None:
    copy = tmp_path / "mine.yaml"
    text = default_path().read_text("utf-8")
    copy.write_text(text.replace('"http://localhost:9090"', '"http://localhost:9090/llm"'), encoding="utf-8")
    arguments = ["--port", "0", "--contract", str(copy), "--token", "ana-token"]
    with command(*arguments) as process:
        assert process.stdout is not None
        word, url = process.stdout.readline().split()
        assert word == "ready"
        assert url.endswith("/llm")
        assert httpx.get(f"{url}/api/v1/sessions").status_code == 401
        with client(url, "ana-token") as sender:
            assert actor(sender).list_sessions() == []
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "said_so"),
    [
        (["--port", "{taken}"], "is in use; choose another with --port"),
        (["--port", "0", "--account", "a@example.org:b"], "--account names an account of an Open WebUI"),
        (["--port", "0", "--upstream", "http://127.0.0.1:9", "--database", "x.db"], "--database is for"),
        (["--port", "0", "--contract", "none.yaml"], "none.yaml: cannot be read"),
        (["--port", "0", "--token", ""], "a token is one word"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], said_so: str) -> None:
    with bound("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        with command(*(argument.replace("{taken}", port) for argument in arguments)) as process:
            output, error = process.communicate(timeout=20)
    assert (process.returncode, output) == (2, "")
    assert said_so in error
    assert error.count("\n") == 1


# --- in front of something else


def test_first_contact_tells_what_is_wrong_with_the_upstream() -> None:
    with running(create_app(CONTRACT)) as server, pytest.raises(Inconclusive, match=r"serves the Session API, not"):
        Upstream.reach(Settings(url=server))
    with pytest.raises(Inconclusive, match="nothing listens there"):
        Upstream.reach(Settings(url=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(WrongUse, match="works as one account"):
        Upstream.reach(Settings(url="http://127.0.0.1:9", token=("a", "b")))


@pytest.mark.parametrize(
    ("answer", "status", "said_so"),
    [
        ((500, {"detail": "boom"}), 502, "500"),
        ((400, {"detail": "database is locked"}), 502, "database is locked"),
        ((200, "<!doctype html>"), 502, "an HTML page"),
        ((200, {"unexpected": True}), 502, "expected"),
        ((401, {"detail": "expired"}), 401, "not accepted"),
        (None, 502, "does not answer"),
    ],
)
def test_what_goes_wrong_upstream_is_one_plain_sentence(answer: Any, status: int, said_so: str) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        if answer is None:
            raise httpx.ConnectError("refused")
        code, body = answer
        return httpx.Response(code, html=body) if isinstance(body, str) else httpx.Response(code, json=body)

    class Scripted(Upstream):
        def connect(self, account: Account) -> Client:
            return Client(self.target, account, transport=httpx.MockTransport(respond))

    upstream = Scripted(Target("http://target.example", "openwebui"), CONTRACT, Account("ana", "t"), "m")
    with running(create_app(CONTRACT, upstream=upstream)) as url:
        for operation in ANSWERS:
            values = ("1a2b3c4d-0000-4000-8000-000000000000",) if CONTRACT.operation(operation).path_parameters else ()
            reply = ask(url, operation, *values, json={"prompt": "hi"})
            assert (operation, reply.status_code) == (operation, status)
            assert said_so in reply.json()["detail"]


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    line = [sys.executable, "-c", "from seatrial.cli import main; main()", "lab", "reference", *arguments]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_by_itself_it_heeds_no_settings_of_a_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seatrial.toml").write_text('token = ["@nowhere"]\nadmin = "boss@example.org"\n', "utf-8")
    with command("--port", "0") as process:
        assert process.stdout is not None
        word, url = process.stdout.readline().split()
        assert word == "ready"
        assert httpx.get(f"{url}/api/v1/sessions").status_code == 200
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)
