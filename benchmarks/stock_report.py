"""docs/schemathesis.md: what stock schemathesis finds of the same faults, beside what Seatrial does. Nothing is run.

python benchmarks/stock_schemathesis.py --report
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from descriptions import GENERATED, OURS
from detection import STORED as TRIALS
from markdown import NOT_RUN, number, percent, table, target
from stock_schemathesis import HEALTHY_SEEDS, STORED, StockRun
from storing import ROOT, Store
from tallies import median, share, steady
from trials import NONE, Result

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.faults import CATALOGUE

PAGE = ROOT / "docs" / "schemathesis.md"
SEATRIAL = "seatrial verify, quick"
WITH = {OURS: "schemathesis, `openapi.yaml`", GENERATED: "schemathesis, generated"}
INTRODUCTION = f"""\
# Stock schemathesis on the same faults

What `st run` finds with its defaults where Seatrial is measured too ([detection.md](detection.md)): the same faults in
front of the same deployments. This page is written by `make detection`; nothing in it is written by hand.

- It has one account, one seed, and at most so many seconds as the table says; at the limit it is asked to end, and what
  it found until then counts. It reads this project's openapi.yaml, or what Open WebUI generates of itself, both cut to
  the same operations, without those marked `x-seatrial: never`.
- **Found** is a kind of failure (check and operation) that none of {HEALTHY_SEEDS} runs on the healthy server has. One
  that a healthy run might have had by chance counts in its favour.
- **False findings** are the kinds of failure of the runs on the healthy server. One of 0.12.4's is true: the server
  error of the search, which Seatrial reports as a known defect of that release ([releases.md](releases.md)).
- The account has three chats of its own before. **Left behind** are chats that are there afterwards and were not
  before; Seatrial ends by looking whether anything is left. **Own chats are gone** because it deletes what it finds,
  and tries methods that a description does not declare: DELETE on the list of chats removes all that there are.
- Seatrial's runs stop at the first finding where there is a fault; its seconds are those of a run that finds nothing.
"""


def write(folder: Path) -> None:
    """Fold what is stored in the folder into the page."""
    stock, results = Store(folder / STORED, StockRun).all(), Store(folder / TRIALS, Result).all()
    PAGE.write_text(page(stock, results), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} from {len(stock)} runs of schemathesis and {len(results)} trials")


def page(stock: Sequence[StockRun], results: Sequence[Result]) -> str:
    """The whole page, in Markdown."""
    if not stock:
        return "\n".join([INTRODUCTION, *NOT_RUN]) + "\n"
    lines = [INTRODUCTION, *_summary(stock, results), "", "Its false findings:", ""]
    lines += [
        f"- {target(api)}, {WITH[whose]}: {'; '.join(sorted(false_kinds(here))) or 'none'}"
        for api in (SESSIONS, OPENWEBUI)
        for whose in (OURS, GENERATED)
        if (here := _here(stock, api, whose))
    ]
    for api in (SESSIONS, OPENWEBUI):
        lines += ["", f"## Each fault: {target(api)}", "", *_each(stock, results, api)]
    return "\n".join(lines) + "\n"


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


def _summary(stock: Sequence[StockRun], results: Sequence[Result]) -> list[str]:
    """A line for each description, and one for Seatrial on the same faults."""
    rows: list[Sequence[object]] = []
    for api in (SESSIONS, OPENWEBUI):
        of_api = [run for run in stock if run.api == api]
        rows += [
            (target(api), WITH[whose], *_cells(here))
            for whose in (OURS, GENERATED)
            if (here := _here(stock, api, whose))
        ]
        if of_api and (ours := _ours(results, {run.fault for run in of_api}, api)):
            rows.append((target(api), SEATRIAL, *ours))
    heads = (
        "target", "with", "steady faults:", "found:", "false findings on the healthy server:", "seconds, median:",
        "at the limit:", "chats left behind, median:", "own chats gone after:",
    )  # fmt: skip
    return table(heads, rows)


def _each(stock: Sequence[StockRun], results: Sequence[Result], api: str) -> list[str]:
    """Which steady fault is found by what."""
    seen = found_by(stock, api)
    trials = steady(results, api, "quick")
    if trials:
        names = {row.fault for row in trials}
        seen[SEATRIAL] = {
            name: "yes" if all(row.found for row in trials if row.fault == name) else "no" for name in names
        }
    rows = [
        (f"`{fault.name}`", fault.words, *(told.get(fault.name, "") for told in seen.values()))
        for fault in CATALOGUE.values()
        if fault.chance is None and any(fault.name in told for told in seen.values())
    ]
    return table(("fault", "what a user would notice", *seen), rows)


def _ours(results: Sequence[Result], tested: set[str], api: str) -> tuple[object, ...]:
    """The same of Seatrial; empty where it was not measured beside."""
    ours = [row for row in steady(results, api, "quick") if row.fault in tested]
    healthy = [row for row in results if row.api == api and row.fault == NONE.name and row.depth == "quick"]
    if not ours or not healthy:
        return ()
    faults = {row.fault for row in ours}
    found = {fault for fault in faults if all(row.found for row in ours if row.fault == fault)}
    return (
        len(faults), f"{len(found)} ({percent(len(found) / len(faults))})",
        len({red for row in healthy for red in row.red}),
        number(median(row.seconds for row in healthy)), 0, number(median(len(row.left_behind) for row in ours)), "-",
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
        return (len(faults), *["-"] * 6)
    found = [finds(run, false) for run in faults]
    known = [run for run in faults if run.lost is not None]
    return (
        len(faults), f"{sum(found)} ({percent(share(found))})",
        f"{number(median(len(run.kinds) for run in healthy))} a run, {len(false)} in all",
        number(median(run.seconds for run in faults)), f"{sum(run.exit is None for run in faults)} of {len(faults)}",
        number(median(run.left for run in faults)), f"{sum(bool(run.lost) for run in known)} of {len(known)} runs",
    )  # fmt: skip
