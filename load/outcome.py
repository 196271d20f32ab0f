"""What a load proved: a fold over its records into `Run`, its counts, its verdict, findings and one sentence.

The Locust process's own exit code is not asked: it is 0 after no request at all, and after a kill.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from load import stages
from load.conformance import Checked, check
from load.findings import damage, failed_turns, failures, too_slow
from load.limit import limited, told_of
from load.loops import loop, offered
from load.machine import machine
from load.objectives import COUNTS, Held, is_about_turns, judge, parse, with_defaults
from load.overhead import learn
from load.progress import FILE, Ended, Mustered, Ordered, Phase
from load.proof import replies, resent
from load.share import Share, ordered
from load.tally import tally
from load.validity import undermanned, validity
from seatrial import __version__
from seatrial.contract import Contract
from seatrial.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS
from seatrial.evidence import SAMPLES, Evidence, warm_up
from seatrial.known import Acceptance
from seatrial.ledger import left_open
from seatrial.records import Finding, Recorder, Run, RunFolder, now
from seatrial.samples import HARMS, Integrity, Sample, Turned
from seatrial.settings import Settings


def conclude(
    settings: Settings,
    folder: RunFolder,
    started: str,
    problem: str | None = None,
    *,
    interrupted: bool = False,
    of_target: Mapping[str, Any] | None = None,
) -> Run:
    """Fold a run folder into its `Run`; write that and the findings beside the records.

    `problem` is why the load could not be played to its end, as far as whoever started it knows, `interrupted` whether
    that was asked for. `of_target` is what only they know of the target, and stands beside the settings.
    """
    told = next(folder.rows(FILE, Ordered), None)
    settings = ordered(settings, told.settings) if told else settings
    mustered = next(folder.rows(FILE, Mustered), None)
    ended = next(folder.rows(FILE, Ended), None)
    last = [phase.done for phase in folder.rows(FILE, Phase) if phase.name in ("running", "finishing")]
    lasted = ended.seconds if ended else max(last, default=0.0)
    counts = tally(folder)
    left = [_told(entry.kind, entry.id, entry.account) for entry in left_open(folder.path)]
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
        machine=_generated_on(mustered),
        settings=_shown(settings) | dict(of_target or {}),
        seed=settings.seed,
        started=started,
        ended=now(),
        counts=counts,
        notes=[
            *(mustered.notes if mustered else []),
            loop(settings, folder, counts, lasted),
            *(ended.notes if ended else []),
        ],
        problem=problem or _problem(ended),
        left_behind=left,
    )
    if told:
        run.notes.append(f"this is worker {told.worker} of {told.workers}: the result of all is with their master")
    checked = validity(folder)
    run.notes += [checked.told] if checked.told else []
    run.cause = "void" if ended is None else ended.cause if run.problem else ""
    if interrupted or (ended and not ended.problem and not ended.finished):
        run.cause = "interrupted"
    void = checked.void or undermanned(counts.get("aboard", 0), _asked_for(settings, told))
    if void and not run.problem:
        run.problem, run.cause = void, "void"
    contract = Contract.load(settings.contract).at(run.target_version)
    since, until = window(settings, folder)
    run.settings |= {"times_from": since, "times_until": until}
    run.notes.append(_windowed(settings, since, until))
    run.notes += [*replies(counts), *resent(counts)]
    evidence = Evidence.of(folder, contract.operations, since or 0.0, until)
    held = judge(with_defaults(parse(settings.slo)), evidence)
    objectives = [one.record() for one in held]
    if settings.provider and run.id:
        learned = learn(settings.provider, folder, run.id, since or 0.0, until)
        run.counts |= learned.counts
        objectives = list(limited(folder, run.api, held, evidence))
        run.notes += [*learned.notes, *(told_of(one) for one in objectives if one.limited_by)]
    kept = check(folder, contract, Acceptance(run.target_version, settings.waivers))
    run.counts |= kept.counts
    run.notes.append(kept.told)
    run = judged(run, settings, lasted, held, kept)
    _write(folder, "objectives.jsonl", objectives)
    _write(folder, "findings.jsonl", [*_findings(run, folder, held), *kept.findings])
    folder.save(run)
    return run


def _generated_on(mustered: Mustered | None) -> dict[str, Any]:
    """`Run.machine` of a load: a master plays nothing, so that its machines are those of whoever played."""
    machines = mustered.machines if mustered else []
    return (machines[0] if machines else machine()) | {"workers": machines}


def _asked_for(settings: Settings, told: Ordered | None) -> int:
    """How many users were to be at work: all of them, or the share of the worker whose folder this is."""
    share = Share(max(0, told.worker - 1), told.workers) if told else Share()
    plan = stages.of(settings)
    return 0 if plan[0].rate else share.of(stages.most(plan))


def window(settings: Settings, folder: RunFolder) -> tuple[float | None, float]:
    """From and until which second times count; None where there is no warm-up that could be told from the rest."""
    until = stages.length(stages.of(settings))
    return warm_up(folder, until) if _is_steady(settings) else None, until


def _is_steady(settings: Settings) -> bool:
    """Whether the load is the same from its start to its end, so that there is a warm-up to be told from the rest."""
    plan = stages.of(settings)
    return len(plan) == 1 and plan[0].to is None


def _windowed(settings: Settings, since: float | None, until: float) -> str:
    ending = f"and what began after {until:g} s, when all who were at work finished at once"
    if not _is_steady(settings):
        return f"times leave out what began after {until:g} s, when all who were at work finished at once"
    if since is None:
        return f"turns never took the same time for long (MSER), so no warm-up is left out of the times; {ending}, is"
    if not since:
        return f"no warm-up was seen (MSER); times leave out {ending.removeprefix('and ')}"
    return f"times leave out the first {since:.1f} s, the warm-up (MSER), {ending}"


def _write(folder: RunFolder, name: str, rows: Iterable[object]) -> None:
    recorder = Recorder(folder.path / name)
    for row in rows:
        recorder.write(row)
    recorder.close()


def _findings(run: Run, folder: RunFolder, held: Sequence[Held]) -> Iterator[Finding]:
    if run.verdict != "fail":
        return
    missed = {one.objective.what for one in held if one.verdict == "missed"}
    for finding in damage(run.api, list(folder.rows(SAMPLES, Integrity))):
        if missed & {finding.where, "damaged"}:  # so many may be lost, where somebody said so
            yield finding
    for one in held:
        if one.verdict != "missed" or run.problem:
            continue
        if one.objective.what == "errors":
            yield _too_many_failed(one, run, folder)
        elif one.objective.quantile is not None:
            yield too_slow(one, run.api)


def _too_many_failed(held: Held, run: Run, folder: RunFolder) -> Finding:
    if is_about_turns(held.objective):
        return failed_turns(held, folder.rows(SAMPLES, Turned), run.api)
    return failures(held, folder.rows(SAMPLES, Sample))


def judged(run: Run, settings: Settings, seconds: float, held: Sequence[Held], kept: Checked | None = None) -> Run:
    """The run with verdict, exit code and sentence. A proven failure beats whatever made the run inconclusive.

    `seconds` are how long the load really lasted; `kept` are the answers that were held to the contract.
    """
    counts = run.counts
    missed = [one for one in held if one.verdict == "missed"]
    harmed = [one for one in missed if one.objective.what in COUNTS]
    doubt = run.problem or _doubt(counts) or _unsupported(held)
    played = f"{offered(settings)} for {seconds:.0f} s"
    said = f"{played}, {counts['sessions']} sessions, {counts['turns']} turns, {counts['requests']} requests"
    refusals = _refusals(counts)
    wrong = [_departure(finding) for finding in kept.failing] if kept else []
    if harmed or wrong or (missed and not run.problem):
        why = "; ".join([*(_why(one) for one in (harmed if run.problem else missed)), *wrong[:SHOWN]])
        more = f"; {run.problem}" if run.problem else ""
        return replace(run, verdict="fail", exit_code=EXIT_FAIL, sentence=f"Fail: {why} ({said}; {refusals}{more}).")
    if doubt:
        sentence = f"Inconclusive: {doubt} ({said}; {refusals})."
        return replace(run, problem=doubt, verdict="inconclusive", exit_code=EXIT_INCONCLUSIVE, sentence=sentence)
    sentence = f"Pass: {_kept(counts)} ({said}; {refusals})."
    return replace(run, verdict="pass", exit_code=EXIT_PASS, sentence=sentence)


def _kept(counts: Mapping[str, int]) -> str:
    """What became of the messages of a load that passes; some of them may come to harm where somebody said so."""
    number = counts["acknowledged"]
    if tolerated := [f"{counts[name]} {name}" for name in HARMS if counts[name]]:
        told = ", ".join([f"{number} acknowledged", *tolerated])
        return f"no more messages came to harm than the objectives allow ({told})"
    if not number:
        return "no message was to be stored, and the objectives hold"
    return f"all {number} acknowledged messages are stored, once and in order"


def _doubt(counts: Mapping[str, int]) -> str | None:
    if not counts["requests"]:
        return "not one request was sent"
    if counts["turns"] == counts["refused_turns"] and not counts["read"]:
        return "not one turn was answered, so nothing is known of what is stored"
    return unread(counts)


def unread(counts: Mapping[str, int]) -> str | None:
    """What keeps a load from proving that nothing was lost; objectives that it missed are missed all the same."""
    number = counts.get("unverified")
    return f"the history of {number} sessions could not be read" if number else None


def _unsupported(held: Sequence[Held]) -> str | None:
    """Nothing is known of an objective for which there is too little; more of the same load would tell."""
    without = [f"{one.objective.text} ({one.said})" for one in held if one.verdict == "unsupported"]
    return f"too little was measured to judge {'; '.join(without)}; load for longer" if without else None


def _why(held: Held) -> str:
    what, of = held.objective.what, "turns" if is_about_turns(held.objective) else "requests"
    if what in COUNTS or what == "errors":
        return f"{held.said}{'' if what in COUNTS else f' of the {of} failed; objective {held.objective.text}'}"
    return f"{held.objective.subject} {what} is {held.said}; objective {held.objective.text}"


def _refusals(counts: Mapping[str, int]) -> str:
    turns, sessions = counts["refused_turns"], counts["refused_sessions"]
    if not turns and not sessions:
        return "none refused"
    return f"{sessions} sessions and {turns} turns refused and accounted for"


def _departure(finding: Finding) -> str:
    return f"{finding.operation} answered otherwise than the contract says, at {finding.where}"


def _problem(ended: Ended | None) -> str | None:
    if ended is None:
        return "the load generator ended before it was done"
    if ended.problem:
        return ended.problem
    return None if ended.finished else f"stopped after {ended.seconds:.0f} s"


SHOWN = 3
"""Departures from the contract that the sentence names; the findings have all."""

SHOWN_SETTINGS = (
    "users", "rate", "stage", "mix", "duration", "turns", "think", "timeout", "slo", "seed_chats", "seed_messages",
    "provider", "processes", "master", "expect_workers", "worker",
)  # fmt: skip


def _shown(settings: Settings) -> dict[str, Any]:
    values = {name: getattr(settings, name) for name in SHOWN_SETTINGS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _told(kind: str, entry_id: str | None, account: str) -> str:
    if entry_id is None:
        return f"a {kind} of {account} may exist: its creation was sent, and no answer came"
    return f"{kind} {entry_id} of {account}"
