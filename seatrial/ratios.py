"""What a comparison of two targets is made of: its blocks, and what each measure came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

BLOCKS = "blocks.jsonl"
COMPARISON = "comparison.jsonl"
SIDES = ("a", "b")
"""The folders of the two targets within that of the comparison."""

ALL_REQUESTS = "all requests"
"""What stands for an operation in a finding about all of them."""


@dataclass(frozen=True)
class Block:
    """One target's turn. `at` are seconds since the start, when it began; `quad` counts from 1, 0 is the warm-up."""

    number: int
    quad: int
    side: str
    at: float
    seconds: float
    sessions: int


class Span(NamedTuple):
    """A ratio, between which two it may lie, each with 95 % confidence, and the one that B may not pass."""

    ratio: float
    low: float
    high: float
    limit: float


@dataclass(frozen=True)
class Ratio:
    """B over A in one measure of one operation: "p95" is judged, "p50" and "first token" inform.

    The operation "turn socket" stands for whole turns whose replies come over a socket (`seatrial.evidence`).
    `a` and `b` are medians over the blocks, in milliseconds. `limit` is the ratio from which B counts as slower.
    `verdict` is "fail" (proved above the limit), "pass" (proved below), "inconclusive" (neither) or "" (it informs).
    Of the measure "failed", `a` and `b` are shares of the requests, `limit` is by how much they may differ, and there
    is no ratio. `why` says why there is none elsewhere. `pairs` of blocks were measured (of stored loads: so many
    sessions on the smaller side). `finds` is the ratio that such a comparison finds in 8 runs of 10, `wanted` the pairs
    that would have decided, None where none was needed or more than anybody waits for.
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

    @property
    def span(self) -> Span | None:
        """What is drawn of it; None where it only informs, or nothing can be said."""
        if self.ratio is None or self.low is None or self.high is None or self.limit is None:
            return None
        return Span(self.ratio, self.low, self.high, self.limit)


def change(ratio: float) -> str:
    """A ratio as people say it: +12%, -3%, 14 times."""
    return f"{(ratio - 1) * 100:+.3g}%" if ratio < 10 else f"{ratio:.3g} times"
