"""The search for a capacity: which level to try next, from what was found so far, and when it is known.

    while not isinstance(step := following(trials, start=4), Answer):
        trials.append(Trial(step.level, judged(step.level), ...))

Levels double until one fails, then halve what lies between, until the lowest that fails is at most a quarter above the
highest that holds, or one above it. Both are then tried once more: the answer is a level that held twice and one that
failed twice. Where two tries of a level disagree, a third decides. It keeps no state of its own, so that a search that
was interrupted goes on from its trials.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seatrial.samples import NARROW

Outcome = Literal["holds", "fails"]
MOST_TRIALS = 60


@dataclass(frozen=True, slots=True)
class Trial:
    """A level that was tried, and whether it kept the objectives."""

    level: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Step:
    """What to try next, and what for: "doubling", "narrowing", "confirming", "refuting" or "deciding"."""

    level: int
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`holds` is the highest level known to hold, 0 where even one failed; `fails` the lowest above it known to fail.

    `fails` is None where nothing failed up to the highest level allowed. `why` says why the search ended.
    """

    holds: int
    fails: int | None
    why: str


def following(trials: Sequence[Trial], *, start: int, most: int) -> Step | Answer:
    """The next level to try between 1 and `most`, or the answer."""
    if not trials:
        return Step(min(start, most), "doubling")
    votes = _votes(trials)
    if len(trials) >= MOST_TRIALS:
        return Answer(*bounds(trials), why=f"{MOST_TRIALS} levels were tried")
    tie = next((level for level, counts in sorted(votes.items()) if counts["holds"] == counts["fails"]), None)
    if tie is not None:
        return Step(tie, "deciding")
    holds, fails = bounds(trials)
    if fails is None:
        return _upwards(votes, holds, most)
    if fails > 1 and holds == 0:
        return Step(fails // 2, "doubling")
    if fails > holds + 1 and fails > NARROW * holds:
        return Step(_between(holds, fails), "narrowing")
    if holds and votes[holds]["holds"] < 2:
        return Step(holds, "confirming")
    if votes[fails]["fails"] < 2:
        return Step(fails, "refuting")
    return Answer(holds, fails, "confirmed at the one and refuted at the other" if holds else "it failed twice")


def bounds(trials: Sequence[Trial]) -> tuple[int, int | None]:
    """The lowest level that fails, and the highest below it that holds. What holds above one that fails is no proof."""
    votes = _votes(trials)
    failing = [level for level, counts in votes.items() if counts["fails"] > counts["holds"]]
    fails = min(failing, default=None)
    holding = [level for level, counts in votes.items() if counts["holds"] > counts["fails"]]
    return max((level for level in holding if fails is None or level < fails), default=0), fails


def _upwards(votes: dict[int, Counter[str]], holds: int, most: int) -> Step | Answer:
    if holds < most:
        return Step(min(2 * holds, most), "doubling")
    if votes[holds]["holds"] < 2:
        return Step(holds, "confirming")
    return Answer(holds, None, f"nothing failed up to {most}, the highest level that was allowed")


def _between(holds: int, fails: int) -> int:
    """The geometric middle, since it is ratios that are narrowed."""
    return min(max(round(math.sqrt(holds * fails)), holds + 1), fails - 1)


def _votes(trials: Sequence[Trial]) -> dict[int, Counter[str]]:
    votes: dict[int, Counter[str]] = {}
    for trial in trials:
        votes.setdefault(trial.level, Counter())[trial.outcome] += 1
    return votes
