"""Judging a level, and how many sessions people come to."""

from __future__ import annotations

import random

import pytest

from load.levels import LOOKS, judged
from load.objectives import parse
from load.people import Need, spoken
from load.search import Answer
from load.sizing import concluded, line
from seatrial.evidence import Evidence
from seatrial.records import Run
from seatrial.samples import Sample, Tried, Turned

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
    for words in (
        "500 people",
        "30%",
        "4 chats",
        "600 chats in that hour",
        "60 s",
        "10 sessions at the same time",
        "Little",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("sessions", "said"),
    [(0.0439, "fewer than 1 session"), (1.0, "1 session"), (1.02, "1 session"), (9.17, "9.2 sessions"),
     (12.0, "12 sessions"), (1249.6, "1,250 sessions")],
)  # fmt: skip
def test_sessions_are_told_as_people_count_them(sessions: float, said: str) -> None:
    assert spoken(sessions) == said


@pytest.mark.parametrize(
    ("people", "fails", "said", "code"),
    [
        (50, 3, "fewer than 1 session at a time, which it holds", 0),
        (2000, 3, "too many for it", 1),
        (400, 0, "more than it is known to hold", 3),
    ],
)
def test_whether_it_is_enough_for_people_is_said(people: int, fails: int, said: str, code: int) -> None:
    level = Tried(1, 2, "holds", True, 1, 120, 60.0, 6.0, 20.0, 0.0, 100.0, 100.0, None, "")
    run = concluded(Run("capacity", "", "sessions"), Answer(2, fails or None, "so"), [level], Need(people, 30, 1))
    assert f"{people:,} people come to " in run.sentence
    assert said in run.sentence
    assert run.exit_code == code
    assert run.sentence.startswith("Holds 2 users")


def test_one_user_is_one() -> None:
    level = Tried(1, 1, "holds", True, 1, 120, 60.0, 6.0, 20.0, 0.0, 100.0, 100.0, None, "")
    run = concluded(Run("capacity", "", "sessions"), Answer(1, 2, "so"), [level], None)
    assert run.sentence.startswith("Holds 1 user, fails at 2")
    assert line(level).startswith("     1 user: holds;")


def test_where_nothing_was_seen_to_hold_nothing_is_said_to() -> None:
    level = Tried(1, 4, "fails", True, 1, 120, 60.0, 6.0, 20.0, 0.0, 100.0, 100.0, None, "slow")
    run = concluded(Run("capacity", "", "sessions"), Answer(0, 4, "so"), [level], None)
    assert run.sentence == (
        "Fails at 4 users, and no lower level was seen to hold: slow; so. What it holds is not known."
    )
    assert (run.verdict, run.exit_code) == ("inconclusive", 3)
