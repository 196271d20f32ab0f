"""Which part of a load a process plays: one of several workers, or all of it.

Workers are processes of one machine or of many. Each has accounts, a ledger and samples of its own, so that nothing
that one of them does waits for another, and nothing is lost with another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from load import stages
from load.sampling import KEPT
from seatrial.settings import Settings

Somebody = TypeVar("Somebody")

PLAYED = (
    "users",
    "rate",
    "stage",
    "duration",
    "turns",
    "think",
    "mix",
    "seed",
    "seed_chats",
    "seed_messages",
    "timeout",
)
"""The settings that all workers of a load have from the one who leads them; where they reach the target, and as whom,
each says itself."""


@dataclass(frozen=True)
class Share:
    """The `worker`-th (from 0) of so many. `marker` is the load's; each worker's own begins with it."""

    worker: int = 0
    workers: int = 1
    marker: str = ""

    @property
    def part(self) -> int:
        """The worker's number as people count, 0 for who has no others beside him."""
        return self.worker + 1 if self.workers > 1 else 0

    @property
    def samples(self) -> str:
        """The name of its file of samples."""
        return f"worker-{self.part:02}.jsonl" if self.part else "load.jsonl"

    @property
    def files(self) -> tuple[str, ...]:
        """What one of several writes into its run folder as it goes, and sends to a master elsewhere."""
        return f"ledger-{self.part:02}.jsonl", f"samples/{self.samples}", f"{KEPT}/{self.samples}"

    def of(self, number: float) -> int:
        """How many of so many users are its own."""
        return max(0, math.ceil((math.ceil(number) - self.worker) / self.workers))

    def among(self, people: Sequence[Somebody]) -> Sequence[Somebody]:
        """Its own of people whom all workers know, where there is one at least for each of them."""
        return people[self.worker :: self.workers] if len(people) >= self.workers else people


def orders(settings: Settings) -> dict[str, Any]:
    """What is to be played, as it is told to workers."""
    return {name: getattr(settings, name) for name in PLAYED}


def ordered(settings: Settings, told: dict[str, Any]) -> Settings:
    """A worker's own settings, with what it was told to play. Raises `WrongUse` for what cannot be played."""
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, (list, tuple))}
    settings = replace(settings, **(told | lists))
    stages.of(settings)
    return settings
