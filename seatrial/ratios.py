"""What a comparison of two targets is made of: its blocks, and what each measure came to. See `samples.Compared`."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.samples import Compared

BLOCKS = "blocks.jsonl"
COMPARISON = "comparison.jsonl"
SIDES = ("a", "b")
"""The folders of the two targets within that of the comparison."""


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
class Beside:
    """What was measured beside the p95 of each operation, in the terms of `Ratio`; None where nothing can be said."""

    operation: str
    measure: str
    a: float
    b: float
    ratio: float | None
    low: float | None
    high: float | None
    limit: float | None
    verdict: str
    pairs: int
    why: str = ""


@dataclass(frozen=True)
class Ratio:
    """B over A in one measure of one operation: "p95" is judged, "p50" and "first token" inform.

    `a` and `b` are medians over the blocks, in milliseconds. `limit` is the ratio from which B counts as slower.
    `verdict` is "fail" (proved above the limit), "pass" (proved below), "inconclusive" (neither) or "" (it informs).
    Of the measure "failed", `a` and `b` are shares of the requests, `limit` is by how much they may differ, and there
    is no ratio. `why` says why there is none elsewhere.
    """

    operation: str
    measure: str
    a: float
    b: float
    ratio: float | None
    low: float | None
    high: float | None
    limit: float | None
    verdict: str
    pairs: int
    finds: float | None = None
    wanted: int | None = None
    why: str = ""

    def record(self) -> Compared | Beside:
        """As it is written down."""
        ratio, low, high, limit = self.ratio, self.low, self.high, self.limit
        if ratio is None or low is None or high is None or limit is None:
            return Beside(
                self.operation,
                self.measure,
                self.a,
                self.b,
                ratio,
                low,
                high,
                limit,
                self.verdict,
                self.pairs,
                self.why,
            )
        return Compared(
            self.operation, ratio, low, high, limit, self.verdict, self.pairs, self.a, self.b, self.finds, self.wanted
        )


def change(ratio: float) -> str:
    """A ratio as people say it: +12%, -3%, 14 times."""
    return f"{(ratio - 1) * 100:+.3g}%" if ratio < 10 else f"{ratio:.3g} times"
