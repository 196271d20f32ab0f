"""The part of docs/comparing.md that says how often the gate is wrong. Nothing is run.

python benchmarks/gate.py --report
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from gate import ITSELF, LATER, REAL, Result
from markdown import NOT_RUN, put_in, table, verdicts
from storing import ROOT

from seatrial.measuring import share_bound

PAGE, SCRIPT = ROOT / "docs" / "comparing.md", "benchmarks/gate.py"


ASKED = {"equal": (60, 58), "+25 %": (20, 18), "+50 %": (20, 20), ITSELF: (REAL, REAL), LATER: (REAL, REAL)}
"""Of each kind so many comparisons, and so many of them right."""


def write(rows: Sequence[Result]) -> list[tuple[str, bool | None]]:
    """Print the part, and put it into the page. Returns what was asked for, in words, and whether it came."""
    told = lines(rows)
    print("\n".join(["", *told]))
    PAGE.write_text(put_in(PAGE.read_text("utf-8"), SCRIPT, told), "utf-8")
    print(f"wrote it into {PAGE.relative_to(ROOT)}")
    return judged(of_newest(rows))


def of_newest(rows: Sequence[Result]) -> list[Result]:
    """Those that were measured from the same sources as the newest."""
    newest = max(rows, key=lambda row: row.at, default=None)
    return [row for row in rows if newest is not None and row.fingerprint == newest.fingerprint]


def judged(rows: Sequence[Result]) -> list[tuple[str, bool | None]]:
    """What was asked for, in words, and whether it came; None where too few were made to say."""
    found: list[tuple[str, bool | None]] = []
    for kind, (number, least) in ASKED.items():
        right = [row.right for row in rows if row.kind == kind]
        wrong = len(right) - sum(right)
        held = False if wrong > number - least else None if len(right) < number else True
        found.append((f"{kind}: right in {sum(right)} of {len(right)}, at least {least} of {number}", held))
    return found


def lines(rows: Sequence[Result]) -> list[str]:
    """Markdown: each kind of comparison, and what the naive rule makes of the same requests."""
    if not rows:
        return NOT_RUN
    rows = of_newest(rows)
    heads = (
        "B is",
        "comparisons:",
        "pass:",
        "inconclusive:",
        "fail:",
        "right:",
        "naive rule right:",
        "one after the other:",
    )
    kinds = [[row for row in rows if row.kind == kind] for kind in dict.fromkeys(row.kind for row in rows)]
    seconds = ", ".join(f"{statistics.median(row.seconds for row in of):.0f} s ({of[0].kind})" for of in kinds)
    return [
        *table(heads, [_row(of) for of in kinds]),
        "",
        '*Right*: the operation that is slower was named, or none where none is. *Naive rule*: "p95 grew by a fifth"',
        "over all requests of the same run; *one after the other*: the same over A's first half and B's second, as one",
        "measures who takes one target after the other. A comparison measures for",
        f"{seconds} (medians).",
        "",
        *_wrong(rows),
        "",
        *verdicts(judged(rows)),
        "",
        f"*Measured {max(row.at for row in rows)[:10]}, from sources {rows[0].fingerprint}.*",
    ]


def _row(of: Sequence[Result]) -> tuple[object, ...]:
    counts = [sum(row.verdict == verdict for row in of) for verdict in ("pass", "inconclusive", "fail")]
    right = sum(row.right for row in of)
    naive = sum((row.slower in row.naive) if row.slower else not row.naive for row in of)
    apart = sum((row.slower in row.apart) if row.slower else not row.apart for row in of)
    return (of[0].kind, len(of), *counts, right, naive, apart)


def _wrong(rows: Sequence[Result]) -> list[str]:
    """What was said wrongly: alarms where nothing is slower, and other operations beside the slower one."""
    told = []
    if equal := [row for row in rows if row.kind == "equal"]:
        false = sum(row.verdict == "fail" for row in equal)
        bound = share_bound(false, len(equal))
        told.append(
            f"- False alarms: {false} of {len(equal)}, so at most {bound:.1%} of all (one-sided 95 %, Clopper and "
            "Pearson)."
        )
    if slower := [row for row in rows if row.slower]:
        beside = sum(bool(set(row.found) - {row.slower}) for row in slower)
        told.append(f"- Another operation was named beside the slower one, wrongly: in {beside} of {len(slower)}.")
    return told
