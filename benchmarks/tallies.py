"""What the trials of a matrix come to: shares over seeds, medians, misses, and chances. No IO.

tally = tallied([result for result in results if result.suite == "catalogue"], "sessions", "quick")
tally.found_min, tally.found_median, tally.seconds
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from trials import Result


@dataclass(frozen=True)
class Tally:
    """Steady faults at one depth. Shares are of 1, over the seeds; `requests` and `seconds` are medians to the first
    finding of those that were found; `others` is the median number of further rules in the uncut runs."""

    trials: int
    faults: int
    seeds: int
    found_min: float
    found_median: float
    right: float | None
    requests: float | None
    seconds: float | None
    others: float | None
    others_most: int | None


def steady(results: Iterable[Result], api: str, depth: str) -> list[Result]:
    """The trials that tell whether steady faults are found: of each fault the cut ones, and where it has none, the
    uncut."""
    rows = [row for row in results if row.api == api and row.depth == depth and row.steady]
    cut = {row.fault for row in rows if row.cut}
    return [row for row in rows if row.cut or row.fault not in cut]


def tallied(results: Sequence[Result], api: str, depth: str) -> Tally | None:
    """None where nothing was run."""
    rows = steady(results, api, depth)
    if not rows:
        return None
    by_seed = [[row for row in rows if row.seed == seed] for seed in sorted({row.seed for row in rows})]
    shares = [share(row.found for row in seed) for seed in by_seed]
    right = [share(row.right for row in seed if row.found) for seed in by_seed if any(row.found for row in seed)]
    whole = [row for row in results if row.api == api and row.steady and not row.cut and row.found]
    return Tally(
        trials=len(rows),
        faults=len({row.fault for row in rows}),
        seeds=len(by_seed),
        found_min=min(shares),
        found_median=statistics.median(shares),
        right=statistics.median(right) if right else None,
        requests=median(row.first_requests for row in rows if row.found),
        seconds=median(row.first_seconds for row in rows if row.found),
        others=median(len(row.others) for row in whole),
        others_most=max((len(row.others) for row in whole), default=None),
    )


def by_class(results: Sequence[Result], api: str, depth: str) -> dict[str, tuple[int, float]]:
    """Of each class of faults: how many there are, and the share of their trials that found them."""
    rows = steady(results, api, depth)
    kinds = sorted({row.the_fault.kind for row in rows})
    return {
        kind: (len({row.fault for row in alike}), share(row.found for row in alike))
        for kind in kinds
        for alike in [[row for row in rows if row.the_fault.kind == kind]]
    }


@dataclass(frozen=True)
class Miss:
    """A fault that some trial did not find, or named by another rule. `how` are the ends of those trials, counted."""

    fault: str
    missed: int
    of: int
    how: dict[str, int]


def misses(results: Sequence[Result], api: str, depth: str) -> list[Miss]:
    return _of_faults(steady(results, api, depth), lambda row: "" if row.found else _end(row))


def misnamed(results: Sequence[Result], api: str, depth: str) -> list[Miss]:
    """Found, and by none of the rules that its entry names."""
    rows = [row for row in steady(results, api, depth) if row.found]
    return _of_faults(rows, lambda row: "" if row.right else ", ".join(row.rules) or "no rule")


@dataclass(frozen=True)
class Odds:
    """A fault with a chance: how many runs met it, how many saw it, and how likely that is by the median of `calls`."""

    fault: str
    api: str
    chance: float
    runs: int
    met: int
    seen: int
    calls: float
    probability: float


def odds(results: Iterable[Result]) -> list[Odds]:
    rows = [row for row in results if row.the_fault.chance is not None and row.calls is not None and not row.cut]
    found = []
    for fault, api in sorted({(row.fault, row.api) for row in rows}, key=lambda pair: (pair[1], pair[0])):
        alike = [row for row in rows if (row.fault, row.api) == (fault, api)]
        chance = alike[0].the_fault.chance or 0.0
        calls = statistics.median(row.calls or 0 for row in alike)
        met, seen = sum(bool(row.struck) for row in alike), sum(row.found for row in alike)
        found.append(Odds(fault, api, chance, len(alike), met, seen, calls, probability(chance, calls)))
    return found


def probability(chance: float, calls: float) -> float:
    """That at least one of so many independent calls is struck."""
    return float(1 - (1 - chance) ** calls)


def share(hits: Iterable[bool]) -> float:
    counted = list(hits)
    return sum(counted) / len(counted) if counted else 0.0


def median(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return statistics.median(known) if known else None


def _of_faults(rows: Sequence[Result], wrong: Callable[[Result], str]) -> list[Miss]:
    found = []
    for fault in dict.fromkeys(row.fault for row in rows):
        alike = [row for row in rows if row.fault == fault]
        ends = Counter(end for row in alike if (end := wrong(row)))
        if ends:
            found.append(Miss(fault, sum(ends.values()), len(alike), dict(ends)))
    return found


def _end(row: Result) -> str:
    return "exit 0" if row.exit == 0 else f"exit {row.exit}: {row.problem}"
