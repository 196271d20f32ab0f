"""Accounts that are given: as many as somebody has, and how their tokens come to the load process."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from load.handing import handed
from seatrial.accounts import given_accounts, sign_in
from seatrial.cli.load import run_load
from seatrial.client import Client
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.errors import SeatrialError
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder
from seatrial.settings import Settings
from seatrial.target import Account, Login, Target

CONTRACT = Contract.load()
LONG = tuple(f"{number:04}" + "x" * 6_996 for number in range(20))
"""Tokens that together are more than a variable of the environment takes."""

ASK = """
import os
from seatrial.settings import from_environment
print(*from_environment(os.environ).token)
"""


def test_more_than_a_thousand_accounts_can_be_given() -> None:
    def connect(account: Account) -> Client:
        everybody = httpx.MockTransport(lambda _: httpx.Response(200, json={"sessions": []}))
        return Client(Target("http://target.example", SESSIONS), account, transport=everybody)

    settings = Settings(url="http://target.example", token=tuple(f"token-{number}" for number in range(1_100)))
    accounts, _ = given_accounts(settings, CONTRACT, connect)
    assert accounts[-1].label == "account 1100"


def test_tokens_that_fit_into_no_variable_reach_a_process_and_leave_nothing() -> None:
    with handed(Settings(token=LONG)) as given:
        file = Path(given.token[0].removeprefix("@"))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        environ = child_environment() | given.environment()
        done = subprocess.run([sys.executable, "-c", ASK], env=environ, capture_output=True, text=True, check=True)
    assert tuple(done.stdout.split()) == LONG
    assert not file.parent.exists()


def test_tokens_that_fit_are_written_to_no_file() -> None:
    few = Settings(token=LONG[:2])
    with handed(few) as given:
        assert given is few


@pytest.mark.parametrize("password", ["hush", 'pä"ss\\wörd' * 20])
@pytest.mark.parametrize("status", [401, 422, 429, 500, 200])
def test_a_password_that_an_answer_quotes_is_not_told(password: str, status: int) -> None:
    def echoed(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"detail": [{"msg": "x" * 90, "input": json.loads(request.content)}]})

    with Client(Target("http://target.example", OPENWEBUI), transport=httpx.MockTransport(echoed)) as client:
        with pytest.raises(SeatrialError) as error:
            sign_in(client, CONTRACT, Login("me@example.org", password), "account 1")
    told = str(error.value)
    assert "me@example.org" in told
    assert password[:4] not in told
    assert json.dumps(password)[1:7] not in told


@pytest.mark.parametrize("processes", [1, 2])
def test_a_load_has_accounts_with_long_tokens(tmp_path: Path, processes: int) -> None:
    folder = RunFolder.create(str(tmp_path / "run"), "load")
    with running(create_app(CONTRACT)) as url, open(os.devnull, "w") as nowhere:
        settings = Settings(url=url, token=LONG, users=2, duration=3.0, turns=1, think=0.2, processes=processes)
        run = run_load(settings, folder, Console(file=nowhere))
    assert run.counts["acknowledged"] > 0, run
    assert len(run.accounts) == len(LONG)
    assert LONG[0] not in "".join(path.read_text("utf-8") for path in folder.path.rglob("*.*"))
