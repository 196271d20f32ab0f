"""What must never reach a record: tokens, passwords, and the headers that a deployment's proxy asks for.

In prose a secret becomes `***`. In the steps of a finding it becomes `<secret 1>` or `<key 2>`: so one can see that
two calls carried the same one, and whoever sends them again puts another in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress

from seatrial.exchange import Call, Reply
from seatrial.parsing import parse
from seatrial.reading import held
from seatrial.target import Account

SHORTEST_TOKEN, SHORTEST_HIDDEN = 12, 8
"""Characters; a shorter text may stand anywhere by chance, and masking it would spoil what is recorded."""

GIVEN = ("token", "api_key")
"""What answers call what they give to sign in with."""


class Secrets:
    """Those that were seen so far, in their order."""

    def __init__(self, hidden: Iterable[str] = ()) -> None:
        """`hidden` are masked from the start."""
        self._numbers: dict[str, int] = {}
        self._tokens: set[str] = set()
        for text in hidden:
            for part in (text, *_parts(text)):
                self._number(part)

    def hear(self, account: Account, call: Call) -> None:
        """Whatever a call carries that is secret is one from now on."""
        if account.token:
            self._number(account.token)
            if len(account.token) >= SHORTEST_TOKEN:
                self._tokens.add(account.token)
        if isinstance(call.json, dict) and isinstance(call.json.get("password"), str):
            self._number(call.json["password"])

    def given_by(self, reply: Reply) -> None:
        """So is the token or key that an answer gives to whoever asked, who may be nobody that should have it."""
        with suppress(ValueError):
            document = parse(reply.body)
            for name in GIVEN:
                if isinstance(value := held(document, name), str) and value:
                    self._number(value)

    def told_in(self, text: str, body: bytes) -> bool:
        """Whether a text, or a body, holds the token of an account."""
        return any(token in text or token.encode("utf-8", "replace") in body for token in self._tokens)

    def masked(self, text: str) -> str:
        for secret in self._long():
            text = without(text, secret)
        return text

    def numbered(self, text: str) -> str:
        """The text with each secret as its name."""
        for secret in self._long():
            for form in _forms(secret):
                text = text.replace(form, self.name(secret))
        return text

    def knows(self, text: str) -> bool:
        return text in self._numbers

    def name(self, secret: str) -> str:
        """The name that stands for a secret; keys of Open WebUI are told from other tokens."""
        return f"<{'key' if secret.startswith('sk-') else 'secret'} {self._number(secret)}>"

    def _number(self, secret: str) -> int:
        return self._numbers.setdefault(secret, len(self._numbers) + 1)

    def _long(self) -> list[str]:
        # The longest first: one may be the beginning of another.
        long = [secret for secret in self._numbers if secret in self._tokens or len(secret) >= SHORTEST_HIDDEN]
        return sorted(long, key=len, reverse=True)


def _parts(value: str) -> list[str]:
    """What is secret of a header's value by itself: what follows its scheme, and the values of a cookie."""
    scheme = re.fullmatch(r"(?i:basic|bearer|token|digest|negotiate|apikey|key) (\S+)", value)
    pairs = re.findall(r"(?:^|; )[^=;\s]+=([^;\s]+)", value)
    return [part for part in ([scheme[1]] if scheme else pairs) if len(part) >= SHORTEST_HIDDEN]


def without(text: str, secret: str) -> str:
    """The text with one secret masked, however short that is."""
    for form in _forms(secret):
        text = text.replace(form, "***")
    return text


def _forms(secret: str) -> dict[str, None]:
    """As it is, and as it stands inside of JSON."""
    return dict.fromkeys([secret, json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(secret)[1:-1]])
