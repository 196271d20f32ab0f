"""How tests speak to the Session API: with the verbs, or as somebody without this project would."""

from __future__ import annotations

from typing import Any

import httpx

from seatrial.actor import Actor, verbs_for
from seatrial.client import Client
from seatrial.contract import SESSIONS, Contract
from seatrial.exchange import NO_BODY, Call
from seatrial.target import Account, Target

CONTRACT = Contract.load()


def client(url: str, token: str | None = None) -> Client:
    """A client whose every answer is held to the contract."""

    def hold(_account: Account, _call: Call, outcome: Any) -> None:
        assert list(CONTRACT.violations(outcome)) == []

    return Client(Target(url), Account("somebody", token), on_exchange=hold)


def actor(sender: Client) -> Actor:
    return Actor(verbs_for(SESSIONS, CONTRACT), sender.send)


def ask(url: str, operation: str, *values: str, json: Any = NO_BODY, **more: Any) -> httpx.Response:
    """A request as somebody without this project would send it."""
    call = CONTRACT.call(operation, *values)
    if json is not NO_BODY:
        more["json"] = json
    return httpx.request(call.method, url + call.path, timeout=20, **more)
