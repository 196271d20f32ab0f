"""Blocks, pairs and verdicts of a comparison, from records that never were a measurement."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import finding

from load.blocks import QUAD, journeys, order
from load.gate import LEAST_PAIRS, Limits, judged, outcome
from load.mix import Mix
from load.pairs import LEAST, Paired
from load.ruling import findings, sentence
from seatrial.cli.comparing import concluded
from seatrial.errors import WrongUse
from seatrial.ratios import BLOCKS, SIDES, Block, Ratio
from seatrial.records import Finding, Recorder, Run, RunFolder
from seatrial.samples import Sample

TEN = Limits.parse("10%", "5ms")
Service = Callable[[str, str, random.Random], float]


def measured(
    path: Path,
    service: Service,
    *,
    pairs: int = 40,
    each: int = LEAST,
    failing: dict[str, float] | None = None,
    operations: tuple[str, ...] = ("getHistory", "sendMessage"),
) -> Paired:
    """A comparison of which every block has `each` requests of each operation; `service` says how long one takes."""
    chance, folder = random.Random(1), RunFolder(path)
    blocks = Recorder(path / BLOCKS)
    sides = {side: Recorder(path / side / "samples" / "1.jsonl") for side in SIDES}
    for number, side in enumerate(order(pairs, seed=1), 1):
        blocks.write(Block(number, (number - 1) // QUAD + 1, side, float(number), 0.9, each))
        for operation in operations:
            for nth in range(each):
                ok = chance.random() >= (failing or {}).get(side, 0.0)
                ms = service(side, operation, chance)
                sides[side].write(Sample(number + nth / 1000, operation, ms, 200, ok, 1, f"1-{nth}"))
    for recorder in (blocks, *sides.values()):
        recorder.close()
    return Paired.of(folder)


def slower(**factors: float) -> Service:
    """Around 40 ms, with a burst now and then; so much slower in B."""

    def service(side: str, operation: str, chance: random.Random) -> float:
        burst = 3.0 if chance.random() < 0.02 else 1.0
        return 40 * chance.lognormvariate(0, 0.1) * burst * (factors.get(operation, 1.0) if side == "b" else 1.0)

    return service


def verdict_of(rows: list[Ratio], operation: str) -> str:
    return next(row.verdict for row in rows if row.operation == operation and row.measure == "p95")


def test_an_order_is_made_of_quads_in_which_drift_cancels() -> None:
    sides = order(40, seed=3)
    quads = [sides[start : start + QUAD] for start in range(0, len(sides), QUAD)]
    assert len(sides) == 80
    assert set(quads) == {"abba", "baab"}
    assert order(40, seed=3) == sides
    assert order(40, seed=4) != sides


def test_every_block_has_the_journeys_of_the_mix_in_the_same_numbers() -> None:
    mix = Mix.parse("session=2,reader=1")
    played = [journeys(mix, 20, str(number)) for number in range(5)]
    assert {(one.count("session"), one.count("reader")) for one in played} == {(13, 7)}
    assert played[0] != played[1]
    assert journeys(mix, 20, "0") == played[0]


def test_equals_pass_and_the_sentence_says_what_was_proved(tmp_path: Path) -> None:
    rows = judged(measured(tmp_path, slower()), TEN)
    assert outcome(rows) == "pass"
    assert "any of 2 operations, and that at most 1 point more of its requests fail" in sentence(rows, TEN, "40 pairs")
    assert {row.measure for row in rows} == {"p95", "p50", "failed"}
    assert all(row.verdict == "" for row in rows if row.measure == "p50")
    assert not list(findings(rows))


def test_a_slower_operation_fails_and_is_named_with_its_interval(tmp_path: Path) -> None:
    rows = judged(measured(tmp_path, slower(getHistory=1.4)), TEN)
    assert outcome(rows) == "fail"
    assert (verdict_of(rows, "getHistory"), verdict_of(rows, "sendMessage")) == ("fail", "pass")
    row = next(row for row in rows if row.operation == "getHistory")
    assert row.span is not None
    assert 1.1 < row.span.low < row.span.ratio < row.span.high
    (found,) = findings(rows)
    assert (found.rule, found.operation, found.severity) == ("compare-slower", "getHistory", "break")
    share = "10" if row.a >= 50 else f"{500 / row.a:.3g}"
    assert found.expected == f"a p95 at most {share}% above A's {row.a:.1f} ms"
    (far,) = findings([replace(row, limit=14.0)])
    assert far.expected == f"a p95 of at most 14 times A's {row.a:.1f} ms"
    assert sentence(rows, TEN, "40 pairs").startswith("Fail: proved to be worse in B than the limit allows: getHistory")


def test_what_lies_at_the_limit_is_open_and_says_what_would_decide(tmp_path: Path) -> None:
    rows = judged(measured(tmp_path, slower(getHistory=1.09), pairs=LEAST_PAIRS), TEN)
    row = next(row for row in rows if row.operation == "getHistory")
    assert outcome(rows) == row.verdict == "inconclusive"
    assert row.finds is not None
    assert row.finds > 1.1
    assert row.wanted is None or row.wanted > LEAST_PAIRS
    assert "pairs" in sentence(rows, TEN, "20 pairs")


def test_a_difference_below_the_floor_is_no_slowdown(tmp_path: Path) -> None:
    def tiny(side: str, _: str, chance: random.Random) -> float:
        return (3.0 if side == "b" else 1.5) * chance.lognormvariate(0, 0.1)

    paired = measured(tmp_path, tiny)
    assert outcome(judged(paired, TEN)) == "pass"
    assert outcome(judged(paired, Limits.parse("10%", "0ms"))) == "fail"


def test_more_failures_fail_b_however_fast_it_is(tmp_path: Path) -> None:
    rows = judged(measured(tmp_path, slower(), each=40, failing={"b": 0.08}), TEN)
    failed = next(row for row in rows if row.measure == "failed")
    assert failed.verdict == outcome(rows) == "fail"
    assert failed.span is None
    (found,) = findings(rows)
    assert (found.rule, found.operation) == ("compare-errors", "all requests")
    assert found.expected == "at most 1 point more failed requests than in A"


@pytest.mark.parametrize(("down", "verdict"), [(0, "pass"), (4, "inconclusive"), (7, "fail")])
def test_blocks_that_fail_wholly_are_no_weather(tmp_path: Path, down: int, verdict: str) -> None:
    """As with a server that restarts now and then: in ranks, a few such blocks of 40 would be a few large values."""
    paired = measured(tmp_path, slower())
    of_b = [one for one in paired.blocks if one.block.side == "b"]
    for block in of_b[: 2 * down : 2]:  # one in a quad
        block.failed, block.times = block.requests, {}
    rows = judged(paired, TEN)
    assert next(row for row in rows if row.measure == "failed").verdict == verdict
    assert (outcome(rows) == "pass") == (verdict == "pass")


def test_failures_of_both_are_no_reproach_to_b(tmp_path: Path) -> None:
    rows = judged(measured(tmp_path, slower(), each=40, failing={"a": 0.08, "b": 0.08}), TEN)
    assert next(row for row in rows if row.measure == "failed").verdict != "fail"


def test_too_few_answers_for_a_p95_are_not_taken_for_one(tmp_path: Path) -> None:
    rows = judged(measured(tmp_path, slower(), each=LEAST - 1), TEN)
    assert outcome(rows) == "inconclusive"
    assert "20 are needed in each" in sentence(rows, TEN, "40 pairs")


@pytest.mark.parametrize(("sessions", "verdict"), [(LEAST, "inconclusive"), (5 * LEAST, "")])
def test_what_few_sessions_ask_leaves_nothing_open(tmp_path: Path, sessions: int, verdict: str) -> None:
    paired = measured(tmp_path, slower(), each=LEAST - 4)
    for one in paired.blocks:
        one.block = replace(one.block, sessions=sessions)
    (row, *_) = judged(paired, TEN)
    assert (row.verdict, bool(row.why)) == (verdict, True)


def test_a_quad_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    measured(tmp_path, slower(), pairs=22)
    path = tmp_path / BLOCKS
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert len(Paired.of(RunFolder(tmp_path)).times("getHistory", 0.95)) == 20


def test_pairs_hold_a_and_b_whichever_came_first(tmp_path: Path) -> None:
    pairs = measured(tmp_path, lambda side, *_: 10.0 if side == "a" else 20.0).times("getHistory", 0.95)
    assert {(pair.a, pair.b) for pair in pairs} == {(10.0, 20.0)}


@pytest.mark.parametrize(
    ("slow", "floor"), [("10", "5ms"), ("0%", "5ms"), ("x%", "5ms"), ("10%", "5"), ("10%", "soon")]
)
def test_limits_that_are_none_are_refused(slow: str, floor: str) -> None:
    with pytest.raises(WrongUse):
        Limits.parse(slow, floor)


def test_limits_are_said_as_they_were_given() -> None:
    assert str(TEN) == "10 % and 5 ms"
    assert str(Limits.parse("12.5 %", "0.2s")) == "12.5 % and 200 ms"
    assert TEN.ratio(200) == pytest.approx(1.1)
    assert TEN.ratio(10) == pytest.approx(1.5)


def row(verdict: str) -> Ratio:
    return Ratio("getChat", "p95", 40.0, 50.0, 1.25, 1.2, 1.3, 1.1, verdict, 40)


@pytest.mark.parametrize(
    ("verdict", "problem", "found", "ends"),
    [
        ("pass", None, [], "pass"),
        ("fail", None, [], "fail"),
        ("inconclusive", None, [], "inconclusive"),
        # A player that was late hides a slowdown, and makes none.
        ("pass", "the player needed a whole core", [], "inconclusive"),
        ("fail", "the player needed a whole core", [], "fail"),
        ("pass", None, [finding(title="A history holds what was said")], "fail"),
        ("pass", "B could not be verified", [finding()], "fail"),
    ],
)
def test_a_proven_failure_beats_what_was_in_the_way(
    verdict: str, problem: str | None, found: list[Finding], ends: str
) -> None:
    run = concluded(Run("compare", "http://b", "sessions", problem=problem), [row(verdict)], TEN, found)
    assert run.verdict == ends
    assert run.exit_code == {"pass": 0, "fail": 1, "inconclusive": 3}[ends]
    assert run.sentence.startswith(ends.capitalize())
    assert bool(run.problem) == (ends == "inconclusive" or problem is not None)
    for one in found:
        assert one.title in run.sentence


@pytest.mark.parametrize("refused", [("sendMessage",), ("getHistory", "sendMessage")], ids=["turns", "all"])
def test_what_both_refuse_always_proves_nothing(tmp_path: Path, refused: tuple[str, ...]) -> None:
    """As behind a model whose key has expired: B is no worse than A, and nobody has seen a turn of either."""
    measured(tmp_path, slower())
    for side in SIDES:
        path = tmp_path / side / "samples" / "1.jsonl"
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for row in rows:
            row["ok"] = row["operation"] not in refused
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    rows = judged(Paired.of(RunFolder(tmp_path)), TEN)
    assert outcome(rows) == "inconclusive"
    assert "sendMessage (0.0 good answers in a block on average" in sentence(rows, TEN, "40 pairs of blocks")


def test_failures_alone_pass_nothing() -> None:
    row = Ratio("", "failed", 1.0, 1.0, None, None, None, 0.01, "pass", 40)
    assert outcome([row]) == "inconclusive"
    assert "nothing could be compared" in sentence([row], TEN, "40 pairs of blocks")
