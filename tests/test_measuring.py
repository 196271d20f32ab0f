"""Percentiles with intervals: right where the truth is known, silent where there is too little."""

from __future__ import annotations

import math
import random

import pytest

from seatrial.measuring import clustering, enough, estimate, estimates, settled, share_bound


@pytest.mark.parametrize(("quantile", "least"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_a_percentile_wants_samples_enough_to_be_bounded(quantile: float, least: int) -> None:
    assert enough(quantile) == least
    numbers = [float(number) for number in range(least)]
    alone = estimate(numbers, range(least), quantile)
    if least >= 10:
        assert alone.value is not None
    fewer = estimate(numbers[:-1], range(least - 1), quantile)
    assert (fewer.value, fewer.low, fewer.high, fewer.count) == (None, None, None, least - 1)


def test_few_sessions_say_nothing_however_many_requests_they_have() -> None:
    times = [float(number) for number in range(900)]
    assert estimate(times, [number % 9 for number in range(900)], 0.5).value is None
    assert estimate(times, [number % 10 for number in range(900)], 0.5).value == 449.0


def test_the_value_is_the_nearest_rank_and_lies_in_its_interval() -> None:
    times = [float(number) for number in range(1, 1001)]
    median, high = estimates(times[::-1], range(1000), [0.5, 0.95])
    assert (median.value, high.value) == (500.0, 950.0)
    for one in (median, high):
        assert one.low is not None
        assert one.high is not None
        assert one.low <= (one.value or 0) <= one.high


def test_sessions_that_differ_widen_the_interval_and_requests_do_not_narrow_it() -> None:
    chance = random.Random(1)
    paces = [chance.gauss(100, 20) for _ in range(40)]
    times = [pace + chance.gauss(0, 1) for pace in paces for _ in range(50)]
    by_session = estimate(times, [number // 50 for number in range(2000)], 0.5)
    by_request = estimate(times, range(2000), 0.5)
    assert _width(by_session) > 3 * _width(by_request)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance, held = random.Random(2), 0
    for _ in range(200):
        times, sessions = [], []
        for session in range(40):
            pace = chance.gauss(0, 1)
            for _ in range(6):
                times.append(pace + chance.gauss(0, 1))
                sessions.append(session)
        found = estimate(times, sessions, 0.5)
        held += (found.low or 0) <= 0 <= (found.high or 0)
    assert held >= 180  # 95 % are 190; fewer than 180 of 200 come once in a thousand


def test_the_same_samples_give_the_same_interval() -> None:
    times = [math.sin(number) for number in range(500)]
    assert estimate(times, range(500), 0.95) == estimate(times, range(500), 0.95)


@pytest.mark.parametrize(
    ("failed", "of", "bound"),
    [
        (0, 100, 0.02951),
        (1, 100, 0.04656),
        (5, 1000, 0.01049),
        (3, 3, 1.0),
        (95, 100, 0.98009),
        (999_900, 1_000_000, 0.999916),
    ],
)
def test_the_share_that_some_tries_leave_possible(failed: int, of: int, bound: float) -> None:
    assert share_bound(failed, of) == pytest.approx(bound, abs=2e-5)


def test_failures_of_one_session_are_not_so_many_of_their_own() -> None:
    assert clustering([1] * 20, 1000, 8000) == pytest.approx(1.0)  # as by chance
    assert clustering([4] * 20, 1000, 8000) == pytest.approx(4.0, rel=0.05)
    assert clustering([], 1000, 8000) == clustering([8] * 1000, 1000, 8000) == clustering([3], 1, 8) == 1.0


def test_a_share_that_is_not_above_its_limit_is_seldom_said_to_be_though_failures_come_together() -> None:
    chance, wrong, alone = random.Random(5), 0, 0
    for _ in range(300):  # 1 % of the requests fail, half a session at once
        hit = [4 for _ in range(400) if chance.random() < 0.02]
        of, failed, effect = 3200, sum(hit), clustering(hit, 400, 3200)
        alone += 1 - share_bound(of - failed, of) > 0.01
        some, tries = round(failed / effect), math.ceil(of / effect)
        wrong += 1 - share_bound(tries - some, tries) > 0.01
    assert alone > 40
    assert wrong <= 27  # 5 % are 15; more than 27 of 300 come once in a thousand


def test_a_warm_up_is_cut_where_the_rest_is_steady() -> None:
    chance = random.Random(3)
    steady = [10 + chance.gauss(0, 1) for _ in range(200)]
    slow = [40 - number + chance.gauss(0, 1) for number in range(30)]
    cut = settled([*slow, *steady])
    assert cut is not None
    assert 25 <= cut <= 80
    assert (settled(steady) or 0) <= 40
    assert settled([number * 1.0 for number in range(200)]) is None
    assert settled([9.0, *[1.0] * 90]) == 0  # too few to tell


def _width(found: object) -> float:
    return getattr(found, "high") - getattr(found, "low")  # noqa: B009
