"""The way to a finding: the calls of a test as they were sent, and the line with which a person sends one again."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.target import Account

TRAIL = 40
"""Calls that a finding carries along, so that a person can take the same steps."""

SHOWN_BODY = 4000
"""Bytes of a request body that a curl line shows."""


class Trail:
    """The calls of the test that runs, oldest first; the last ones are remembered beyond it."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self._recent: deque[tuple[Call, Account]] = deque(maxlen=TRAIL)

    def hear(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        status = outcome.status if isinstance(outcome, Reply) else 0
        self._recent.append((call, account))
        self.steps.append({"account": account.label, "call": _told(call), "status": status})
        del self.steps[:-TRAIL]

    def start(self) -> None:
        """A new test begins: its trail is its own."""
        self.steps.clear()

    def last(self, operation: str) -> Call | None:
        """The last call of an operation, None where it was not among the last calls."""
        return next((call for call, _ in reversed(self._recent) if call.operation == operation), None)

    def sender(self, call: Call | None) -> Account | None:
        """Who sent a call."""
        return next((who for sent, who in reversed(self._recent) if sent is call), None)


def curl(url: str, call: Call, account: Account | None, headers: Iterable[str] = ()) -> str:
    """A line for a shell that sends the call again, the token taken from the environment."""
    parts = ["curl", "-sS", "-i"]
    if call.method != "GET":
        parts += ["-X", call.method]
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in call.params)
    parts.append(shlex.quote(url + call.path + (f"?{query}" if query else "")))
    line = " ".join(parts)
    if account is not None and account.token:
        line += ' -H "Authorization: Bearer $SEATRIAL_TOKEN"'
    line += "".join(f" -H {shlex.quote(f'{name}: ...')}" for name in headers)
    body = call.body()
    if body is not None:
        text = body.decode("utf-8", "backslashreplace")
        if len(text) > SHOWN_BODY:
            text = text[:SHOWN_BODY] + f"… ({len(body)} bytes in all)"
        line += f" -H 'Content-Type: application/json' --data-raw {shlex.quote(text)}"
    return line


def _told(call: Call) -> Mapping[str, Any]:
    body = call.body()
    text = body.decode("utf-8", "backslashreplace") if body is not None else None
    if text is not None and len(text) > SHOWN_BODY:
        text = text[:SHOWN_BODY] + "…"
    return {
        "operation": call.operation,
        "method": call.method,
        "path": call.path,
        "params": list(call.params),
        "body": text,
    }
