"""Stages and the arrivals in them."""

from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from load.stages import Stage, arrivals, crowd, length, level, most, offered, parse
from seatrial.errors import WrongUse

RISING = parse(["10:30s", "10-50:1m", "0-4:2.5"])


def test_stages_are_read_from_text() -> None:
    assert (Stage(10, 30), Stage(10, 60, 50), Stage(0, 2.5, 4)) == RISING
    assert (length(RISING), most(RISING), offered(RISING)) == (92.5, 50, 300 + 1800 + 5)
    assert [level(RISING, moment) for moment in (0, 29.9, 30, 60, 90, 92.5)] == [10, 10, 10, 30, 0, 0]


@pytest.mark.parametrize(
    "text", ["", "10", "10:", ":30s", "ten:30s", "10:30x", "-1:30s", "10:0", "0:30s", "0-0:9", "1:90000s"]
)
def test_what_is_no_stage_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="--stage"):
        parse([text])


def test_arrivals_are_as_many_as_their_rate_says_and_independent() -> None:
    moments = list(arrivals([Stage(20, 500)], seed=1))
    assert 9_700 < len(moments) < 10_300
    assert moments == sorted(moments)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert statistics.mean(gaps) == pytest.approx(0.05, rel=0.05)
    assert statistics.stdev(gaps) == pytest.approx(0.05, rel=0.05)  # as an exponential's, and no metronome's


def test_arrivals_follow_a_level_that_rises_and_falls() -> None:
    moments = list(arrivals([Stage(0, 100, 40), Stage(40, 100, 0)], seed=2))
    quarters = [sum(50 * q <= moment < 50 * (q + 1) for moment in moments) for q in range(4)]
    assert quarters == pytest.approx([500, 1500, 1500, 500], rel=0.15)


def test_the_first_seconds_of_stages_offer_their_part() -> None:
    stages = [Stage(0, 100, 40), Stage(40, 100, 0)]
    assert [offered(stages, seconds) for seconds in (0, 50, 100, 150, 200)] == [0, 500, 2000, 3500, 4000]
    assert offered(stages) == 4000


def test_a_stage_without_arrivals_is_waited_for() -> None:
    moments = list(arrivals([Stage(5, 10), Stage(0, 10, 0.0001), Stage(5, 10)], seed=3))
    assert not [moment for moment in moments if 10.1 < moment < 20]
    assert [moment for moment in moments if moment > 20]


def test_workers_share_the_arrivals_of_one() -> None:
    alone = list(arrivals(RISING, seed=4))
    shared = [list(arrivals(RISING, seed=4, worker=worker, workers=3)) for worker in range(3)]
    assert sorted(moment for share in shared for moment in share) == alone
    assert max(map(len, shared)) - min(map(len, shared)) <= 1
    assert list(arrivals(RISING, seed=5)) != alone


def test_as_many_users_are_made_as_the_highest_level_wants_and_one_for_each_process_of_an_open_loop() -> None:
    assert crowd([Stage(10, 30), Stage(10, 60, 50.5), Stage(5, 10)], processes=4) == 51
    assert crowd([Stage(0.5, 30, rate=True)], processes=4) == 4
