"""Two things measured in turns: is one larger than the other, by how much, and how sure is that?

    signed_rank([0.02, -0.01, 0.3, 0.1], together=2)    # the chance of values so large, were their signs tossed for
    signed_sum([0.02, -0.01, 0.3, 0.1], together=2)     # the same by their sum: of shares, whose mean is what counts
    interval([0.02, -0.01, 0.3, 0.1], together=2)       # Middle(value, low, high): their middle, and what bounds it
    holm([0.01, 0.2, 0.03])                             # the same chances, for somebody who looked three times

The test is a sign-flip permutation test whose statistic is the sum of signed ranks (Wilcoxon, 1945). It asks for one
thing: that the values might as well have come with the other signs, which the order of the measurement can see to.
Values that were measured `together` flip together (Rosner, Glynn and Lee, Biometrics 62, 2006), so that they need not
be independent. Ranks and not sums, because now and then a machine has something else to do: a value of twenty times
the others then counts as the largest, and not as twenty. The distribution is counted out, ties included; nothing is
drawn. Estimate and interval belong to it (Hodges and Lehmann, 1963): the middle of all means of two values, and the
shifts that the test does not refuse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

EFFICIENCY = 3 / math.pi
"""Of the signed-rank test beside that of the mean where values are normal (Hodges and Lehmann, 1956)."""

PARTS = 1_000_000
"""Of how many parts the values of a sum are made, all together: what is counted out is whole."""

STEPS = 40
"""Halvings in the search for a bound."""


@dataclass(frozen=True, slots=True)
class Middle:
    """The middle of values, and bounds of it; infinite where there are too few values to bound it."""

    value: float
    low: float
    high: float


def signed_rank(values: Sequence[float], together: int = 1) -> float:
    """The chance of a sum of signed ranks as large as this one, were each group's sign tossed for. One-sided, exact.

    Groups are `together` values that follow each other. Zeros say nothing; without anything else it is 1.
    """
    import numpy as np  # it takes a tenth of a second, which commands that measure nothing are spared

    return _chance(np, np.asarray(values, dtype=float), together)


def signed_sum(values: Sequence[float], together: int = 1) -> float:
    """The chance of a sum as large as this one, were each group's sign tossed for. One-sided, and never too small.

    For values that are bounded, and of which a few large ones are the matter itself and no weather: to ranks, a block
    that failed wholly is only the largest.
    """
    import numpy as np

    whole = np.asarray(values, dtype=float)
    sums = whole.reshape(-1, together).sum(axis=1)
    total = float(np.abs(sums).sum())
    # Two sums that are equal may differ by a part for each group, once their values are whole.
    return _tossed(np, np.rint(sums * (PARTS / total)).astype(int), slack=len(sums)) if total else 1.0


def interval(values: Sequence[float], together: int = 1, confidence: float = 0.95) -> Middle:
    """The Hodges-Lehmann middle, between bounds each of which holds with this confidence. Raises without values."""
    import numpy as np

    whole = np.asarray(values, dtype=float)
    first, second = np.triu_indices(len(whole))
    middle = float(np.median((whole[first] + whole[second]) / 2))
    high = -_lower(np, -whole, -middle, together, 1 - confidence)
    return Middle(middle, _lower(np, whole, middle, together, 1 - confidence), high)


def holm(chances: Sequence[float]) -> list[float]:
    """Each chance for somebody who looked at all of them (Holm, 1979): below 0.05 it is one."""
    adjusted, highest = [0.0] * len(chances), 0.0
    for done, index in enumerate(sorted(range(len(chances)), key=lambda index: chances[index])):
        highest = max(highest, min(1.0, (len(chances) - done) * chances[index]))
        adjusted[index] = highest
    return adjusted


def reach(chance: float, power: float = 0.8) -> float:
    """So many standard errors beyond a limit something has to lie, to be shown at this level with this power."""
    normal = NormalDist()
    return normal.inv_cdf(1 - chance) + normal.inv_cdf(power)


def wanted(distance: float, deviation: float, chance: float, power: float = 0.8) -> float:
    """How many values show a distance of their middle at this level, with this power. Infinite for no distance."""
    return math.inf if not distance else (reach(chance, power) * deviation / distance) ** 2 / EFFICIENCY


def visible(number: int, deviation: float, chance: float, power: float = 0.8) -> float:
    """The distance that so many values show with this power: `wanted` the other way round."""
    return reach(chance, power) * deviation / math.sqrt(number * EFFICIENCY)


def deviation(middle: Middle, number: int, confidence: float = 0.95) -> float:
    """The standard deviation of normal values whose middle would be as well bounded as this one.

    What the values are like is in their interval already: far ones, and those that belong together.
    """
    width = (middle.high - middle.low) / 2
    return width * math.sqrt(number * EFFICIENCY) / NormalDist().inv_cdf(confidence)


def _lower(np: Any, values: Any, middle: float, together: int, chance: float) -> float:
    """The largest shift from which the values can be told: what lies above it is not chance."""
    below, above = float(values.min()) - 1.0, middle
    if _chance(np, values - below, together) > chance:
        return -math.inf
    for _ in range(STEPS):
        between = (below + above) / 2
        below, above = (between, above) if _chance(np, values - between, together) <= chance else (below, between)
    return below


def _chance(np: Any, values: Any, together: int) -> float:
    if not len(values):
        return 1.0
    return _tossed(np, (np.sign(values) * _doubled_ranks(np, np.abs(values))).reshape(-1, together).sum(axis=1))


def _tossed(np: Any, sums: Any, slack: int = 0) -> float:
    """The chance that the positive ones of these sums come to as much, but for `slack`, were each sign tossed for."""
    reached = max(0, int(sums[sums > 0].sum()) - slack)
    return float(_distribution(np, np.abs(sums).astype(int))[reached:].sum())


def _doubled_ranks(np: Any, sizes: Any) -> Any:
    """Ranks from 1, equal ones sharing theirs, times two: whole numbers. Zeros have rank 0, and move no other."""
    ordered = np.sort(sizes[sizes > 0])
    first, last = np.searchsorted(ordered, sizes, "left"), np.searchsorted(ordered, sizes, "right")
    return np.where(sizes > 0, first + last + 1, 0)


def _distribution(np: Any, sizes: Any) -> Any:
    """How likely each sum of these whole numbers is where each is in it or not by the toss of a coin, from 0 on."""
    likely = np.zeros(int(sizes.sum()) + 1)
    likely[0], upto = 1.0, 0
    for size in sizes[sizes > 0]:
        likely[size : upto + size + 1] += likely[: upto + 1].copy()
        likely[: upto + size + 1] /= 2
        upto += size
    return likely
