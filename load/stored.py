"""Two stored loads against each other: the same percentiles, from samples that were taken at different times.

    rows = compared(RunFolder.open("before"), RunFolder.open("after"), limits)

Whole sessions are drawn again, on both sides (the bootstrap of `measuring`), and the verdicts are those of `gate`. What
the machine did between the two runs counts as the target's here; only what is known to make them unlike is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from load.findings import harmed
from load.gate import LEVEL, MOST_FAILED, QUANTILE, Limits, verdicts
from load.pairs import OFTEN
from seatrial.baseline import Faults, unfinished
from seatrial.errors import Inconclusive, WrongUse
from seatrial.evidence import SAMPLES, SOCKET_TURN, Evidence
from seatrial.measuring import DRAWS, nearest, resampled
from seatrial.paired import reach
from seatrial.ratios import SIDES, Ratio
from seatrial.records import Finding, Run, RunFolder
from seatrial.samples import Integrity, Known, Sample

SAME = ("users", "rate", "stage", "mix", "turns", "think", "seed_chats", "seed_messages")
"""Settings of a load that decide about its times."""

FINDINGS, CONFORMANCE = "findings.jsonl", "load-conformance"

MOST_APART = 10.0
"""Milliseconds by which known first tokens may be measured differently."""


def demand(folder: RunFolder, run: Run, name: str = "") -> None:
    """Raises `WrongUse` for what is no load, and `Inconclusive` for one that is no result."""
    if run.command != "load":
        raise WrongUse(f"{name}{folder.path} holds a {run.command}; a load is compared with a load")
    if reason := unfinished(run):
        raise Inconclusive(f"{name}{folder.path} cannot be compared: the load is no result ({reason[:200]})")


def compared(a: RunFolder, b: RunFolder, limits: Limits) -> list[Ratio]:
    """A row for each operation that both called, for whole turns over a socket where both had any, and for failures.

    Raises `WrongUse` and `Inconclusive`.
    """
    first, second = a.load(), b.load()
    for folder, run in ((a, first), (b, second)):
        demand(folder, run)
    if unlike := _unlike(a, b):
        raise Inconclusive(f"these loads cannot be compared: {'; '.join(unlike)}")
    before, after = _evidence(a, first), _evidence(b, second)
    both = sorted(before.requests.keys() & after.requests.keys())
    both += [SOCKET_TURN] if SOCKET_TURN in before.turns.keys() & after.turns.keys() else []
    return _decided([*(_row(name, before, after, limits) for name in both), _failures(a, b)])


def harms(a: RunFolder, b: RunFolder) -> tuple[list[Finding], list[str]]:
    """What B's messages and answers came to and A's did not, as findings; and notes on the harms that both have."""
    new, notes = harmed(b.load().api, *(list(folder.rows(SAMPLES, Integrity)) for folder in (a, b)))
    before = Faults(a.rows(FINDINGS, Finding))
    departed = [
        finding
        for finding in b.rows(FINDINGS, Finding)
        if finding.rule == CONFORMANCE and finding.severity != "drift" and not (finding.known or finding.waived)
    ]
    return new + [finding for finding in departed if not before.cover(finding)], notes


def _decided(rows: Sequence[tuple[Ratio, Any]]) -> list[Ratio]:
    tested = [draws for _, draws in rows if draws is not None]
    # As often as a draw says otherwise; never nought, since more draws might.
    slower = [float((1 + (draws <= 0).sum()) / (1 + len(draws))) for draws in tested]
    faster = [float((1 + (draws >= 0).sum()) / (1 + len(draws))) for draws in tested]
    decided = iter(verdicts(slower, faster))
    return [_told(row, draws, next(decided), len(tested)) if draws is not None else row for row, draws in rows]


def _told(row: Ratio, draws: Any, verdict: str, looked: int) -> Ratio:
    if row.limit is None or row.ratio is None:
        return replace(row, verdict=verdict)
    ordered = sorted(math.exp(draw) * row.limit for draw in draws)
    low, high = nearest(ordered, LEVEL), nearest(ordered, 1 - LEVEL)
    by = row.limit * math.exp(reach(LEVEL / looked) * float(draws.std()))
    return replace(row, verdict=verdict, low=low, high=high, finds=by)


def _row(subject: str, before: Evidence, after: Evidence, limits: Limits) -> tuple[Ratio, Any]:
    import numpy as np

    drawn, values, sessions = [], [], []
    for seed, evidence in enumerate((before, after)):
        times, owners = evidence.times(subject) or ((), ())
        sessions.append(len(set(owners)))
        drawn.append(resampled(times, owners, QUANTILE, seed))
        values.append(nearest(sorted(times), QUANTILE) if len(times) else 0.0)
    a, b = values
    if drawn[0] is None or drawn[1] is None:
        often = any(one.failed(subject)[1] >= OFTEN * one.sessions for one in (before, after))
        verdict = "inconclusive" if often else ""  # as in turns: what is asked now and then leaves nothing open
        why = "too few answers in one of the runs"
        return Ratio(subject, "p95", a, b, None, None, None, None, verdict, min(sessions), why=why), None
    limit = limits.ratio(a)
    few = min(map(len, drawn))  # of a long load fewer draws are made
    draws = np.log(drawn[1][:few]) - np.log(drawn[0][:few]) - math.log(limit)
    return Ratio(subject, "p95", a, b, b / a, None, None, limit, "", min(sessions)), draws


def _failures(a: RunFolder, b: RunFolder) -> tuple[Ratio, Any]:
    """By how much the share of failed requests differs, drawn by session as well."""
    import numpy as np

    shares, drawn, sessions = [], [], []
    for seed, folder in enumerate((a, b)):
        counts: dict[str, list[int]] = {}
        for sample in folder.rows(SAMPLES, Sample):
            count = counts.setdefault(sample.session, [0, 0])
            count[0] += not sample.ok
            count[1] += 1
        table = np.asarray(list(counts.values()) or [[0, 1]], dtype=float)
        sessions.append(len(table))
        shares.append(float(table[:, 0].sum() / table[:, 1].sum()))
        chance, many = np.random.default_rng(seed), len(table)
        # One draw after the other: all of them at once, of a hundred thousand sessions, would be gigabytes.
        sums = np.asarray([np.bincount(chance.integers(0, many, many), minlength=many) @ table for _ in range(DRAWS)])
        drawn.append(sums[:, 0] / sums[:, 1])
    row = Ratio("", "failed", shares[0], shares[1], None, None, None, MOST_FAILED, "", min(sessions))
    return row, drawn[1] - drawn[0] - MOST_FAILED


def _evidence(folder: RunFolder, run: Run) -> Evidence:
    since, until = (run.settings.get(name) for name in ("times_from", "times_until"))
    return Evidence.of(folder, since=float(since or 0.0), until=float(until or math.inf))


def _unlike(a: RunFolder, b: RunFolder) -> list[str]:
    """What makes the times of two loads mean different things."""
    first, second = a.load(), b.load()
    told = []
    if first.api != second.api:
        told.append(f"one is of the API {first.api!r}, one of {second.api!r}")
    machines = [_machine(run.machine) for run in (first, second)]
    if machines[0] != machines[1]:
        differ = [name for name in machines[0] if machines[0][name] != machines[1][name]]
        told.append("they were generated on different machines: " + _differences(differ, *machines))
    workers = [run.machine.get("workers") for run in (first, second)]
    if workers[0] and workers[1]:  # older loads do not tell of theirs
        if len(workers[0]) != len(workers[1]):
            told.append(f"they were generated by {len(workers[0])} and {len(workers[1])} processes")
        elif any(_machine(one) not in map(_machine, workers[0]) for one in workers[1]):
            told.append("their workers were on different machines")
    differ = [name for name in SAME if first.settings.get(name) != second.settings.get(name)]
    if differ:
        told.append("they were different loads: " + _differences(differ, first.settings, second.settings))
    if first.model != second.model:
        told.append(f"the model was {first.model} and {second.model}")
    known = [_calibration(folder) for folder in (a, b)]
    for side, error in zip(SIDES, known, strict=True):
        if error is None:
            told.append(f"{side.upper()} was not calibrated")
    if known[0] is not None and known[1] is not None and abs(known[0] - known[1]) > MOST_APART:
        told.append(f"known first tokens were measured wrong by {known[0]:.1f} and {known[1]:.1f} ms")
    return told


def _machine(told: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same of two machines."""
    return {name: told.get(name) for name in ("system", "machine", "processors", "processor")}


def _differences(names: Sequence[str], first: dict[str, Any], second: dict[str, Any]) -> str:
    return ", ".join(f"{name} {first.get(name)!r} and {second.get(name)!r}" for name in names)


def _calibration(folder: RunFolder) -> float | None:
    """By how much the first tokens of known streams were measured wrong, at the 95th percentile."""
    errors = sorted(abs(known.first) for known in folder.rows(SAMPLES, Known))
    return nearest(errors, 0.95) if errors else None
