"""Judging a level, and how many sessions people come to."""

from __future__ import annotations

import random

import pytest

from load.levels import LOOKS, judged
from load.objectives import parse
from load.people import Need
from seatrial.evidence import Evidence
from seatrial.samples import Sample, Turned

WANTED = parse(["turn p95 < 1s", "errors < 1%"])


def seen(turns: int, ms: float, spread: float = 0.0, failed: int = 0, seed: int = 0) -> Evidence:
    evidence, chance = Evidence(), random.Random(seed)
    for number in range(turns):
        took = ms + chance.uniform(-spread, spread)
        evidence.turn(Turned(float(number), f"{number // 3}-1", 1, "session", "plain", took, "done"))
        evidence.hear(Sample(float(number), "sendMessage", took, 200, number >= failed, 1, f"{number // 3}-1"))
    return evidence


def test_a_level_that_is_proved_either_way_needs_one_look() -> None:
    assert judged(WANTED, seen(1500, 500), 1).outcome == "holds"
    slow = judged(WANTED, seen(1500, 1500), 1)
    assert (slow.outcome, slow.proved, slow.missed[0].objective.text) == ("fails", True, "turn p95 < 1s")
    wrong = judged(WANTED, seen(1500, 500, failed=60), 1)
    assert (wrong.outcome, wrong.missed[0].objective.text) == ("fails", "errors < 1%")


def test_a_close_level_is_looked_at_again_and_decided_by_its_values() -> None:
    close = seen(300, 900, spread=110)  # p95 about 1 s
    for look in range(1, LOOKS):
        assert judged(WANTED, close, look).outcome is None
    last = judged(WANTED, close, LOOKS)
    assert last.outcome is not None
    assert not last.proved


def test_too_few_sessions_are_looked_at_again_and_told() -> None:
    few = judged(WANTED, seen(20, 500), 1)
    assert few.outcome is None
    assert [one.objective.text for one in few.unsupported] == ["turn p95 < 1s"]


def test_people_come_to_sessions_by_littles_law() -> None:
    need = Need(people=500, chats_per_hour=4, peak=0.3)
    assert need.rate == pytest.approx(1 / 6)
    assert need.sessions(60) == pytest.approx(10)
    told = need.told(60)
    for words in ("500 people", "30%", "4 chats", "0.167 chats a second", "60 s", "10 are under way", "Little"):
        assert words in told
