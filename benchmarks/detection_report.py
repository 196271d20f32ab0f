"""docs/detection.md: what the stored trials come to, as tables. Nothing is run.

python benchmarks/detection.py --report
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import false_alarms
import unseen_report
from detection import PLAN, STORED, planned
from markdown import NOT_RUN, number, percent, table, target
from storing import ROOT, Store, fingerprint
from tallies import Miss, Odds, by_class, median, misnamed, misses, odds, steady, tallied
from trials import NONE, SUITES, Result, sources

from seatrial.contract import OPENWEBUI, SESSIONS

PAGE = ROOT / "docs" / "detection.md"
DEPTHS = ("quick", "full")

INTRODUCTION = """\
# What is found

Faults of the catalogue (`seatrial lab proxy --list`), each put in front of a healthy deployment, and `seatrial verify`
against that. This page is written by `make detection`; nothing in it is written by hand.

- **Found**: the run fails (exit 1). **Rightly named**: a rule that the fault's entry in the catalogue names turned red.
- **To the first finding**: requests, and seconds from the start of the command, until what failed the run was first
  seen. A run stops with the first test that fails (pytest's `-x`). One full run of each fault does not: it counts the
  **other rules** that turn red too; of a fault that both APIs have, it is on the Session API.
- Faults whose rules are drift are run with `--strict`, those that give no answer with a timeout of 3 s (10 s on
  Open WebUI); everything else is the default.
- The Session API is the reference server with three owners; Open WebUI is a real one with the scripted provider.
- What stock schemathesis finds of the same faults: [schemathesis.md](schemathesis.md).
"""


def write(folder: Path) -> None:
    """Fold what is stored in the folder into the page."""
    results = _current(Store(folder / STORED, Result).all())
    healthy = Store(folder / false_alarms.STORED, false_alarms.HealthyRun).all()
    PAGE.write_text(page(results, healthy), "utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)} from {len(results)} trials, {len(healthy)} runs on healthy targets")


def page(results: Sequence[Result], healthy: Sequence[false_alarms.HealthyRun]) -> str:
    """The whole page, in Markdown."""
    catalogue = [row for row in results if row.suite == "catalogue"]
    parts = [
        INTRODUCTION.splitlines(),
        _state(catalogue),
        ["## Steady faults", "", *_summary(catalogue)],
        ["## By class", "", *_classes(catalogue)],
        ["## Missed, or named otherwise", "", *_misses(catalogue)],
        ["## Now and then", "", *_odds(odds(catalogue))],
        ["## Written without sight of the rules", "", *unseen_report.lines(results)],
        ["## False findings", "", *_false_findings(catalogue, healthy)],
        *(["", f"## Each fault: {target(api)}", "", *_each(catalogue, api)] for api in (SESSIONS, OPENWEBUI)),
    ]
    lines = [line for part in parts for line in (*part, "")]
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def _current(results: Sequence[Result]) -> list[Result]:
    """Without faults that are no longer there."""
    return [row for row in results if row.fault in SUITES.get(row.suite, {})]


def _state(results: Sequence[Result]) -> list[str]:
    """How much of the plan is stored, and whether from the sources of now."""
    wanted = {cell.key for cell in planned(PLAN)}
    done = [row for row in results if row.key in wanted]
    stale = sum(row.fingerprint != fingerprint(*sources(row)) for row in done)
    told = "" if len(done) == len(wanted) else f"**Incomplete: {len(done)} of {len(wanted)} trials.** "
    told += f"**{stale} trials are of earlier sources.** " if stale else ""
    machines = sorted({f"{row.jobs} at a time on {row.cores} cores" for row in done})
    return [f"{told}{len(done)} trials, {' or '.join(machines) or 'none yet'}."]


def _summary(results: Sequence[Result]) -> list[str]:
    heads = (
        "target", "depth", "faults:", "seeds:", "found, least seed:", "median:", "rightly named, of those:",
        "requests to the first finding:", "seconds:", "other rules, median:", "most:",
    )  # fmt: skip
    rows = [
        (
            target(api), depth, tally.faults, tally.seeds, percent(tally.found_min), percent(tally.found_median),
            percent(tally.right), number(tally.requests), number(tally.seconds, 1),
            *((number(tally.others), number(tally.others_most)) if depth == "full" else ("", "")),
        )
        for api in (SESSIONS, OPENWEBUI)
        for depth in DEPTHS
        if (tally := tallied(results, api, depth))
    ]  # fmt: skip
    return table(heads, rows)


def _classes(results: Sequence[Result]) -> list[str]:
    columns = [(api, depth, by_class(results, api, depth)) for api in (SESSIONS, OPENWEBUI) for depth in DEPTHS]
    columns = [column for column in columns if column[2]]
    kinds = sorted({kind for *_, tally in columns for kind in tally})
    rows = [
        (kind, *(f"{percent(tally[kind][1])} of {tally[kind][0]}" if kind in tally else "-" for *_, tally in columns))
        for kind in kinds
    ]
    return table(("class", *(f"{target(api)}, {depth}" for api, depth, _ in columns)), rows)


def _misses(results: Sequence[Result]) -> list[str]:
    lines = []
    for api in (SESSIONS, OPENWEBUI):
        for depth in DEPTHS:
            for what, found in (
                ("missed", misses(results, api, depth)),
                ("found, and named otherwise", misnamed(results, api, depth)),
            ):
                lines += [f"- {target(api)}, {depth}, {what}: {_told(miss)}" for miss in found]
    return lines or ["None."]


def _told(miss: Miss) -> str:
    how = "; ".join(f"{count} times {end}" if count > 1 else end for end, count in miss.how.items())
    return f"`{miss.fault}` in {miss.missed} of {miss.of} ({how})"


def _odds(rows: Sequence[Odds]) -> list[str]:
    heads = ("fault", "target", "chance:", "calls:", "probability that a run meets it:", "met", "seen")
    cells = [
        (
            f"`{row.fault}`", target(row.api), percent(row.chance), f"{row.calls:g}", percent(row.probability),
            f"{row.met} of {row.runs} runs", f"{row.seen} of {row.runs} runs",
        )
        for row in rows
    ]  # fmt: skip
    return [
        "A fault with a chance breaks each request that it could with that chance, by the run's seed. Quick depth,",
        "uncut; `calls` is the median number of such requests in a run, the probability `1 - (1 - chance) ** calls`.",
        "A single stream that lacks a word is drift, which fails a run with `--strict` only: a model that words each",
        "reply anew looks the same.",
        "",
        *table(heads, cells),
    ]


def _false_findings(results: Sequence[Result], healthy: Sequence[false_alarms.HealthyRun]) -> list[str]:
    lines = []
    proxied = [row for row in results if row.fault == NONE.name]
    if proxied:
        wrong = [row for row in proxied if not row.right]
        told = "; ".join(f"{target(row.api)} {row.depth} seed {row.seed}: {', '.join(row.red)}" for row in wrong)
        lines += [f"Behind the proxy without a fault: {len(proxied)} runs, {len(wrong)} with a finding. {told}", ""]
    if not healthy:
        return [*lines, *NOT_RUN]
    lines += ["Without a proxy; what fails a release is told in [releases.md](releases.md):", ""]
    return [*lines, *false_alarms.told(healthy)]


def _each(results: Sequence[Result], api: str) -> list[str]:
    found = [row for row in results if row.api == api and row.steady]
    heads = ("fault", "what a user would notice", "quick", "full", "by", "other rules", "requests:", "seconds:")
    rows = [
        _cells([row for row in found if row.fault == fault], api) for fault in dict.fromkeys(row.fault for row in found)
    ]
    return [
        "The runs that found it, at quick depth and at full; requests and seconds are medians to the first finding at",
        "quick depth.",
        "",
        *table(heads, rows),
    ]


def _cells(alike: Sequence[Result], api: str) -> tuple[str, ...]:
    """What is told of one fault."""
    quick, full = (steady(alike, api, depth) for depth in DEPTHS)
    by = sorted({rule for row in alike if row.found for rule in row.rules if rule in row.expected})
    others = sorted({rule for row in alike if not row.cut for rule in row.others})
    requests = median(row.first_requests for row in quick if row.found)
    seconds = median(row.first_seconds for row in quick if row.found)
    return (
        f"`{alike[0].fault}`", alike[0].the_fault.words, _of(quick), _of(full), ", ".join(by) or "-",
        ", ".join(others) or "-", number(requests), number(seconds, 1),
    )  # fmt: skip


def _of(rows: Sequence[Result]) -> str:
    return f"{sum(row.found for row in rows)}/{len(rows)}" if rows else "-"
