"""What a comparison came to, in words and as findings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from load.findings import named
from load.gate import MOST_FAILED, MOST_WANTED, Limits, outcome
from seatrial.contract import OPENWEBUI
from seatrial.evidence import TURN_SUBJECTS
from seatrial.ratios import ALL_REQUESTS, Ratio, change
from seatrial.records import Finding
from seatrial.verbs import VERB_OPERATIONS

SHOWN = 3


def sentence(rows: Sequence[Ratio], limits: Limits, looked: str, *, stored: bool = False) -> str:
    """One sentence over all rows; `looked` is on what it stands, such as "40 pairs of blocks".

    Loads that are `stored` have no pairs: more of them is more time.
    """
    judged = [row for row in rows if row.verdict]
    slower = [row for row in judged if row.verdict == "fail"]
    open_ = [row for row in judged if row.verdict == "inconclusive"]
    verdict = outcome(rows)
    if verdict == "fail":
        return f"Fail: proved to be worse in B than the limit allows: {_listed(slower)} ({looked})."
    if verdict == "pass":
        turns = sum(row.operation in TURN_SUBJECTS for row in judged)
        return (
            f"Pass: B is proved not to be slower than A by more than {limits}, the larger counting, "
            f"in any of {sum(bool(row.operation) for row in judged) - turns} operations"
            f"{' and in whole turns' if turns else ''}, and that at most "
            f"{_points(MOST_FAILED)} more of its requests fail ({looked})."
        )
    if not open_:
        return f"Inconclusive: nothing could be compared ({looked})."
    return f"Inconclusive: neither proved nor refuted: {_listed(open_)} ({looked}). {_advice(open_, stored)}"


def failing(found: Sequence[Finding], said: str) -> str:
    """The sentence where B has findings that are none of timing; `said` is the one over the rows, "" without any."""
    more = f", the first of {len(found)}" if len(found) > 1 else ""
    times = f" Times: {said[:1].lower()}{said[1:]}" if said else ""
    return f"Fail: B has a finding that A has not: {found[0].title}{more}.{times}"


def told(row: Ratio) -> str:
    """One row in words."""
    if row.measure == "failed":
        return f"{row.b:.2%} of the requests failed in B, {row.a:.2%} in A"
    if row.ratio is None:
        return f"{row.operation} ({row.why})"
    low, high = (change(bound) if bound is not None else "?" for bound in (row.low, row.high))
    limit = f", limit {change(row.limit)}" if row.limit is not None else ""
    return f"{row.operation} {row.measure} {change(row.ratio)} ({low} to {high}{limit})"


def findings(rows: Sequence[Ratio]) -> Iterator[Finding]:
    """One for each row that fails B."""
    for row in rows:
        if row.verdict != "fail":
            continue
        failed, turns = row.measure == "failed", row.operation in TURN_SUBJECTS
        yield Finding(
            rule="compare-errors" if failed else "compare-slower",
            severity="break",
            operation=VERB_OPERATIONS[OPENWEBUI]["send_message"] if turns else row.operation or ALL_REQUESTS,
            title="More requests fail than before" if failed else f"{named(row.operation)} is slower than before",
            expected=f"at most {_points(row.limit or 0)} more failed requests than in A"
            if failed
            else f"{'whole turns with ' if turns else ''}a p95 {_at_most(row.limit or 1)} A's {row.a:,.1f} ms",
            received=told(row) if failed else f"{row.b:,.1f} ms; {told(row)}",
            where=f"{row.operation} {row.measure}" if turns else row.measure,
            curl="",
            notice="People are refused more often than before."
            if failed
            else f"People wait longer {'for whole replies over the socket ' if turns else ''}than before.",
        )


def _points(share: float) -> str:
    return f"{100 * share:g} point{'' if math.isclose(share, 0.01) else 's'}"


def _at_most(limit: float) -> str:
    return f"of at most {limit:.3g} times" if limit >= 10 else f"at most {(limit - 1) * 100:.3g}% above"


def _listed(rows: Sequence[Ratio]) -> str:
    worst = sorted(rows, key=lambda row: -(row.ratio or 0) / (row.limit or 1))
    more = f", and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return "; ".join(told(row) for row in worst[:SHOWN]) + more


def _advice(rows: Sequence[Ratio], stored: bool) -> str:
    """What would have decided: how many pairs, or a longer load."""
    if stored:
        return "Longer would tell: load both for longer (--duration)."
    timed = [row for row in rows if row.measure != "failed"]
    if any(row.ratio is None for row in timed):
        return "More sessions of the mix have to ask for what was answered too seldom."
    wanted = [row.wanted for row in timed]
    if None in wanted:
        return f"It is too close to the limit: not even {MOST_WANTED:,} pairs would decide."
    if not timed:
        return "Longer would tell: double --pairs."
    pairs = f"{max(one for one in wanted if one is not None):,}"
    if len(timed) < len(rows):
        return f"Going by this spread, {pairs} pairs decide the times; for the failures double --pairs."
    return f"Going by this spread, {pairs} pairs decide (--pairs)."
