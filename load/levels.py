"""One level of a capacity search: does the deployment keep its objectives with so many at work?

A level is looked at up to three times, each time with more sessions. It holds when every objective is proved, and fails
when one is proved to be missed; the chance of being wrong is split over the looks (Bonferroni), since who looks three
times has three chances. After the third look the values decide, and the answer says that it was close.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from load.objectives import Held, Objective, judge
from seatrial.evidence import Evidence

LOOKS = 3
WRONG = 0.05
"""The chance that a level is judged wrongly, over all its looks."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """`outcome` is None where another look is needed. `missed` are the objectives that failed, the worst first."""

    outcome: Literal["holds", "fails"] | None
    proved: bool
    missed: tuple[Held, ...]
    unsupported: tuple[Held, ...]


def judged(objectives: Sequence[Objective], evidence: Evidence, look: int) -> Judgement:
    """What the evidence of all looks so far says; `look` is how many there were."""
    held = judge(objectives, evidence, confidence=1 - WRONG / LOOKS)
    missed = tuple(one for one in held if one.verdict == "missed")
    unsupported = tuple(one for one in held if one.verdict == "unsupported")
    proved_missed = tuple(one for one in missed if one.proved)
    if proved_missed:
        return Judgement("fails", True, (*proved_missed, *(one for one in missed if not one.proved)), unsupported)
    # To prove fewer than 1 % of errors takes hundreds of requests; where nobody asked for that, their share will do.
    if not missed and not unsupported and all(one.proved for one in held if one.objective.given):
        return Judgement("holds", True, (), ())
    if look < LOOKS:
        return Judgement(None, False, missed, unsupported)
    return Judgement("fails" if missed else "holds", False, missed, unsupported)
