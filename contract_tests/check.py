"""How a test says what it looked at, and what it found.

    check.equal("history-content", "getHistory", said, heard, where="$.messages", reply=reply)

A check that fails is recorded and the test goes on: one departure does not hide the next.
"""

from __future__ import annotations

from typing import Any

from contract_tests.log import Log
from seatrial.exchange import Call, Reply
from seatrial.records import Severity
from seatrial.target import Account


class Checker:
    """Records checks and findings in the log of the run."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def that(
        self,
        rule: str,
        operation: str,
        condition: bool,
        expected: str,
        received: Any,
        where: str,
        *,
        reply: Reply | None = None,
        account: Account | None = None,
        severity: Severity | None = None,
        call: Call | None = None,
    ) -> bool:
        """A finding unless the condition holds. Returns the condition."""
        self.log.held(rule, operation)
        if not condition:
            text = received if isinstance(received, str) else repr(received)
            self.log.finding(rule, operation, expected, text, where, reply, account, severity, call)
        return condition

    def equal(self, rule: str, operation: str, expected: Any, received: Any, where: str, **more: Any) -> bool:
        if expected == received:
            return self.that(rule, operation, True, "", "", where)
        wanted, got = difference(expected, received)
        return self.that(rule, operation, False, wanted, got, where, **more)

    def skip(self, rule: str, operation: str, reason: str) -> None:
        self.log.skip(rule, operation, reason)

    def note(self, words: str) -> None:
        """What whoever reads the report should know, and is no finding; said once."""
        self.log.note(words)


def difference(expected: Any, received: Any) -> tuple[str, str]:
    """Where two values part, told shortly: long texts by their first differing place."""
    if isinstance(expected, str) and isinstance(received, str):
        place = next((i for i, pair in enumerate(zip(expected, received, strict=False)) if pair[0] != pair[1]), None)
        place = min(len(expected), len(received)) if place is None else place
        start = max(0, place - 20)
        return (
            f"{len(expected)} characters, at {place}: {expected[start : place + 40]!r}",
            f"{len(received)} characters, at {place}: {received[start : place + 40]!r}",
        )
    if isinstance(expected, (list, tuple)) and isinstance(received, (list, tuple)):
        for i, (a, b) in enumerate(zip(expected, received, strict=False)):
            if a != b:
                return (
                    f"{len(expected)} entries, entry {i}: {_short(a)}",
                    f"{len(received)} entries, entry {i}: {_short(b)}",
                )
        missing, extra = expected[len(received) :], received[len(expected) :]
        odd = f"missing: {_short(list(missing))}" if missing else f"too many: {_short(list(extra))}"
        return f"{len(expected)} entries", f"{len(received)} entries; {odd}"
    if isinstance(expected, dict) and isinstance(received, dict):
        for key in dict.fromkeys([*expected, *received]):  # a set would name another difference each time
            if expected.get(key) != received.get(key):
                return f"at {key}: {_short(expected.get(key))}", f"at {key}: {_short(received.get(key))}"
    return _short(expected), _short(received)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "…"
