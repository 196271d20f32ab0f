"""Tokens that come to their end: the run ends before them, whatever the clocks say, and still removes what it made."""

from __future__ import annotations

import base64
import json

import pytest

from contract_tests.expiry import Expired, Expiry, end_of
from seatrial.contract import Contract
from seatrial.target import Account

CALL = Contract.load().call("listChats")


def token(end: object, name: str = "a") -> str:
    parts = ({"alg": "HS256"}, {"id": name, "exp": end})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".sig"


class Clock:
    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def test_nothing_is_begun_with_a_token_that_ends() -> None:
    clock = Clock(1_000.0)
    expiry, account = Expiry(clock), Account("account 1", token(1_600))
    expiry.before(account, CALL)
    clock.at = 1_590.0
    expiry.before(account, CALL)
    assert expiry.notes() == ["tokens are good for 10 min here (JWT_EXPIRES_IN): a slow run may outlive them"]
    clock.at = 1_596.0
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
        clock.at += 1_000
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
