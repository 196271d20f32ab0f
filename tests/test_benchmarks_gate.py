"""The benchmark of the gate: what it plays in which order, what the naive rule says, and what is no result."""

from __future__ import annotations

from collections import Counter, defaultdict

import gate
import pytest

from load.pairs import Answers
from seatrial.ratios import Block


def test_all_of_the_matrix_is_played_and_each_kind_is_as_far_as_the_others() -> None:
    cells = list(gate.in_turns(100))
    assert Counter(kind for kind, _, _ in cells) == {"equal": 60, "+25 %": 20, "+50 %": 20}
    assert Counter(kind for kind, _, _ in cells[:50]) == {"equal": 30, "+25 %": 10, "+50 %": 10}
    assert len(set(cells)) == 100
    assert [kind for kind, _, _ in gate.in_turns(1)].count("equal") == 1


def test_the_naive_rule_takes_each_side_from_its_own_half() -> None:
    def block(number: int, side: str, ms: float) -> Answers:
        return Answers(Block(number, 1, side, 0.0, 1.0, 1), defaultdict(list, {"getHistory": [ms] * 20}), 20)

    blocks = [block(1, "a", 100.0), block(2, "b", 100.0), block(3, "b", 150.0), block(4, "a", 150.0)]
    assert gate.p95(blocks, blocks) == {"getHistory": (150.0, 150.0)}
    assert gate.naive(gate.p95(blocks, blocks)) == ()
    assert gate.p95(blocks[:2], blocks[2:]) == {"getHistory": (100.0, 150.0)}
    assert gate.naive(gate.p95(blocks[:2], blocks[2:])) == ("getHistory",)


def test_a_comparison_that_does_not_end_is_made_once_more_and_is_never_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def once(kind: str, *_: object) -> gate.Result:
        tried.append(kind)
        raise gate.Unfinished("it died")

    monkeypatch.setattr(gate, "_once", once)
    with pytest.raises(SystemExit, match="equal 0 is no result: it died"):
        gate._compared("equal", 0, "", "a", "b", {})
    assert tried == ["equal", "equal"]


def test_nobody_listening_is_no_result() -> None:
    with pytest.raises(gate.Unfinished, match="does not answer"):
        gate._once("equal", 0, "", "http://127.0.0.1:1", "http://127.0.0.1:1", {}, ())
