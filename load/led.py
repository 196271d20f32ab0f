"""What a master knows of its workers, and what they all say together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from load.progress import Ended, Mustered, Phase
from load.share import Share
from seatrial.errors import Inconclusive, SeatrialError

PHASES = ("accounts", "filling", "running", "finishing", "cleaning")
"""In their order."""


@dataclass
class Led:
    """What is known of one worker.

    `heard`, and `moved`, when it last got further, are on `time.monotonic`; `lost` are seconds since the load's start.
    """

    share: Share
    heard: float
    name: str = ""
    ready: bool = False
    finished: bool = False
    home: bool = False
    lost: float | None = None
    phase: Phase = field(default_factory=lambda: Phase("accounts", 0, 1))
    mustered: Mustered | None = None
    ended: Ended | None = None
    moved: float = 0.0

    def follow(self, phase: Phase, now: float) -> None:
        """It has told how far it is, and beats with the same words while it gets no further."""
        if not phase.requests:  # cleaning counts nothing, and takes nothing back
            counts = self.phase
            phase = replace(phase, requests=counts.requests, failures=counts.failures, sessions=counts.sessions)
        if phase != self.phase:
            self.phase, self.moved = phase, now

    def is_stuck(self, since: float, now: float, patience: float) -> bool:
        """Whether it got no further for so long; `since` is when it was asked to."""
        return now - max(since, self.moved) > patience

    def finish(self) -> None:
        """No session of it is under way any more, and all of its records have come. Whoever is lost stays lost."""
        self.finished = self.finished or self.lost is None

    def __str__(self) -> str:
        return f"worker {self.share.part} of {self.share.workers}" + (f" ({self.name})" if self.name else "")


class Told(SeatrialError):
    """What a worker could not go on with."""

    def __init__(self, told: str, exit_code: int, cause: str) -> None:
        super().__init__(told)
        self.exit_code, self.cause = exit_code, cause


def missing(led: Iterable[Led], limit: float) -> str:
    """What is missing of a load of so many seconds, in words: the shares of those who were lost while they played."""
    return "; ".join(
        f"{one} was lost after {one.lost:.0f} s: "
        f"{max(0.0, limit - one.lost):.0f} s of its share of the load are missing"
        for one in led
        if one.lost is not None and not one.finished
    )


def uncleaned(led: Iterable[Led]) -> list[str]:
    """Notes on those who were lost when they had played their share, and may not have removed what they made."""
    return [
        f"{one} was lost when it had finished its load: what it had not removed by then is left behind"
        for one in led
        if one.lost is not None and one.finished and not one.home
    ]


def least_far(led: Collection[Led]) -> Phase | None:
    """Everybody's progress together: as far as the least far of those who are still at it."""
    phases = [one.phase for one in led if one.lost is None and not one.home]
    least = min((PHASES.index(phase.name) for phase in phases if phase.name in PHASES), default=None)
    if least is None:
        return None
    alike = [phase for phase in phases if phase.name == PHASES[least]]
    together = max if PHASES[least] in ("running", "finishing") else sum
    requests, failures, sessions = (
        sum(getattr(one.phase, name) for one in led) for name in ("requests", "failures", "sessions")
    )
    done, of = together(phase.done for phase in alike), together(phase.of for phase in alike)
    return Phase(PHASES[least], done, of, requests, failures, sessions)


def together(told: Iterable[Mustered]) -> Mustered:
    """What workers found and made, as if it were one crew. Accounts that several know are named once."""
    told = list(told)
    if len({(one.api, one.version) for one in told}) > 1:
        seen = ", ".join(f"{one.api} {one.version or ''}".strip() for one in told)
        raise Inconclusive(f"the workers do not see the same deployment: {seen}")
    accounts = {str(row): row for one in told for row in one.accounts}
    notes = dict.fromkeys(note for one in told for note in one.notes)
    machines = [machine for one in told for machine in one.machines]
    first = told[0]
    return replace(
        first, marker=first.marker[:-2], accounts=list(accounts.values()), notes=list(notes), machines=machines
    )
