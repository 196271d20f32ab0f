"""The search for a capacity, against servers whose capacity is known."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from load.search import MOST_TRIALS, Answer, Step, Trial, following
from seatrial.samples import NARROW

Server = Callable[[int], bool]


def searched(holds: Server, *, start: int = 4, most: int = 10_000) -> tuple[Answer, list[Trial]]:
    trials: list[Trial] = []
    while not isinstance(step := following(trials, start=start, most=most), Answer):
        assert 1 <= step.level <= most
        trials.append(Trial(step.level, "holds" if holds(step.level) else "fails"))
        assert len(trials) <= MOST_TRIALS
    return step, trials


@pytest.mark.parametrize("capacity", [1, 2, 3, 4, 5, 7, 15, 16, 17, 100, 129, 1000, 9_999])
@pytest.mark.parametrize("start", [1, 4, 100])
def test_the_answer_holds_the_capacity_and_is_narrow(capacity: int, start: int) -> None:
    answer, trials = searched(lambda level: level <= capacity, start=start)
    assert answer.fails is not None
    assert answer.holds <= capacity < answer.fails
    assert answer.fails <= NARROW * answer.holds or answer.fails == answer.holds + 1
    assert len(trials) <= 2 * capacity.bit_length() + 10


def test_both_ends_are_tried_twice() -> None:
    answer, trials = searched(lambda level: level <= 50)
    assert trials.count(Trial(answer.holds, "holds")) == 2
    assert trials.count(Trial(answer.fails or 0, "fails")) == 2


def test_a_server_that_holds_nobody_says_so() -> None:
    answer, _ = searched(lambda _: False)
    assert (answer.holds, answer.fails) == (0, 1)


def test_nothing_that_fails_up_to_the_limit_is_told_as_that() -> None:
    answer, trials = searched(lambda _: True, most=100)
    assert (answer.holds, answer.fails) == (100, None)
    assert "up to 100" in answer.why
    assert trials.count(Trial(100, "holds")) == 2


def test_two_tries_that_disagree_are_decided_by_a_third() -> None:
    trials = [Trial(4, "holds"), Trial(8, "fails"), Trial(6, "holds"), Trial(7, "fails"), Trial(6, "fails")]
    assert following(trials, start=4, most=100) == Step(6, "deciding")
    assert following([*trials, Trial(6, "holds")], start=4, most=100) == Step(7, "refuting")


def test_a_search_goes_on_from_its_trials() -> None:
    answer, trials = searched(lambda level: level <= 37)
    for known in range(len(trials)):
        step = following(trials[:known], start=4, most=10_000)
        assert isinstance(step, Step)
        assert step.level == trials[known].level
    assert following(trials, start=4, most=10_000) == answer


def test_a_noisy_server_is_answered_near_its_capacity() -> None:
    """Between 80 and 125 it holds now and then; the answer stays in reach, and the search ends."""
    for seed in range(60):
        chance = random.Random(seed)

        def holds(level: int, chance: random.Random = chance) -> bool:
            return chance.random() > min(1.0, max(0.0, (level - 80) / 45))

        answer, trials = searched(holds)
        assert answer.fails is not None
        assert 64 <= answer.holds <= 125
        assert 80 <= answer.fails <= 160
        assert len(trials) < MOST_TRIALS
