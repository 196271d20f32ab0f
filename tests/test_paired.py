"""The statistics of a comparison: vectors that are known, and how often it is wrong where the truth is."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest

from load.blocks import order
from seatrial.paired import Middle, deviation, holm, interval, reach, signed_rank, signed_sum, visible, wanted


def counted_out(values: list[float], together: int) -> float:
    """The same chance by trying every toss of the signs."""
    sizes = sorted(abs(value) for value in values if value)
    ranks = [sum(1 for size in sizes if size < abs(v)) + (sizes.count(abs(v)) + 1) / 2 if v else 0.0 for v in values]
    signed = [math.copysign(rank, v) for rank, v in zip(ranks, values, strict=True)]
    groups = [sum(signed[i : i + together]) for i in range(0, len(signed), together)]
    tosses = list(itertools.product((-1, 1), repeat=len(groups)))
    as_large = sum(sum(s * g for s, g in zip(toss, groups, strict=True)) >= sum(groups) for toss in tosses)
    return as_large / len(tosses)


@pytest.mark.parametrize(
    ("values", "chance"),
    [
        ([1, 2, 3, 4, 5], 1 / 32),
        ([-1, -2, -3], 1.0),
        ([1, 2, -3], 5 / 8),
        ([1, 1, -1], 4 / 8),
        ([0, 0], 1.0),
        ([0, 3], 1 / 2),
        ([], 1.0),
    ],
)
def test_the_chance_of_ranks_so_large_is_counted_out(values: list[float], chance: float) -> None:
    assert signed_rank(values) == pytest.approx(chance)


@pytest.mark.parametrize("together", [1, 2])
def test_ties_zeros_and_groups_are_as_if_every_toss_had_been_tried(together: int) -> None:
    chance = random.Random(3)
    for _ in range(20):
        values = [round(chance.gauss(0.2, 1), 1) for _ in range(10)]
        assert signed_rank(values, together) == pytest.approx(counted_out(values, together))


@pytest.mark.parametrize("together", [1, 2])
def test_the_chance_of_a_sum_is_as_if_every_toss_had_been_tried(together: int) -> None:
    chance = random.Random(5)
    for _ in range(20):
        values = [chance.choice((-0.01, -0.01, 0.04, 0.99)) for _ in range(10)]
        sums = [sum(values[n : n + together]) for n in range(0, len(values), together)]
        tosses = [
            sum(map(math.prod, zip(signs, sums, strict=True))) for signs in itertools.product((1, -1), repeat=len(sums))
        ]
        as_large = sum(toss >= sum(sums) - 1e-9 for toss in tosses) / len(tosses)
        assert signed_sum(values, together) == pytest.approx(as_large)
    assert signed_sum([0.0, 0.0]) == signed_sum([]) == 1.0


def test_the_published_critical_value_of_twenty_pairs_is_met() -> None:
    # One-sided 5 % for n = 20: a sum of negative ranks of at most 60 (Wilcoxon's table).
    def with_negative_sum(wanted_sum: int) -> list[float]:
        negative, left = set(), wanted_sum
        for rank in range(20, 0, -1):
            if rank <= left:
                negative.add(rank)
                left -= rank
        return [-rank if rank in negative else rank for rank in range(1, 21)]

    assert signed_rank(with_negative_sum(60)) <= 0.05 < signed_rank(with_negative_sum(61))


def test_an_interval_holds_what_the_test_does_not_refuse() -> None:
    chance = random.Random(5)
    values = [chance.gauss(0.3, 1) for _ in range(40)]
    middle = interval(values, together=2)
    assert middle.low < middle.value < middle.high
    for bound, sign in ((middle.low, 1), (middle.high, -1)):
        assert signed_rank([sign * (v - bound + sign * 0.01) for v in values], 2) <= 0.05
        assert signed_rank([sign * (v - bound - sign * 0.01) for v in values], 2) > 0.05


def test_too_few_values_bound_nothing() -> None:
    assert interval([1.0, 2.0, 3.0]) == Middle(2.0, -math.inf, math.inf)


def test_one_far_value_moves_an_interval_little() -> None:
    values = [0.01 * n for n in range(-20, 20)]
    far = [*values[:-1], 50.0]
    assert interval(far).high < interval(values).high + 0.02


def test_holm_asks_more_of_the_best_and_never_turns_the_order() -> None:
    assert holm([0.01, 0.2, 0.03]) == pytest.approx([0.03, 0.2, 0.06])
    assert holm([0.04, 0.03]) == pytest.approx([0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_what_is_wanted_and_what_is_visible_are_the_same_sum() -> None:
    assert wanted(visible(40, 0.2, 0.05), 0.2, 0.05) == pytest.approx(40)
    assert wanted(0.0, 0.2, 0.05) == math.inf
    assert reach(0.05, 0.8) == pytest.approx(1.645 + 0.842, abs=0.001)


def test_the_spread_is_read_from_the_interval() -> None:
    chance = np.random.default_rng(1)
    seen = [deviation(interval(chance.normal(0, 0.2, 80).tolist(), 2), 80) for _ in range(30)]
    assert float(np.median(seen)) == pytest.approx(0.2, rel=0.15)


def alarms(slower: float, *, periodic: bool, runs: int, tossed: bool = True) -> float:
    """The share of comparisons that prove a slowdown above 10 %, in bursts or under something regular."""
    chance, found = np.random.default_rng(11), 0
    for run in range(runs):
        sides = order(40, seed=run) if tossed else "abba" * 20
        is_b = np.array([side == "b" for side in sides])
        heavy = chance.random(80) < 0.12
        slow = (
            np.where((np.arange(80) + run) % 4 == 0, math.log(2), 0)
            if periodic
            else heavy * chance.uniform(0.4, 1.4, 80)
        )
        times = slow + chance.normal(0, 0.1, 80) + is_b * math.log(slower)
        pairs = np.where(is_b[::2], times[::2] - times[1::2], times[1::2] - times[::2])
        found += signed_rank((pairs - math.log(1.1)).tolist(), together=2) <= 0.05
    return found / runs


@pytest.mark.parametrize("periodic", [False, True])
def test_equals_are_hardly_ever_told_apart_and_the_limit_itself_at_its_level(periodic: bool) -> None:
    assert alarms(1.0, periodic=periodic, runs=200) <= 0.02
    assert alarms(1.1, periodic=periodic, runs=400) <= 0.09  # 5 %, and three standard errors


def test_a_quarter_slower_is_found_in_bad_weather() -> None:
    assert alarms(1.25, periodic=False, runs=200) >= 0.8
    assert alarms(1.5, periodic=False, runs=200) >= 0.98


def test_without_the_toss_something_regular_would_be_taken_for_a_slowdown() -> None:
    assert alarms(1.0, periodic=True, runs=100, tossed=False) > 0.3
