"""Which statistic should a gate stand on? Comparisons that never were, on machines with weather of several kinds.

    python benchmarks/gate_statistics.py --runs 1000

A block's p95 is its true one times the weather, times chance (10 %). Bursts come now and then, last one to six blocks
and make everything up to four times slower; "in step" is something heavy in every fourth block. Printed is the share of
comparisons that fail B (a slowdown above the limit of 10 % counts as proved at 5 %), by how much slower it truly is:
not at all, exactly by the limit, where at most 5 % may fail, and by more.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np

from load.blocks import order
from seatrial.paired import signed_rank

LIMIT, LEVEL, CHANCE = 1.10, 0.05, 0.10
SLOWER = (1.0, 1.10, 1.25, 1.50)
FLIPS = 999


def weather(kind: str, blocks: int, chance: np.random.Generator) -> np.ndarray:
    """The logarithm of how much slower everything is in each block."""
    if kind == "calm":
        return np.zeros(blocks)
    if kind == "drift":
        return 0.8 * np.arange(blocks) / blocks + np.cumsum(chance.normal(0, 0.03, blocks))
    if kind == "in step":
        return np.where((np.arange(blocks) + chance.integers(4)) % 4 == 0, math.log(2), 0.0)
    slow, at = np.zeros(blocks), 0.0
    while (at := at + chance.exponential(12)) < blocks:
        slow[int(at) : int(at) + chance.integers(1, 7)] = math.log(chance.uniform(1.5, 4))
    return slow


def flipped_mean(values: np.ndarray, chance: np.random.Generator) -> float:
    """The sign-flip test of the mean, with signs drawn."""
    signs = chance.choice((-1.0, 1.0), (FLIPS, len(values)))
    return float((1 + np.sum(signs @ values >= values.sum() - 1e-12)) / (FLIPS + 1))


Test = Callable[[np.ndarray, np.random.Generator], float]
TESTS: dict[str, Test] = {
    "mean, pairs": flipped_mean,
    "mean, quads": lambda pairs, chance: flipped_mean(pairs.reshape(-1, 2).mean(axis=1), chance),
    "ranks, pairs": lambda pairs, _: signed_rank(pairs),
    "ranks, quads": lambda pairs, _: signed_rank(pairs.reshape(-1, 2).mean(axis=1)),
    "ranks, pairs by quad": lambda pairs, _: signed_rank(pairs, together=2),
}


def compared(kind: str, slower: float, sides: str, chance: np.random.Generator) -> tuple[np.ndarray, bool]:
    """The logarithms of the ratios of all pairs, less the limit's; and what the naive rule says."""
    is_b = np.array([side == "b" for side in sides])
    p95 = weather(kind, len(sides), chance) + chance.normal(0, CHANCE, len(sides)) + is_b * math.log(slower)
    first, second = p95[::2], p95[1::2]
    pairs = np.where(is_b[::2], first - second, second - first)
    naive = one_after_the_other(kind, slower, len(sides), chance)
    return pairs - math.log(LIMIT), naive


def one_after_the_other(kind: str, slower: float, blocks: int, chance: np.random.Generator) -> bool:
    """All of A, then all of B, and "p95 grew by a fifth": a p95 over many blocks is that of the slow ones."""
    p95 = weather(kind, blocks, chance) + chance.normal(0, CHANCE, blocks)
    a, b = np.exp(p95[: blocks // 2]), np.exp(p95[blocks // 2 :]) * slower
    return bool(np.quantile(b, 0.8) > 1.2 * np.quantile(a, 0.8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=40)
    arguments = parser.parse_args()
    print(f"{'weather':<9} {'statistic':<30}" + "".join(f"{slower - 1:>8.0%}" for slower in SLOWER))
    for kind in ("calm", "drift", "bursts", "in step"):
        rows: dict[str, list[float]] = {}
        for slower in SLOWER:
            chance = np.random.default_rng([int(100 * slower), len(kind)])
            alarms: dict[str, int] = {}
            for run in range(arguments.runs):
                tossed = order(arguments.pairs, seed=run)
                fixed = "abba" * (arguments.pairs // 2)
                for name, sides in (("tossed", tossed), ("ABBA", fixed)):
                    pairs, naive = compared(kind, slower, sides, chance)
                    for test, judge in TESTS.items():
                        key = f"{test}, {name}"
                        alarms[key] = alarms.get(key, 0) + (judge(pairs, chance) <= LEVEL)
                    alarms["p95 grew by a fifth"] = alarms.get("p95 grew by a fifth", 0) + naive
            for name, count in alarms.items():
                times = 2 * arguments.runs if name.startswith("p95") else arguments.runs
                rows.setdefault(name, []).append(count / times)
        for name, shares in rows.items():
            print(f"{kind:<9} {name:<30}" + "".join(f"{share:8.3f}" for share in shares))


if __name__ == "__main__":
    main()
