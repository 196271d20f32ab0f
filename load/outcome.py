"""What a load proved: a fold over its records into `Run`, its counts, its verdict, findings and one sentence.

The Locust process's own exit code is not asked: it is 0 after no request at all, and after a kill.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from load.findings import damage, failures
from load.objectives import DEFAULT, Objective
from load.progress import FILE, Ended, Mustered, Phase
from seatrial import __version__
from seatrial.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS
from seatrial.ledger import open_entries
from seatrial.records import Finding, Integrity, Recorder, Run, RunFolder, Sample, now
from seatrial.settings import Settings

DAMAGE = ("lost", "doubled", "altered", "foreign", "reordered")


CLOSED_LOOP = (
    "closed loop: each user waits for an answer before the next request, so a stalled target is asked less often; "
    "latencies run from the send and leave out how long a request would have waited for it (coordinated omission)"
)


def conclude(
    settings: Settings,
    folder: RunFolder,
    started: str,
    problem: str | None = None,
    objectives: Sequence[Objective] = DEFAULT,
) -> Run:
    """Fold a run folder into its `Run`; write that and the findings beside the records.

    `problem` is why the load could not be played to its end, as far as whoever started it knows.
    """
    mustered = next(folder.rows(FILE, Mustered), None)
    ended = next(folder.rows(FILE, Ended), None)
    counts = tally(folder)
    left = [_told(entry.kind, entry.id, entry.account) for entry in open_entries(folder.path / "ledger.jsonl")]
    counts["left_behind"] = len(left)
    run = Run(
        command="load",
        target=settings.url or "",
        api=mustered.api if mustered else settings.api,
        id=mustered.marker if mustered else "",
        target_version=mustered.version if mustered else None,
        target_name=mustered.product if mustered else None,
        contract=mustered.contract if mustered else settings.contract or "openapi.yaml",
        accounts=mustered.accounts if mustered else [],
        model=mustered.model if mustered else settings.model,
        tools={"seatrial": __version__, "locust": version("locust"), "python": platform.python_version()},
        machine={"system": platform.system(), "machine": platform.machine()},
        settings=_shown(settings),
        seed=settings.seed,
        started=started,
        ended=now(),
        counts=counts,
        notes=[*(mustered.notes if mustered else []), CLOSED_LOOP],
        problem=problem or _problem(ended),
        left_behind=left,
    )
    last = [phase.done for phase in folder.rows(FILE, Phase) if phase.name in ("running", "finishing")]
    run = judged(run, settings, ended.seconds if ended else max(last, default=0.0), objectives)
    recorder = Recorder(folder.path / "findings.jsonl")
    for finding in _findings(run, folder, objectives):
        recorder.write(finding)
    recorder.close()
    folder.save(run)
    return run


def _findings(run: Run, folder: RunFolder, objectives: Sequence[Objective]) -> Iterator[Finding]:
    if run.verdict != "fail":
        return
    yield from damage(run.api, list(folder.rows("samples/*.jsonl", Integrity)))
    measured = measures(run.counts)
    for objective in objectives:
        if objective.measure == "error_rate" and objective.is_missed_by(measured) and not run.problem:
            yield failures(objective, folder.rows("samples/*.jsonl", Sample), run.counts)


def tally(folder: RunFolder) -> dict[str, int]:
    """Requests by outcome, and what all sessions together said, found and missed."""
    counts = dict.fromkeys(
        ("requests", "failures", "sessions", "refused_sessions", "turns", "refused_turns", "acknowledged", "stored"), 0
    ) | dict.fromkeys((*DAMAGE, "kept", "unverified", "undeleted"), 0)
    for sample in folder.rows("samples/*.jsonl", Sample):
        counts["requests"] += 1
        counts["failures"] += not sample.ok
    for record in folder.rows("samples/*.jsonl", Integrity):
        counts["sessions"] += 1
        not_created = record.refused > record.turns
        counts["refused_sessions"] += not_created
        counts["turns"] += record.turns
        counts["refused_turns"] += 0 if not_created else record.refused
        for name in ("acknowledged", "stored", "kept", *DAMAGE):
            counts[name] += getattr(record, name)
        # Nothing was acknowledged in a session that was never made, or that was cut before its first turn.
        counts["unverified"] += not record.verified and record.acknowledged > 0
        counts["undeleted"] += not record.deleted
    return counts


def judged(run: Run, settings: Settings, seconds: float, objectives: Sequence[Objective] = DEFAULT) -> Run:
    """The run with verdict, exit code and sentence. A proven failure beats whatever made the run inconclusive.

    `seconds` are how long the load really lasted.
    """
    counts = run.counts
    measured = measures(counts)
    missed = [objective for objective in objectives if objective.is_missed_by(measured)]
    harmed = any(objective.measure == "damaged" for objective in missed)
    doubt = run.problem or _doubt(counts)
    played = f"{settings.users} users for {seconds:.0f} s"
    said = f"{played}, {counts['sessions']} sessions, {counts['turns']} turns, {counts['requests']} requests"
    refusals = _refusals(counts)
    if harmed or (missed and not run.problem):
        why = "; ".join(_why(objective, counts) for objective in missed)
        more = f"; {run.problem}" if run.problem else ""
        return replace(run, verdict="fail", exit_code=EXIT_FAIL, sentence=f"Fail: {why} ({said}; {refusals}{more}).")
    if doubt:
        sentence = f"Inconclusive: {doubt} ({said}; {refusals})."
        return replace(run, problem=doubt, verdict="inconclusive", exit_code=EXIT_INCONCLUSIVE, sentence=sentence)
    stored = f"all {counts['acknowledged']} acknowledged messages are stored, once and in order"
    sentence = f"Pass: {stored} ({said}; {refusals})."
    return replace(run, verdict="pass", exit_code=EXIT_PASS, sentence=sentence)


def measures(counts: Mapping[str, int]) -> dict[str, float]:
    """What objectives are held against. Without requests there is no error rate."""
    measured: dict[str, float] = {"damaged": sum(counts[name] for name in DAMAGE)}
    if counts["requests"]:
        measured["error_rate"] = counts["failures"] / counts["requests"]
    return measured


def _doubt(counts: Mapping[str, int]) -> str | None:
    if not counts["requests"]:
        return "not one request was sent"
    if not counts["acknowledged"]:
        return "not one turn was answered, so nothing is known of what is stored"
    if counts["unverified"]:
        return f"the history of {counts['unverified']} sessions could not be read"
    return None


def _why(objective: Objective, counts: Mapping[str, int]) -> str:
    if objective.measure == "damaged":
        return ", ".join(f"{counts[name]} {name}" for name in DAMAGE if counts[name]) + " messages"
    if objective.measure == "error_rate":
        share = counts["failures"] / counts["requests"]
        return f"{counts['failures']} of {counts['requests']} requests failed ({share:.1%}; {objective.title})"
    return f"missed: {objective.title}"


def _refusals(counts: Mapping[str, int]) -> str:
    turns, sessions = counts["refused_turns"], counts["refused_sessions"]
    if not turns and not sessions:
        return "none refused"
    return f"{sessions} sessions and {turns} turns refused and accounted for"


def _problem(ended: Ended | None) -> str | None:
    if ended is None:
        return "the load generator ended before it was done"
    if ended.problem:
        return ended.problem
    return None if ended.finished else f"stopped after {ended.seconds:.0f} s"


def _shown(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in ("users", "duration", "turns", "think", "timeout")}


def _told(kind: str, entry_id: str | None, account: str) -> str:
    if entry_id is None:
        return f"a {kind} of {account} may exist: its creation was sent, and no answer came"
    return f"{kind} {entry_id} of {account}"
