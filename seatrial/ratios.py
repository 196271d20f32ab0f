"""What a comparison of two targets records: its blocks, and what each measure came to. See `records` for the folder."""

from __future__ import annotations

from dataclasses import dataclass

BLOCKS = "blocks.jsonl"
RATIOS = "ratios.jsonl"
SIDES = ("a", "b")
"""The folders of the two targets within that of the comparison."""

Verdict = str
"""Of a ratio: "slower" (proved above its limit), "no slower" (proved below), "open" (neither), "" (it informs)."""


@dataclass(frozen=True)
class Block:
    """One target's turn. `at` are seconds since the start, when it began; `quad` counts from 1, 0 is the warm-up."""

    number: int
    quad: int
    side: str
    at: float
    seconds: float
    sessions: int


@dataclass(frozen=True)
class Ratio:
    """B over A in one measure of one operation: "p95" is judged, "p50" and "first token" inform.

    `a` and `b` are medians over the blocks (of stored runs: of the requests), in milliseconds. `ratio` lies between
    `low` and `high`, each of which holds with 95 % confidence by itself; None where too little bounds it. `limit` is
    the ratio from which B counts as slower. `pairs` decided, or the sessions of the smaller of two stored runs. Where
    it is judged: `slower_by` is the ratio that so many pairs find with a power of 80 %, and `wanted` the pairs that
    would have decided, going by what was measured.

    Of the measure "failed", `a` and `b` are shares of requests, `limit` their difference, and there is no ratio.
    """

    operation: str
    measure: str
    a: float
    b: float
    ratio: float | None
    low: float | None
    high: float | None
    limit: float | None
    verdict: Verdict
    pairs: int
    slower_by: float | None = None
    wanted: int | None = None
    why: str = ""
