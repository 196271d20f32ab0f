"""The search for a capacity over loads that are made up: what becomes of voids, deaths, interruptions, budgets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from load.capacity import Capacity
from load.objectives import parse, with_defaults
from load.search import Answer
from seatrial.cli.capacity import _searched
from seatrial.errors import Inconclusive
from seatrial.records import Recorder, Run, RunFolder
from seatrial.samples import Integrity, Sample, Turned

LOOK = 10.0
UNREAD = "the history of 3 sessions could not be read"
CAUSES = {"nothing": "", "unread": "", "void, and lost": "void", "void, and unusable": "void"}
"""What `run.json` calls the endings below; the others as they are."""


@dataclass
class Played:
    """Loads of a deployment whose turns take 105 ms for each user; `causes` are those of the first tries of a level."""

    place: Path
    causes: dict[int, list[str]] = field(default_factory=dict)
    tries: Counter[int] = field(default_factory=Counter)

    def __call__(self, level: int, seconds: float) -> tuple[Run, RunFolder]:
        self.tries[level] += 1
        causes = self.causes.get(level, [])
        cause = causes.pop(0) if causes else ""
        if cause == "gone":
            raise Inconclusive("it does not answer")
        lost = int(cause.endswith("lost") and cause != "worker lost")
        folder = RunFolder.create(str(self.place / f"{sum(self.tries.values()):03}-{level}"), "load")
        samples = Recorder(folder.path / "samples" / "load.jsonl")
        for number in range(0 if cause == "nothing" else 600):
            key = f"{number // 3}-1"
            samples.write(Turned(1.0, key, 1, "session", "plain", 105.0 * level, "done"))
            samples.write(Sample(1.0, "sendMessage", 105.0 * level, 200, True, 1, key))
            if number % 3 == 2:
                samples.write(Integrity(1.0, key, 3, 6, 0, 6 - lost, lost, 0, 0, 0, 0, True))
        samples.close()
        counts = {"requests": 600, "turns": 600, "refused_turns": 60, "unverified": 3 if cause == "unread" else 0}
        counts |= {"answers_unusable": 2} if cause.endswith("unusable") else {}
        problem = UNREAD if cause == "unread" else f"it was {cause}" if cause else None
        cause = CAUSES.get(cause, cause)
        return Run("load", "", "sessions", counts=counts, problem=problem, cause=cause), folder


def search(place: Path, *, budget: float = 3600.0, **causes: list[str]) -> tuple[Answer, Played, Capacity]:
    folder = RunFolder.create(str(place / "run"), "capacity")
    played = Played(place, {int(level[1:]): list(told) for level, told in causes.items()})
    objectives = with_defaults(parse(["turn p95 < 1s"]))
    capacity = Capacity(objectives, (), played, folder, budget, LOOK)
    return capacity.search(2, 64), played, capacity


def test_the_interval_holds_the_capacity_and_both_ends_were_tried_twice(tmp_path: Path) -> None:
    answer, played, capacity = search(tmp_path)
    assert (answer.holds, answer.fails) == (9, 11)  # a turn takes 1,050 ms with ten
    assert (played.tries[9], played.tries[11]) == (2, 2)
    assert [row.outcome for row in capacity.tried if row.level == 16] == ["fails"]


def test_turns_that_were_refused_are_no_throughput(tmp_path: Path) -> None:
    _, _, capacity = search(tmp_path)
    assert {(row.begun, row.turns) for row in capacity.tried if row.looks == 1} == {(600 / LOOK, 540 / LOOK)}


def test_one_void_try_is_repeated_and_a_second_ends_the_search(tmp_path: Path) -> None:
    answer, _, _ = search(tmp_path / "once", _4=["void"])
    assert (answer.holds, answer.fails) == (9, 11)
    answer, played, _ = search(tmp_path / "twice", _4=["void", "void"])
    assert (answer.holds, answer.fails) == (2, None)
    assert "the load generator itself was the limit" in answer.why
    assert played.tries[8] == 0
    answer, _, _ = search(tmp_path / "apart", _4=["void"], _16=["void"])
    assert (answer.holds, answer.fails) == (9, 11)


def test_a_target_that_died_failed_its_level(tmp_path: Path) -> None:
    answer, _, capacity = search(tmp_path, _4=["died", "died"])
    assert (answer.holds, answer.fails) == (3, 4)
    assert [row.why for row in capacity.tried if row.level == 4] == ["it was died"] * 2


def test_what_is_proved_wrong_fails_a_level_that_is_void_otherwise(tmp_path: Path) -> None:
    for ending, said in (("void, and lost", "200 messages lost"), ("void, and unusable", "2 of the answers")):
        answer, _, capacity = search(tmp_path / ending, _4=[ending, ending])
        assert (answer.holds, answer.fails) == (3, 4)
        (first, second) = (row for row in capacity.tried if row.level == 4)
        assert (first.outcome, first.limit) == (second.outcome, second.limit) == ("fails", "server")
        assert said in first.why


@pytest.mark.parametrize(("ending", "said"), [("unread", UNREAD), ("worker lost", "it was worker lost")])
def test_a_load_that_proves_nothing_is_no_level_that_holds(tmp_path: Path, ending: str, said: str) -> None:
    answer, played, capacity = search(tmp_path / "once", _4=[ending])
    assert (answer.holds, answer.fails) == (9, 11)
    assert next((row.outcome, row.why, row.limit) for row in capacity.tried if row.level == 4) == ("void", said, "")
    answer, played, _ = search(tmp_path / "twice", _8=[ending, ending])
    assert (answer.holds, answer.fails) == (4, None)
    assert answer.why == f"2 tries in a row were no result: {said}"
    assert (played.tries[8], played.tries[16]) == (2, 0)


def test_histories_that_could_not_be_read_make_no_slow_level_any_faster(tmp_path: Path) -> None:
    answer, _, capacity = search(tmp_path, _16=["unread"])
    assert (answer.holds, answer.fails) == (9, 11)
    assert [row.outcome for row in capacity.tried if row.level == 16] == ["fails"]


def test_a_target_that_is_gone_takes_back_nothing_of_what_was_found(tmp_path: Path) -> None:
    def cut(name: str, level: int, *left: str) -> tuple[Answer, str | None, list[str]]:
        folder = RunFolder.create(str(tmp_path / name / "run"), "capacity")
        played = Played(tmp_path / name, {level: ["gone"]})
        capacity = Capacity(with_defaults(parse(["turn p95 < 1s"])), (), played, folder, 3600.0, LOOK)
        return _searched(capacity, 2, 64, lambda: list(left))

    answer, problem, left = cut("above", 11, "user 1 of admin")
    assert (answer.holds, answer.fails) == (8, 16)
    assert problem == answer.why == "it does not answer; --resume goes on with it"
    assert left == ["user 1 of admin"]
    assert cut("left", 2, "user 1 of admin")[0].holds == 0
    with pytest.raises(Inconclusive, match="it does not answer"):
        cut("first", 2)


def test_ctrl_c_while_accounts_are_removed_breaks_nothing_off(tmp_path: Path) -> None:
    def pay_off() -> list[str]:
        paid.append(1)
        if len(paid) == 1:
            raise KeyboardInterrupt
        return ["user 1 of admin"]

    paid: list[int] = []
    folder = RunFolder.create(str(tmp_path / "run"), "capacity")
    capacity = Capacity(with_defaults(parse(["turn p95 < 1s"])), (), Played(tmp_path), folder, 3600.0, LOOK)
    answer, problem, left = _searched(capacity, 1, 1, pay_off)
    assert (answer.holds, problem, left) == (1, None, ["user 1 of admin"])


def test_an_interruption_ends_the_search_and_the_levels_before_it_are_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, _8=["interrupted"])
    kept = (tmp_path / "run" / "levels.jsonl").read_text("utf-8")
    assert kept.count('"outcome":"holds"') == 2


def test_a_load_that_came_to_nothing_says_why(tmp_path: Path) -> None:
    with pytest.raises(Inconclusive, match="it was nothing"):
        search(tmp_path, _2=["nothing"])


def test_a_budget_bounds_what_a_look_takes_beside_its_own_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts are made, sessions end, chats are removed: 40 s for each look of 10 s."""
    clock, played = [0.0], Played(tmp_path)

    def play(level: int, seconds: float) -> tuple[Run, RunFolder]:
        clock[0] += seconds + 40
        return played(level, seconds)

    monkeypatch.setattr("load.capacity.time.monotonic", lambda: clock[0])
    folder = RunFolder.create(str(tmp_path / "run"), "capacity")
    answer = Capacity(with_defaults(parse(["turn p95 < 1s"])), (), play, folder, 120.0, LOOK).search(2, 64)
    assert (answer.holds, clock[0]) == (4, 100.0)
    assert "the budget of 2 minutes was used up" in answer.why


def test_a_budget_that_is_over_leaves_what_is_known(tmp_path: Path) -> None:
    answer, played, _ = search(tmp_path, budget=LOOK / 2)
    assert (answer.holds, answer.fails) == (0, None)
    assert answer.why == "the budget of 5 s was used up before one level was judged"
    assert not played.tries
