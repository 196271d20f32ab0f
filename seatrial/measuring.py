"""Percentiles of times that come in sessions, with intervals that admit it.

    estimate(times, sessions, 0.95) -> Estimate(value=812.0, low=760.1, high=903.4, count=640, sessions=71)

Requests of one session are not independent: a slow one is followed by slow ones. So whole sessions are drawn again
(the cluster bootstrap; Davison and Hinkley, Bootstrap Methods and their Application, section 3.8), and the interval
is as wide as sessions differ. A percentile is printed only where there are samples enough to bound it on both sides:
the largest of n lies above the q-th percentile with 97.5 % confidence when q**n <= 0.025, so p50 wants 6, p95 72 and
p99 368; and sessions enough to draw from.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

CONFIDENCE = 0.95
LEAST_SESSIONS = 10
"""Fewer say nothing about how sessions differ."""

DRAWS = 999
MOST_WORK = 200_000_000
"""Samples times draws; with more samples there are fewer draws, at least LEAST_DRAWS."""

LEAST_DRAWS = 199


@dataclass(frozen=True, slots=True)
class Estimate:
    """A percentile and its interval, in the unit of the samples. All None where there is too little to say."""

    value: float | None
    low: float | None
    high: float | None
    count: int
    sessions: int


def nearest(ordered: Sequence[float], quantile: float) -> float:
    """The nearest-rank percentile of ascending values, of which there is one at least, however little it says."""
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)]


def enough(quantile: float, confidence: float = CONFIDENCE) -> int:
    """The least number of samples that bounds a percentile on both sides."""
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(quantile, 1 - quantile)))


def estimate(
    samples: Sequence[float], sessions: Sequence[Hashable], quantile: float, confidence: float = CONFIDENCE
) -> Estimate:
    """The nearest-rank percentile of samples, `sessions[i]` being where `samples[i]` was taken, and its interval."""
    return estimates(samples, sessions, [quantile], confidence)[0]


def estimates(
    samples: Sequence[float],
    sessions: Sequence[Hashable],
    quantiles: Sequence[float],
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> list[Estimate]:
    """One for each quantile, all from the same draws. The same samples and seed give the same intervals."""
    import numpy as np  # it takes a tenth of a second, which commands that measure nothing are spared

    count, numbers = len(samples), _numbered(sessions)
    many = max(numbers, default=-1) + 1
    told = [quantile for quantile in quantiles if count >= enough(quantile, confidence) and many >= LEAST_SESSIONS]
    if not told:
        return [Estimate(None, None, None, count, many) for _ in quantiles]
    ordered, found = _drawn(np, samples, numbers, told, seed)
    tail = (1 - confidence) / 2
    bounds = np.quantile(found, [tail, 1 - tail], axis=0, method="inverted_cdf")
    values = _weighted(np, ordered, np.ones(count, dtype=int), told)
    rows = {
        quantile: Estimate(float(value), float(min(low, value)), float(max(high, value)), count, many)
        for quantile, value, low, high in zip(told, values, *bounds, strict=True)
    }
    return [rows.get(quantile, Estimate(None, None, None, count, many)) for quantile in quantiles]


def resampled(samples: Sequence[float], sessions: Sequence[Hashable], quantile: float, seed: int = 0) -> Any:
    """The percentile in each draw of the sessions, as an array; None where `estimates` would have nothing to say."""
    import numpy as np

    numbers = _numbered(sessions)
    if len(samples) < enough(quantile) or max(numbers, default=-1) + 1 < LEAST_SESSIONS:
        return None
    return _drawn(np, samples, numbers, [quantile], seed)[1][:, 0]


def _drawn(
    np: Any, samples: Sequence[float], numbers: Sequence[int], quantiles: Sequence[float], seed: int
) -> tuple[Any, Any]:
    """The samples in order, and their percentiles in each draw of as many sessions as there are."""
    order = np.argsort(samples, kind="stable")
    ordered, owners = np.asarray(samples, dtype=float)[order], np.asarray(numbers)[order]
    many, draws = max(numbers) + 1, max(LEAST_DRAWS, min(DRAWS, MOST_WORK // len(samples)))
    chance = np.random.default_rng(seed)
    found = np.empty((draws, len(quantiles)))
    for draw in range(draws):
        times_drawn = np.bincount(chance.integers(0, many, many), minlength=many)
        found[draw] = _weighted(np, ordered, times_drawn[owners], quantiles)
    return ordered, found


def _weighted(np: Any, ordered: Any, weights: Any, quantiles: Sequence[float]) -> Any:
    """Nearest-rank percentiles of ascending samples, each there as often as its weight says."""
    upto = np.cumsum(weights)
    ranks = np.maximum(1, np.ceil(np.asarray(quantiles) * upto[-1]))
    return ordered[np.searchsorted(upto, ranks)]


def share_bound(failed: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The largest share that `failed` of `of` tries leave possible, one-sided and exact (Clopper and Pearson).

    It takes the tries for independent, which those of one session are not: see `clustering`.
    """
    if failed >= of:
        return 1.0
    low, high = failed / of, 1.0
    for _ in range(60):  # how likely so few failures are falls with the share
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(failed, of, middle) > 1 - confidence else (low, middle)
    return high


def clustering(failed: Sequence[int], sessions: int, of: int) -> float:
    """By how much failures come together: the variance of their share over sessions, in that of so many tries which
    know nothing of each other (the design effect; Kish, Survey Sampling, 1965, section 5.4). 1 at least, and where none
    failed: then a session that fails is taken to fail once, as if one had been seen.

    `failed` are the failures of each session that has any; `of` tries are spread evenly over all `sessions`.
    """
    share = sum(failed) / of if of else 0.0
    if not 0 < share < 1 or sessions < 2:
        return 1.0
    due = share * of / sessions
    spread = sum((number - due) ** 2 for number in failed) + (sessions - len(failed)) * due**2
    return max(1.0, sessions / (sessions - 1) * spread / (of * share * (1 - share)))


def _at_most(failed: int, of: int, share: float) -> float:
    """The chance of no more failures than these."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    if 2 * failed >= of:  # as likely as not so many successes, of which there are fewer to add up
        return 1.0 - _at_most(of - failed - 1, of, 1.0 - share)
    term = of * math.log1p(-share)
    total = math.exp(term)
    for number in range(1, failed + 1):
        term += math.log((of - number + 1) / number) + math.log(share) - math.log1p(-share)
        total += math.exp(term)
    return total


def _numbered(sessions: Sequence[Hashable]) -> list[int]:
    """Sessions as numbers from 0, in the order in which they come."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(session, len(numbers)) for session in sessions]


BATCHES, LEAST_BATCHES = 40, 20


def settled(values: Sequence[float]) -> int | None:
    """How many of the first values belong to the warm-up, by the rule MSER (White, 1997); None: it never settles.

    Values are taken together in up to 40 batches of at least five, whose medians count, so that a single slow one moves
    nothing; cut where what remains has the least squared standard error. A cut in the second half says that the
    series has no steady end. Of fewer than a hundred nothing can be told, and nothing is cut.
    """
    import numpy as np

    batch = max(5, len(values) // BATCHES)
    batches = np.median(np.asarray(values[: len(values) // batch * batch], dtype=float).reshape(-1, batch), axis=1)
    if len(batches) < LEAST_BATCHES:
        return 0
    cuts = range(len(batches) * 3 // 4)  # of the last few batches nearly any look alike
    errors = [float(batches[cut:].var() / (len(batches) - cut)) for cut in cuts]
    cut = int(np.argmin(errors))
    return None if cut > len(batches) // 2 else cut * batch
