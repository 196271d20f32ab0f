"""What somebody needs to make one journey: who they are, how they send, how time passes, and whom they tell."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from load.delivery import Streamed, Told
from load.integrity import Said
from seatrial.actor import Actor
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Unexpected
from seatrial.target import Account

Refused = (Unexpected, NoAnswer)
Settle = Callable[[Unexpected | None], None]
"""Closes the record of an answer: it was of use (None), or why not."""


class Socket(Protocol):
    """Where replies are told as they are made; see `load.token_line`."""

    id: str
    ended: str

    def expect(self, message_id: str) -> Told:
        """A turn begins, whose reply has this id."""

    def wait(self, told: Told, quiet: float, until: float) -> bool:
        """Until the reply is over or that moment; False after `quiet` seconds of silence."""

    def now(self) -> float:
        """The clock of its moments, `time.perf_counter`."""

    def leave(self) -> None:
        """Close it."""


class Line(Protocol):
    """The connection of one user, as far as journeys use it themselves."""

    account: Account

    @property
    def left(self) -> float:
        """When the last request had left, on `time.perf_counter`."""

    @property
    def patience(self) -> float:
        """Seconds that a reply may take."""

    def listen(self) -> Socket:
        """A new socket. Raises `NoAnswer`."""

    def stream(self, call: Call) -> Streamed:
        """The answer in pieces as they came."""

    def settle(self, error: Unexpected | None = None) -> None:
        """The last answer was of use, or why it was not."""

    def defer(self) -> Settle:
        """What settles the last answer later, after other calls."""

    def turned(
        self, way: str, ended: str, ms: float, first: float | None = None, gaps: Sequence[float] = (), nonce: str = ""
    ) -> None:
        """A turn as the person saw it; see `seatrial.samples.Turned`."""


@dataclass
class Visit:
    """One session to be: who speaks and how long. `said` grows as it goes, for whoever is left with it if it is cut."""

    key: str
    marker: str
    title: str
    turns: int
    said: list[Said] = field(default_factory=list)


@dataclass
class Part:
    """One person on one journey. `pause` lets time pass before a step, and says whether to go on.

    `seeded` are the sessions that the account was filled with before the load, with what they hold.
    """

    visit: Visit
    actor: Actor
    line: Line
    contract: Contract
    model: str | None
    pause: Callable[[], bool]
    sleep: Callable[[float], None]
    now: Callable[[], float]
    chance: random.Random
    seeded: Mapping[str, Sequence[str]] = field(default_factory=dict)
