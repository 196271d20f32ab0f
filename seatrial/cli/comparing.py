"""Two live targets against each other: played in turns, judged, and each held to the contract."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from rich.console import Console

from load.duelling import LOG, DuelProcess
from load.findings import harmed
from load.gate import Limits, judged, outcome
from load.handing import handed
from load.machine import machine
from load.mix import Mix
from load.outcome import unread
from load.pairs import LEAST, Paired
from load.progress import FILE, Ended, Mustered, Phase
from load.ruling import failing, findings, sentence
from load.validity import dulled, validity
from reports.comparison import Comparison
from reports.drift import Drift
from reports.sentences import sentence as drift_told
from reports.verdict import judge
from reports.wording import cut
from seatrial import __version__
from seatrial.cli import bars
from seatrial.cli.contact import signed_in
from seatrial.cli.ending import written
from seatrial.cli.lines import say
from seatrial.cli.verification import verified
from seatrial.contract import Contract
from seatrial.errors import EXIT_CODES, EXIT_WRONG_USE, Inconclusive, SeatrialError, WrongUse
from seatrial.evidence import SAMPLES
from seatrial.lab.children import until_stopped
from seatrial.ledger import open_entries
from seatrial.probe import Deployment
from seatrial.ratios import COMPARISON, SIDES, Ratio
from seatrial.records import Finding, Recorder, Run, RunFolder, now
from seatrial.samples import Integrity
from seatrial.settings import Settings


@dataclass(frozen=True)
class Compared:
    """What came of it: the run over all, the rows of its timing, and the contracts side by side, where asked for."""

    run: Run
    rows: list[Ratio]
    contract: Comparison | None


def compare_live(a: Settings, b: Settings, folder: RunFolder, console: Console, *, verify: bool) -> Compared:
    """Measure, verify, judge, and write the run down. Raises what is wrong before anything was created."""
    limits = Limits.parse(a.max_slowdown, a.floor)
    with ExitStack() as stack:
        stack.enter_context(until_stopped())
        a, b, deployment = _met(a, b)
        _announce(a, console)
        run = _begun(a, b, deployment)
        run.settings["verify"] = verify
        folder.save(run)
        for side, settings in zip(SIDES, (a, b), strict=True):
            # `clean` needs them should we be killed.
            RunFolder.create(str(folder.path / side), "compare").save(replace(run, target=settings.url or ""))
        problem = _played(a, b, folder, console)
        rows = judged(Paired.of(folder), limits)
        harm, harms = _harmed(folder, run.api)
        found = [*findings(rows), *harm]
        run = _measured(run, folder, rows, problem)
        run.notes.extend(harms)
        contract = None
        if verify and run.cause != "interrupted" and problem is None:
            run, contract, new = _verified(run, a, b, folder, console)
            found += new
    _write(folder, COMPARISON, rows)
    _write(folder, "findings.jsonl", found)
    run = concluded(run, rows, limits, found)
    return Compared(written(run, folder), rows, contract)


def _met(a: Settings, b: Settings) -> tuple[Settings, Settings, Deployment]:
    """First contact with both. Says of whom it speaks."""
    met = []
    for side, settings in zip(SIDES, (a, b), strict=True):
        with _named(side):
            known, deployment = signed_in(settings)
            Mix.parse(known.mix).demand(deployment.api)
            Contract.load(known.contract).at(deployment.version)
            met.append((known, deployment))
    (a, first), (b, second) = met
    if first.api != second.api:
        raise Inconclusive(f"A and B cannot be compared: {a.url} serves the API {first.api!r}, {b.url} {second.api!r}")
    return a, b, second


@contextmanager
def _named(side: str) -> Iterator[None]:
    try:
        yield
    except SeatrialError as error:
        raise (WrongUse if error.exit_code == EXIT_WRONG_USE else Inconclusive)(f"{side.upper()}: {error}") from None


def _announce(a: Settings, console: Console) -> None:
    say(
        console,
        f"{a.pairs} pairs of blocks in turns, {a.users} users at a time; {Mix.parse(a.mix)} of {a.turns} turns; "
        f"at least {2 * (a.pairs + 2) * max(LEAST, 2 * a.users) * a.turns:,} completions",
    )


def _begun(a: Settings, b: Settings, deployment: Deployment) -> Run:
    shown = ("pairs", "max_slowdown", "floor", "users", "turns", "think", "mix", "timeout")
    return Run(
        "compare",
        b.url or "",
        deployment.api,
        target_version=deployment.version,
        target_name=deployment.name,
        contract=b.contract or "openapi.yaml",
        tools={"seatrial": __version__},
        machine=machine(),
        settings={"a": a.url, "b": b.url} | {name: getattr(a, name) for name in shown},
        seed=a.seed,
        depth=b.depth,
        strict=b.strict,
        started=now(),
    )


def _played(a: Settings, b: Settings, folder: RunFolder, console: Console) -> str | None:
    """Play both to the end. Returns why it did not come to that."""
    interrupted = False
    with (
        handed(a) as given_a,
        handed(b) as given_b,
        DuelProcess(given_a, given_b, folder) as duel,
        bars.steps(console, each=1.0) as bar,
    ):
        task = bar.add_task("starting", total=None)
        while True:
            try:
                for phase in duel.phases():
                    bar.update(task, description=_told(phase), completed=phase.done, total=phase.of)
                break
            except KeyboardInterrupt:  # once is enough: later ones are ignored, see `until_stopped`
                interrupted = True
                bar.update(task, description="stopping: removing what was made")
                duel.stop()
        code = duel.code
    ended = next(folder.rows(FILE, Ended), None)
    began = all(next(RunFolder(folder.path / side).rows(FILE, Mustered), None) for side in SIDES)
    if ended and ended.problem and not began and not _left(folder):
        _forget(folder)
        raise (WrongUse if ended.exit_code == EXIT_WRONG_USE else Inconclusive)(ended.problem)
    if interrupted:
        return "interrupted"
    if ended is None:
        return f"the process that plays both ended by itself (code {code}; see {folder.path / LOG})"
    return ended.problem or (None if ended.finished else "interrupted")


def _forget(folder: RunFolder) -> None:
    """It never began: its folder is taken back, with nothing in it that anybody would miss."""
    for name in (*SIDES, "samples"):
        shutil.rmtree(folder.path / name, ignore_errors=True)


def _measured(run: Run, folder: RunFolder, rows: list[Ratio], problem: str | None) -> Run:
    """The run with what was played, and with why that says nothing, if so."""
    mustered = [next(RunFolder(folder.path / side).rows(FILE, Mustered), None) for side in SIDES]
    last = list(folder.rows(FILE, Phase))[-1:]
    checked = validity(folder)
    notes = [f"{side.upper()}: {note}" for side, one in zip(SIDES, mustered, strict=True) if one for note in one.notes]
    notes += [row.operation + ": not judged, " + row.why for row in rows if row.why and not row.verdict]
    accounts = [
        account | {"label": f"{side.upper()}: {account['label']}"}
        for side, one in zip(SIDES, mustered, strict=True)
        if one
        for account in one.accounts
    ]
    cause = "interrupted" if problem == "interrupted" else ""
    if not problem and (dull := dulled(folder)):
        problem, cause = dull, "void"
    problem = problem or _unread(folder)
    counts = {"requests": last[0].requests, "failures": last[0].failures, "sessions": last[0].sessions} if last else {}
    return replace(
        run,
        id=mustered[1].marker if mustered[1] else "",
        model=mustered[1].model if mustered[1] else None,
        accounts=accounts,
        counts=counts,
        notes=[*notes, *([checked.told] if checked.told else [])],
        problem=problem,
        cause=cause,
        left_behind=_left(folder),
    )


def _unread(folder: RunFolder) -> str | None:
    """What keeps B from being proved to hold its messages."""
    rows = RunFolder(folder.path / SIDES[1]).rows(SAMPLES, Integrity)
    told = unread({"unverified": sum(row.acknowledged > 0 and not row.verified for row in rows)})
    return f"B: {told}" if told else None


def _left(folder: RunFolder) -> list[str]:
    return [
        f"{side.upper()}: {entry.kind} {entry.id or '(perhaps)'} of {entry.account}"
        for side in SIDES
        for entry in open_entries(folder.path / side / "ledger.jsonl")
    ]


def _harmed(folder: RunFolder, api: str) -> tuple[list[Finding], list[str]]:
    """Ways in which messages came to more harm in B than in A, and what is said of those that both have."""
    a, b = (list(RunFolder(folder.path / side).rows(SAMPLES, Integrity)) for side in SIDES)
    return harmed(api, a, b)


def _verified(
    run: Run, a: Settings, b: Settings, folder: RunFolder, console: Console
) -> tuple[Run, Comparison | None, list[Finding]]:
    """Hold both to the contract; what B alone fails."""
    folders = []
    for side, settings in zip(SIDES, (a, b), strict=True):
        say(console, f"verifying {side.upper()}, {settings.url}", style="dim")
        place = RunFolder.create(str(folder.path / f"verify-{side}"), "verify")
        try:
            done = verified(replace(settings, baseline=None, out=None), place, console)
        except SeatrialError as error:
            return replace(run, problem=f"{side.upper()} could not be verified: {error}"), None, []
        except KeyboardInterrupt:
            return replace(run, problem="interrupted", cause="interrupted"), None, []
        judgement = judge(done, place)
        run.left_behind.extend(f"{side.upper()}: {left}" for left in done.left_behind)
        written(
            replace(done, verdict=judgement.verdict, sentence=judgement.sentence, exit_code=judgement.exit_code), place
        )
        if done.cause == "interrupted":  # nothing is begun on the other one after that
            return replace(run, problem="interrupted", cause="interrupted"), None, []
        folders.append(place)
    try:
        contract = Comparison.of(*folders)
    except SeatrialError as error:
        return replace(run, problem=str(error)), None, []
    new = [group.finding for group in contract.failing(b.strict)]
    return run, contract, new + ([_drifted(row) for row in contract.drift] if b.strict else [])


def _drifted(row: Drift) -> Finding:
    """Drift as what it is where somebody is strict about it."""
    told = drift_told(row)
    return Finding("contract-drift", "drift", row.operation, told, "as in A", told, row.where or "operation", "")


def concluded(run: Run, rows: list[Ratio], limits: Limits, found: list[Finding]) -> Run:
    """The run with its verdict: what is proved against B beats whatever kept it from being proved good."""
    looked = f"{max((row.pairs for row in rows), default=0)} pairs of blocks"
    verdict, said = outcome(rows), sentence(rows, limits, looked)
    others = [finding for finding in found if not finding.rule.startswith("compare-")]
    if others:
        verdict, said = "fail", failing(others, said if rows else "")
    elif run.problem and verdict != "fail":  # a player that was late makes slowdowns smaller, and none of nothing
        verdict, said = "inconclusive", f"Inconclusive: {run.problem}."
    problem = run.problem or (said.partition(": ")[2] if verdict == "inconclusive" else None)
    return replace(run, verdict=verdict, sentence=said, problem=problem, exit_code=EXIT_CODES[verdict], ended=now())


def _write(folder: RunFolder, name: str, rows: Sequence[object]) -> None:
    recorder = Recorder(folder.path / name)
    for row in rows:
        recorder.write(row)
    recorder.close()


def _told(phase: Phase) -> str:
    counts = f"{phase.failures:,} of {phase.requests:,} failed" if phase.failures else f"{phase.requests:,} requests"
    names = {"accounts": "making accounts", "cleaning": "removing what was made", "warming up": "warming up"}
    return names.get(phase.name, cut(f"block {phase.done + 1:g} of {phase.of:g}, {counts}", bars.LABEL))
