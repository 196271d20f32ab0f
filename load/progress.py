"""How far a load has come: lines that the Locust process writes and whoever started it follows.

They stand in `progress.jsonl` of the run folder, one typed record a line, like everything else there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from load.machine import machine
from seatrial.crew import Crew, Person

FILE = "progress.jsonl"


@dataclass(frozen=True)
class Phase:
    """What is going on: "workers" (waiting for them), "accounts", "filling", "running", "finishing" or "cleaning".

    Counts are since the load's start.
    """

    name: str
    done: float
    of: float
    requests: int = 0
    failures: int = 0
    sessions: int = 0


@dataclass(frozen=True)
class Ordered:
    """What a worker was told to play, as the settings are called, and the which-th (from 1) of how many it is."""

    settings: dict[str, Any]
    worker: int
    workers: int


@dataclass(frozen=True)
class Mustered:
    """What the target turned out to be, and who works on it. No secrets.

    `machines` are where it is played (see `load.machine`), one of each process that plays; none in older records.
    """

    api: str
    version: str | None
    product: str | None
    contract: str
    model: str | None
    marker: str
    accounts: list[dict[str, Any]]
    notes: list[str]
    machines: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, crew: Crew, people: Sequence[Person]) -> Mustered:
        """The crew, of whom these people take part, in this process."""
        accounts = [
            {"label": p.account.label, "role": p.account.role, "throwaway": p.account.throwaway}
            for p in [*people, *([crew.admin] if crew.admin else [])]
        ]
        deployment = crew.deployment
        return cls(
            crew.api,
            deployment.version,
            deployment.name,
            crew.contract.source,
            crew.model,
            crew.marker,
            accounts,
            list(crew.notes),
            [machine()],
        )


@dataclass(frozen=True)
class Ended:
    """The load is over and cleaned up. `finished`: nobody cut it short. `exit_code` and `cause` belong to `problem`.

    `seconds` are from the load's start to the call to end; finishing and cleaning up are not among them.
    """

    finished: bool
    seconds: float
    problem: str | None = None
    exit_code: int | None = None
    cause: str = ""
    notes: list[str] = field(default_factory=list)


Progress = Phase | Ordered | Mustered | Ended
