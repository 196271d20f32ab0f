"""What a search came to: whether it is enough for people, and what nothing can be said of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from load.people import Need
from load.search import Answer
from load.sizing import concluded, session_seconds
from seatrial.records import Run
from seatrial.samples import Tried

SETTINGS = {"turns": 3, "think": 10.0, "mix": "session=1"}
RUN = Run("capacity", "", "sessions", settings=SETTINGS)
ANSWER = Answer(12, 15, "confirmed at the one and refuted at the other")
GONE = "http://localhost:9 does not answer; --resume goes on with it"


def tried(level: int, outcome: str = "holds", why: str = "", **more: object) -> Tried:
    """Thirty seconds of users who need 52 s for a session of three turns: after 11.5 s it is turn after turn."""
    begun = level * (30 - 3.75) / 52 * 3
    row = Tried(1, level, outcome, not why, 1, level, 30.0, begun / 30, 1.0, 0.0, 1.0, 1.0, None, why)
    return replace(row, **more)  # type: ignore[arg-type]


def test_a_session_that_is_longer_than_a_look_is_not_taken_for_as_short() -> None:
    assert session_seconds([tried(12)], ANSWER, SETTINGS) == pytest.approx(52)
    mixed = tried(12)
    mixed = replace(mixed, turns=mixed.turns / 2)
    refused = replace(tried(12), begun=tried(12).turns, turns=tried(12).turns / 4)
    assert session_seconds([refused], ANSWER, SETTINGS) == pytest.approx(52), "refused turns take their time, too"
    assert session_seconds([mixed], ANSWER, SETTINGS | {"mix": "session=1,reader=1"}) == pytest.approx(52)


def test_a_session_without_turns_is_counted_whole() -> None:
    row = tried(12, turns=0.0, sessions=60)
    assert session_seconds([row], ANSWER, SETTINGS | {"mix": "reader=1"}) == pytest.approx(12 * 26.25 / 60)


@pytest.mark.parametrize(("people", "verdict"), [(300, "pass"), (900, "inconclusive"), (1200, "fail")])
def test_people_are_held_to_the_interval(people: int, verdict: str) -> None:
    need = Need(people, chats_per_hour=4, peak=0.25)
    run = concluded(RUN, ANSWER, [tried(12), tried(15, "fails", "too slow")], need)
    assert run.verdict == verdict


def test_a_level_of_which_an_objective_was_never_judged_holds_nothing() -> None:
    unjudged = tried(12, why="'ttft p95 < 1s' could not be judged (0 samples)")
    run = concluded(RUN, ANSWER, [unjudged, unjudged, tried(15, "fails", "too slow")], None)
    assert (run.verdict, run.exit_code) == ("inconclusive", 3)
    assert "'ttft p95 < 1s' could not be judged" in run.sentence
    assert concluded(RUN, ANSWER, [unjudged, tried(12)], None).exit_code == 0


@pytest.mark.parametrize(
    ("answer", "people", "verdict", "said"),
    [
        (Answer(0, 1, "it failed twice"), None, "fail", "too slow; it failed twice. It holds nobody"),
        (Answer(0, 1, "it failed twice"), 2, "fail", "fewer than 1 session at a time, too many for it."),
        (Answer(0, 4, "so"), None, "inconclusive", "no lower level was seen to hold: too slow; so. What"),
        (Answer(0, 4, "so"), 2, "inconclusive", "at a time, more than it is known to hold."),
        (Answer(0, 4, "so"), 900, "fail", "at a time, too many for it."),
    ],
)
def test_where_no_level_held_nothing_passes(answer: Answer, people: int | None, verdict: str, said: str) -> None:
    need = Need(people, chats_per_hour=4, peak=0.25) if people else None
    run = concluded(RUN, answer, [tried(answer.fails or 0, "fails", "too slow")], need)
    assert (run.verdict, run.exit_code) == (verdict, {"fail": 1, "inconclusive": 3}[verdict])
    assert said in run.sentence


@pytest.mark.parametrize(
    ("answer", "people", "verdict", "said"),
    [
        (Answer(12, 15, GONE), None, "inconclusive", f"Holds 12 users, fails at 15: too slow; {GONE}."),
        (Answer(12, None, GONE), None, "inconclusive", f"Holds 12 users at least; {GONE}."),
        (Answer(0, 1, GONE), None, "inconclusive", "What it holds is not known."),
        (Answer(0, None, GONE), None, "inconclusive", f"Inconclusive: {GONE}."),
        (Answer(12, 15, GONE), 300, "inconclusive", "which it was seen to hold before that."),
        (Answer(12, 15, GONE), 1200, "fail", "too many for it."),
    ],
)
def test_a_search_that_came_to_no_end_tells_what_it_knew(
    answer: Answer, people: int | None, verdict: str, said: str
) -> None:
    need = Need(people, chats_per_hour=4, peak=0.25) if people else None
    held = [tried(answer.holds)] if answer.holds else []
    failed = [tried(answer.fails, "fails", "too slow")] if answer.fails else []
    run = concluded(replace(RUN, problem=GONE), answer, [*held, *failed], need)
    assert (run.verdict, run.problem) == (verdict, GONE)
    assert said in run.sentence
