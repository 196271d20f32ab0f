"""How long the accounts of a run are good for: Open WebUI's tokens say so themselves (RFC 7519, `exp`).

    expiry = Expiry()
    crew.before[:0] = [expiry.before]

After that everything is refused, and no rule may make a fault of it: the run ends with what it has.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable

from contract_tests.budget import RunSpent
from seatrial.exchange import Call
from seatrial.target import SHORT_LIVED, STRANGER, Account

SPARE = 5.0
"""Seconds before the end in which nothing is begun any more."""

SHORT = 1_800.0
"""A life in seconds that a slow run may outlive."""


class Expired(RunSpent):
    """A token of the run is no longer good."""


class Expiry:
    """Refuses calls of accounts whose token has come to its end, by how long it was good for when it was first used.

    That way no clock has to be right. `closed`: nothing is refused, since what was made is being removed.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._ends: dict[str, float | None] = {}
        self._lives: list[float] = []
        self.closed = False

    def before(self, account: Account, _call: Call) -> None:
        """Raises `Expired`."""
        token = account.token
        if not token or self.closed or account.label in (STRANGER, SHORT_LIVED):
            return
        if token not in self._ends:
            end = end_of(token)
            life = None if end is None else end - self._now()
            known = life is not None and life > 0  # else the clocks do not agree
            self._ends[token] = end if known else None
            self._lives += [life] if known and life is not None else []
        end = self._ends[token]
        if end is not None and self._now() > end - SPARE:
            raise Expired(
                f"the token of {account.label} has come to its end: they are good for {min(self._lives) / 60:.0f} min "
                "here (JWT_EXPIRES_IN); give one that lives longer, or an API key"
            )

    def notes(self) -> list[str]:
        """What a report says of it."""
        shortest = min(self._lives, default=SHORT)
        told = f"tokens are good for {shortest / 60:.0f} min here (JWT_EXPIRES_IN): a slow run may outlive them"
        return [told] if shortest < SHORT else []


def end_of(token: str) -> float | None:
    """Epoch seconds, None where a token is none that says so."""
    parts = token.split(".")
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)) if len(parts) == 3 else b"{}"
        end = json.loads(text).get("exp")
        return float(end) if isinstance(end, (int, float)) and not isinstance(end, bool) else None
    except (binascii.Error, ValueError, AttributeError, RecursionError, OverflowError):
        return None
