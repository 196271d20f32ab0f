"""Tokens that come to their end: the run ends before them, whatever the clocks say, and still removes what it made."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from clocks import Clock
from command_line import seatrial_command
from odd_openwebui import OddOpenWebUI

from contract_tests.expiry import SPARE, Expired, Expiry, end_of
from seatrial.contract import Contract
from seatrial.lab.serving import running
from seatrial.records import RunFolder
from seatrial.target import Account

EXPIRES = SPARE + 0.3

CALL = Contract.load().call("listChats")


def token(end: object, name: str = "a") -> str:
    parts = ({"alg": "HS256"}, {"id": name, "exp": end})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".sig"


def test_nothing_is_begun_with_a_token_that_ends() -> None:
    clock = Clock(1_000.0)
    expiry, account = Expiry(clock), Account("account 1", token(1_600))
    expiry.before(account, CALL)
    clock.now = 1_590.0
    expiry.before(account, CALL)
    assert expiry.notes() == ["tokens are good for 10 min here (JWT_EXPIRES_IN): a slow run may outlive them"]
    clock.now = 1_596.0
    with pytest.raises(Expired, match="the token of account 1 has come to its end: they are good for 10 min here"):
        expiry.before(account, CALL)
    for other in (Account("account 2", token(9_999)), Account("stranger", token(1_600)), Account("anonymous")):
        expiry.before(other, CALL)
    expiry.closed = True
    expiry.before(account, CALL)


def test_clocks_that_do_not_agree_end_no_run() -> None:
    clock = Clock(5_000.0)
    expiry = Expiry(clock)
    for _ in range(2):
        expiry.before(Account("account 1", token(1_600)), CALL)
        clock.now += 1_000
    assert expiry.notes() == []


@pytest.mark.parametrize(
    "text",
    ["", "sk-0123", "a.b", "a.b.c", "a.e30.c", "a.W10.c", token("soon"), token(True), token(None), "..", "a.ä.c"],
)
def test_what_says_nothing_of_its_end_has_none(text: str) -> None:
    assert end_of(text) is None


def test_a_life_that_is_long_enough_is_not_told() -> None:
    expiry = Expiry(Clock(0.0))
    expiry.before(Account("account 1", token(1_900)), CALL)
    assert expiry.notes() == []
    assert end_of(token(1_900.5)) == 1_900.5


def test_a_run_ends_before_its_tokens_do_and_is_inconclusive(tmp_path: Path) -> None:
    class Short(OddOpenWebUI):
        """Its tokens are good for a few seconds."""

        def _add_user(self, user: Any, body: dict[str, str]) -> Any:
            made = super()._add_user(user, body)
            if not isinstance(made, dict):
                return made
            short = token(time.time() + EXPIRES, made["id"])
            self.accounts[short] = self.accounts.pop(made["token"])
            return made | {"token": short}

    fake = Short()
    with running(fake.app) as url:
        env = {"SEATRIAL_ADMIN_TOKEN": "token-of-boss", "PYTEST_ADDOPTS": "-k test_lifecycle"}
        ended = seatrial_command(tmp_path, "verify", url, "--out", "run", env=env)
    run = RunFolder(tmp_path / "run").load()
    assert "has come to its end" in (run.problem or ""), ended
    assert run.left_behind == []
    assert {account["id"] for account in fake.accounts.values()} == {"boss", "keyholder"}
