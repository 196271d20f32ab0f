"""Which journeys people take, and how often: `session=6,reader=3,completions=1`."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.errors import WrongUse

SPEAK = {
    "session": (SESSIONS, OPENWEBUI),
    "reader": (SESSIONS, OPENWEBUI),
    "completions": (OPENWEBUI,),
    "browser": (OPENWEBUI,),
}
"""The journeys that there are, and the APIs on which they can be made."""

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

    def choose(self, chance: random.Random) -> str:
        return chance.choices(list(self.weights), list(self.weights.values()))[0]

    def __str__(self) -> str:
        return ",".join(f"{name}={weight}" for name, weight in self.weights.items())
