"""What comparisons write down, for the tests of the reports."""

from __future__ import annotations

from load.ruling import findings
from seatrial.ratios import Ratio

COMPARED = (
    Ratio("sendMessage", "p95", 0.0, 0.0, 1.31, 1.22, 1.41, 1.1, "fail", 40),
    Ratio("getHistory", "p95", 0.0, 0.0, 1.01, 0.97, 1.05, 1.1, "pass", 40),
    Ratio("listSessions", "p95", 12.0, 13.0, 1.08, 0.95, 1.2, 1.1, "inconclusive", 40, 1.25, 120),
    Ratio("", "failed", 0.0, 0.004, None, None, None, 0.01, "pass", 40),
    Ratio("getModel", "p95", 0.0, 0.0, None, None, None, None, "inconclusive", 3, why="12.0 good answers in a block"),
    Ratio("listSessions", "p50", 4.0, 4.1, 1.02, 0.99, 1.05, None, "", 40),
    Ratio("", "first token", 40.0, 52.0, 1.3, None, None, None, "", 40),
)


MORE_FAIL = (
    (FAILING := Ratio("", "failed", 0.0, 0.05, None, 0.03, 0.07, 0.01, "fail", 40)),
    *findings([FAILING]),
)
"""A comparison of which B refuses more, as it is written down."""
