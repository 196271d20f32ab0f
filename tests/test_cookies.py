"""Cookies that sign somebody in: to nobody but who they are of."""

from __future__ import annotations

import pytest

from contract_tests.log import Log
from seatrial.contract import Contract
from seatrial.exchange import Reply
from seatrial.known import Acceptance
from seatrial.target import Account

CONTRACT = Contract.load()
ANA, RUI, STRANGER = Account("ana", "the-token-of-ana"), Account("rui", "the-token-of-rui"), Account("anonymous")


@pytest.mark.parametrize(
    ("account", "token", "wrong"),
    [
        (STRANGER, "abc", True),
        (ANA, "abc", False),  # of something else in front, or a new one of hers
        (ANA, "the-token-of-ana", False),
        (ANA, "the-token-of-rui", True),  # as from a cache that keeps an answer with its cookie
        (STRANGER, "the-token-of-rui", True),
    ],
)
def test_a_cookie_that_signs_somebody_else_in_is_a_leak(account: Account, token: str, wrong: bool) -> None:
    heard, call = Log(CONTRACT, "http://target.invalid", Acceptance("0.12.4")), CONTRACT.call("getVersion")
    headers, body = {"content-type": "application/json"}, b'{"version": "1.0", "deployment_id": ""}'
    heard.hear(RUI, call, Reply(call, 200, headers, body))
    cookie = {"set-cookie": f"lang=en; Path=/, token={token}; Path=/"}
    heard.hear(account, call, Reply(call, 200, headers | cookie, body))
    assert {finding.rule for finding in heard.findings.values()} == ({"no-secrets"} if wrong else set())
    assert [finding.where for finding in heard.findings.values()] == (["header: set-cookie"] if wrong else [])
