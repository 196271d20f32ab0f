"""What stock schemathesis finds of the same faults, beside what Seatrial does."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from descriptions import GENERATED, OURS
from markdown import NOT_RUN, number, percent, table, target
from stock_schemathesis import StockRun
from tallies import median, share, steady
from trials import NONE, Result

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.faults import CATALOGUE

WITH = {OURS: "schemathesis, `openapi.yaml`", GENERATED: "schemathesis, generated"}


def false_kinds(stock: Sequence[StockRun]) -> set[str]:
    """Every kind of failure of the runs on the healthy server."""
    return {kind for run in stock if run.fault == NONE.name for kind in run.kinds}


def finds(run: StockRun, false: set[str]) -> bool:
    """Whether a run says something that no run on the healthy server says."""
    return bool(set(run.kinds) - false)


def found_by(stock: Sequence[StockRun], api: str) -> dict[str, dict[str, str]]:
    """By description, then by fault: `yes` or `no`."""
    found: dict[str, dict[str, str]] = {}
    for whose in (OURS, GENERATED):
        here = _here(stock, api, whose)
        if here:
            false = false_kinds(here)
            found[WITH[whose]] = {run.fault: "yes" if finds(run, false) else "no" for run in here}
    return found


def lines(stock: Sequence[StockRun], results: Sequence[Result]) -> list[str]:
    """Markdown: a line for each description, and one for Seatrial on the same faults."""
    if not stock:
        return NOT_RUN
    rows: list[Sequence[object]] = []
    listed: list[str] = []
    for api in (SESSIONS, OPENWEBUI):
        for whose in (OURS, GENERATED):
            if here := _here(stock, api, whose):
                rows.append((target(api), WITH[whose], *_cells(here)))
                listed.append(f"- {target(api)}, {WITH[whose]}: {'; '.join(sorted(false_kinds(here))) or 'none'}")
        if ours := steady(results, api, "quick"):
            rows.append((target(api), "seatrial verify, quick", *_ours(ours, stock, results, api)))
    heads = (
        "target", "with", "faults:", "found:", "false findings on the healthy server:", "seconds of a run, median:",
        "chats left behind, median:", "runs after which own chats are gone:",
    )  # fmt: skip
    return [
        "`st run` with its defaults: one account, one seed, at most 120 s (`benchmarks/stock_schemathesis.py`). It",
        "reads openapi.yaml, or what Open WebUI generates of itself, both cut to the same operations and without those",
        "marked `x-seatrial: never`. Found is a kind of failure (check and operation) that none of three runs on the",
        "healthy server has; what those have are its false findings. The account has three chats of its own before.",
        "",
        *table(heads, rows),
        "",
        "Its false findings:",
        "",
        *listed,
    ]


def _ours(ours: Sequence[Result], stock: Sequence[StockRun], results: Sequence[Result], api: str) -> tuple[object, ...]:
    """The same of Seatrial; its runs stop at the first finding, so the seconds are those of a healthy run."""
    tested = {run.fault for run in stock if run.api == api}
    ours = [row for row in ours if row.fault in tested] or ours
    healthy = [row for row in results if row.api == api and row.fault == NONE.name and row.depth == "quick"]
    return (
        len({row.fault for row in ours}), percent(share(row.found for row in ours)),
        len({red for row in healthy for red in row.red}), number(median(row.seconds for row in healthy)),
        f"{statistics.median(len(row.left_behind) for row in ours):g}", "-",
    )  # fmt: skip


def _here(stock: Sequence[StockRun], api: str, whose: str) -> list[StockRun]:
    known = {NONE.name, *CATALOGUE}
    return [run for run in stock if run.api == api and run.description == whose and run.fault in known]


def _cells(here: Sequence[StockRun]) -> tuple[object, ...]:
    """What is told of the runs with one description."""
    false = false_kinds(here)
    healthy = [run for run in here if run.fault == NONE.name]
    faults = [run for run in here if run.fault != NONE.name and CATALOGUE[run.fault].chance is None]
    if not faults or not healthy:
        return (len(faults), *["-"] * 5)
    found = [finds(run, false) for run in faults]
    left = median(run.left for run in faults)
    known = [run for run in faults if run.lost is not None]
    cut = sum(run.exit is None for run in faults)
    seconds = number(median(run.seconds for run in faults))
    return (
        len(faults), f"{sum(found)} ({percent(share(found))})",
        f"{statistics.median(len(run.kinds) for run in healthy):g} a run, {len(false)} in all",
        f"{seconds} ({cut} at the limit)" if cut else seconds, number(left),
        f"{sum(bool(run.lost) for run in known)} of {len(known)}",
    )  # fmt: skip
