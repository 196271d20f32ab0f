"""Faults that were written without sight of the rules: what was found at the first try, and what is found now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markdown import percent, table, target
from storing import RESULTS
from trials import Result
from unseen import UNSEEN

from seatrial.contract import OPENWEBUI, SESSIONS

TITLES = "On the Session API titles are the server's own words, of which the contract says nothing."
OPEN = {
    "question-marks": TITLES,
    "titles-of-thirty": TITLES,
    "cut-at-64-kb": "A history so long would cost thirty completions of the Session API.",
    "times-of-import": "No operation of the contract imports.",
    "any-scheme": "Whoever has the right token gets in, by whatever word before it: so does Open WebUI.",
    "nobody-has-an-empty-list": "It tells a stranger nothing of anybody.",
    "stream-in-4k-buffers": "The replies that are asked for are shorter than such a lump.",
    "reply-of-another-name": "Gateways rename models, and rightly.",
    "usage-does-not-add-up": "Drift: models that think count more in all than they tell in part.",
}
"""Why nobody looks for what is still not found."""


def first_try(api: str) -> list[dict[str, Any]]:
    """What the suite said when it met them first, before anything was mended; empty where nobody tried."""
    path = RESULTS / f"unseen-first-try-{api}.json"
    return list(json.loads(path.read_text("utf-8"))) if path.exists() else []


def lines(results: Sequence[Result]) -> list[str]:
    """Markdown: the score of the first try beside the present one, then what was not seen at first."""
    rows: list[Sequence[object]] = []
    missed: list[str] = []
    for api in (SESSIONS, OPENWEBUI):
        first = first_try(api)
        now = {row.fault: row for row in results if row.suite == "unseen" and row.api == api}
        if not first and not now:
            continue
        scores = [*_score([row["exit"] for row in first]), *_score([row.exit for row in now.values()])]
        rows.append((target(api), len(now) or len(first), *scores))
        missed += [_told(api, row["fault"], row["exit"], now.get(row["fault"])) for row in first if row["exit"] != 1]
        lost = [
            row["fault"] for row in first if row["exit"] == 1 and row["fault"] in now and not now[row["fault"]].found
        ]
        missed += [f"- {target(api)}: `{name}` was found at the first try, and is not found now." for name in lost]
    heads = ("target", "faults:", "found at the first try:", "inconclusive:", "found now:", "inconclusive:")
    return [
        "`benchmarks/unseen` was written by somebody who had seen neither rules nor catalogue; quick depth, one seed.",
        "The first try is from before anything was mended because of it.",
        "",
        *table(heads, rows),
        *(["", "Not found at the first try:", "", *missed] if missed else []),
    ]


def _score(exits: Sequence[int]) -> tuple[str, str]:
    if not exits:
        return "-", "-"
    found = sum(code == 1 for code in exits)
    return f"{found} of {len(exits)} ({percent(found / len(exits))})", str(sum(code not in (0, 1) for code in exits))


def _told(api: str, name: str, code: int, now: Result | None) -> str:
    words = UNSEEN[name].words if name in UNSEEN else ""
    then = "" if code == 0 else f" (exit {code})"
    if now is None:
        since = ""
    elif now.found:
        since = f" Now found by {', '.join(now.rules)}."
    else:
        why = OPEN.get(name, "") if now.exit == 0 else f"The run says that it could not begin: {now.problem}."
        since = f" Not found now either. {why}".rstrip()
    return f"- {target(api)}: `{name}`{then}: {words}{since}"
