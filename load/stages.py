"""How much load, for how long: stages as data, and when sessions arrive in them.

    stages = parse(["10:30s", "10-50:60s"])        # ten users for half a minute, then rising to fifty
    stages = parse(["0.5/s:5m"])                   # an open loop: a session every other second
    for moment in arrivals(stages, seed=0): ...    # seconds since the start, when a session is due (open loop)

A level is users in a closed loop, and sessions started in a second in an open one. Arrivals are a Poisson process, as
those of many people who know nothing of each other, drawn from the seed: several processes draw the same one, and each
takes its share.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from seatrial.errors import WrongUse
from seatrial.settings import Settings

LEAST_SPREAD = 0.5
"""Seconds over which the users of a closed loop begin at the least, so that they do not march in step."""

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_STAGE = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?(/s)?:(\d+(?:\.\d+)?)([smh]?)")


@dataclass(frozen=True, slots=True)
class Stage:
    """`seconds` at a level, or rising or falling evenly from `level` to `to`: users, or sessions a second (`rate`)."""

    level: float
    seconds: float
    to: float | None = None
    rate: bool = False

    def at(self, seconds: float) -> float:
        """The level so many seconds into the stage."""
        if self.to is None:
            return self.level
        return self.level + (self.to - self.level) * seconds / self.seconds

    def upto(self, seconds: float) -> float:
        """The integral of the level over the first seconds: how many arrivals to expect in them."""
        return (self.level + self.at(seconds)) / 2 * seconds

    def when(self, area: float) -> float:
        """The inverse of `upto`: after how many seconds so many arrivals are due."""
        if self.to is None or self.to == self.level:
            return area / self.level if self.level else math.inf
        slope = (self.to - self.level) / self.seconds
        root = self.level**2 + 2 * slope * area
        return (math.sqrt(max(root, 0.0)) - self.level) / slope


def parse(texts: Sequence[str]) -> tuple[Stage, ...]:
    """Stages as `LEVEL:TIME` or `FROM-TO:TIME`, levels of an open loop with `/s` behind. Raises `WrongUse`."""
    stages = tuple(_parsed(text) for text in texts)
    if len({stage.rate for stage in stages}) > 1:
        raise WrongUse("--stage: either all stages are users (10:30s) or all are sessions a second (2/s:30s)")
    return stages


def _parsed(text: str) -> Stage:
    match = _STAGE.fullmatch(text.strip())
    if match is None:
        raise WrongUse(f"--stage {text!r}: a stage is LEVEL:TIME or FROM-TO:TIME, such as 10:30s, 10-50:2m or 2/s:30s")
    level, to, rate, number, unit = match.groups()
    stage = Stage(float(level), float(number) * UNITS[unit], float(to) if to is not None else None, bool(rate))
    if not 0 < stage.seconds <= 86_400:
        raise WrongUse(f"--stage {text!r}: a stage takes more than 0 and at most 86400 seconds")
    if max(stage.level, stage.to or 0) <= 0:
        raise WrongUse(f"--stage {text!r}: its level is never above 0")
    return stage


def of(settings: Settings) -> tuple[Stage, ...]:
    """The stages that settings ask for: those given, or one of so many users, or of such a rate. Raises `WrongUse`."""
    if settings.stage:
        return parse(settings.stage)
    level = settings.users if settings.rate is None else settings.rate
    return (Stage(level, settings.duration, rate=settings.rate is not None),)


def length(stages: Sequence[Stage]) -> float:
    """Seconds of all stages together."""
    return sum(stage.seconds for stage in stages)


def level(stages: Sequence[Stage], moment: float) -> float:
    """The level so many seconds after the start; after the end, 0."""
    for stage in stages:
        if moment < stage.seconds:
            return stage.at(moment)
        moment -= stage.seconds
    return 0.0


def most(stages: Sequence[Stage]) -> float:
    """The highest level."""
    return max(max(stage.level, stage.to or 0.0) for stage in stages)


def crowd(stages: Sequence[Stage], processes: int = 1) -> int:
    """How many users Locust is to make for so many processes. In an open loop one of each starts all its sessions."""
    return processes if stages[0].rate else math.ceil(most(stages))


def offered(stages: Sequence[Stage], seconds: float = math.inf) -> float:
    """How many arrivals the stages make one expect, all of them or the first seconds."""
    expected = 0.0
    for stage in stages:
        expected += stage.upto(max(0.0, min(seconds, stage.seconds)))
        seconds -= stage.seconds
    return expected


def spread(duration: float, turns: int, think: float) -> float:
    """Seconds over which starts are spread evenly: one session's thinking time, or a quarter of the load's."""
    return min(duration / 4, max(think * (turns + 1), LEAST_SPREAD))


def arrivals(stages: Sequence[Stage], seed: int, worker: int = 0, workers: int = 1) -> Iterator[float]:
    """The moments at which one of several workers starts sessions: every `workers`-th of all, from the `worker`-th."""
    chance, due = random.Random(f"arrivals {seed}"), 0.0
    before, begun, rest = (
        0.0,
        0.0,
        list(stages),
    )  # arrivals expected and seconds gone before the first stage of the rest
    for number in count():
        due += chance.expovariate(1.0)
        while rest and due >= before + rest[0].upto(rest[0].seconds):
            stage = rest.pop(0)
            before += stage.upto(stage.seconds)
            begun += stage.seconds
        if not rest:
            return
        if number % workers == worker:
            yield begun + rest[0].when(due - before)
