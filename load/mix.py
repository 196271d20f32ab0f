"""Which journeys people take, and how often: `session=6,reader=3,completions=1`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.errors import WrongUse
from seatrial.target import Account

SPEAK = {
    "session": (SESSIONS, OPENWEBUI),
    "reader": (SESSIONS, OPENWEBUI),
    "completions": (OPENWEBUI,),
    "browser": (OPENWEBUI,),
}
"""The journeys that there are, and the APIs on which they can be made."""

TURNLESS = frozenset({"reader"})
"""Journeys in which nobody says anything."""

_PART = re.compile(r"([a-z]+)(?:=(\d+))?")


@dataclass(frozen=True, slots=True)
class Mix:
    """Journeys with their weights."""

    weights: Mapping[str, int]

    @classmethod
    def parse(cls, text: str) -> Mix:
        """Raises `WrongUse` for a journey that nobody knows, and for weights that leave nothing."""
        weights: dict[str, int] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            match = _PART.fullmatch(part)
            if match is None or match[1] not in SPEAK:
                raise WrongUse(f"--mix: {part!r} is no journey; there are {', '.join(SPEAK)}, as in session=6,reader=3")
            weights[match[1]] = weights.get(match[1], 0) + int(match[2] or 1)
        if not sum(weights.values()):
            raise WrongUse("--mix: all weights are 0, so that nobody does anything")
        return cls({name: weight for name, weight in weights.items() if weight})

    def demand(self, api: str) -> None:
        """Raises `WrongUse` for a journey that cannot be made on this API."""
        for name in self.weights:
            if api not in SPEAK[name]:
                raise WrongUse(f"--mix: the journey {name} is for Open WebUI; the target serves the Session API")

    def demand_accounts(self, accounts: Sequence[Account], users: int) -> None:
        """Raises `WrongUse` where a journey wants more of the accounts, or other ones, than there are."""
        if "browser" not in self.weights:
            return
        deaf = [account for account in accounts if not account.token or account.token.startswith("sk-")]
        if deaf:
            raise WrongUse(
                f"--mix: {deaf[0].label} hears nothing over the socket of the journey browser, which API keys do not "
                "open; give --account, or --admin for accounts of its own"
            )
        if len(accounts) < users:
            raise WrongUse(
                f"--mix: the journey browser wants an account for each of {users} users, and {len(accounts)} can ask a "
                "model: every socket of an account hears all of its chats; give --admin, or more of --account"
            )

    def choose(self, chance: random.Random) -> str:
        return chance.choices(list(self.weights), list(self.weights.values()))[0]

    def __str__(self) -> str:
        return ",".join(f"{name}={weight}" for name, weight in self.weights.items())
