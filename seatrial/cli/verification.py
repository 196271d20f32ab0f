"""Runs the contract suite as a process of its own, follows it, and turns its records into a verdict."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from contract_tests.budget import Budget
from reports.terminal import summary
from reports.verdict import judge
from reports.wording import cut
from seatrial.baseline import Baseline
from seatrial.cli import bars
from seatrial.cli.contact import is_ours, of_reference, owners, reference_process, signed_in
from seatrial.cli.ending import written
from seatrial.cli.lines import asked, say
from seatrial.errors import EXIT_WRONG_USE, Inconclusive, SeatrialError, WrongUse
from seatrial.lab.children import until_stopped
from seatrial.ledger import open_entries
from seatrial.leftovers import clean_up
from seatrial.lifeline import child_environment
from seatrial.probe import Deployment
from seatrial.records import OUTSIDE, Run, RunFolder, now
from seatrial.settings import WAIVERS, Settings

LOG = "pytest.log"
PATIENCE = 90.0
"""Seconds that an interrupted suite gets to remove what it made, besides those of an answer that does not come."""

NO_TEST = "no_test_of_this_name"
SHORT_LOAD = {"users": 5, "duration": 6.0, "turns": 2, "think": 0.2}
OF_LOADS = ("rate", "stage", "mix", "slo", "seed_chats", "provider", "processes", "master", "worker")
"""Settings that a short load has as they are by themselves, whatever is said: it is what somebody was asked about."""


def run_verification(settings: Settings, folder: RunFolder, console: Console, *, with_load: bool = False) -> Run:
    """Verify, judge, report. Raises `WrongUse` and `Inconclusive` for what is wrong before anything was created."""
    baseline = Baseline.open(settings.baseline) if settings.baseline else None
    if baseline is not None:  # the suite looks for it by itself: under seatrial-runs/ a name is enough for us alone
        settings = replace(settings, baseline=str(baseline.path))
    with ExitStack() as stack:
        stack.enter_context(until_stopped())
        told = is_ours(settings) | ({"load": True} if with_load else {})
        if not settings.url:
            settings = embed(settings, stack)
            say(console, "no URL given: verifying the reference server, started for this run", style="dim")
        settings, deployment = signed_in(settings)
        if baseline is not None:
            baseline.demand(deployment.api)
        _announce(settings, deployment, console)
        run = verified(settings, folder, console, told=told)
        if with_load and run.problem is None:
            run = _with_load(run, settings, folder, console)
    judgement = judge(run, folder)
    run = replace(
        run,
        verdict=judgement.verdict,
        sentence=judgement.sentence,
        exit_code=judgement.exit_code,
        ended=run.ended or now(),
    )
    problem = run.problem
    run = written(run, folder)
    if run.problem != problem:  # the disk is full: what is said has to be what the exit code says
        judgement = judge(run, folder)
    summary(run, judgement, folder, console)
    return run


def embed(settings: Settings, stack: ExitStack) -> Settings:
    """The settings with a reference server of our own as their target; it ends with the stack."""
    tokens = settings.token or owners(3)
    url = stack.enter_context(reference_process(settings.contract, tokens))
    return replace(of_reference(settings), url=url, token=tokens, disposable=True)


def _announce(settings: Settings, deployment: Deployment, console: Console) -> None:
    budget = Budget(settings.depth, loopback=settings.target().is_loopback, timeout=settings.timeout)
    name = f"{deployment.name} {deployment.version}" if deployment.version else "the Session API"
    say(console, f"{settings.url} serves {name}; {settings.depth} depth, seed {settings.seed}")
    say(console, f"{budget.announcement()}; asked is {asked(settings.model)}", style="dim")


def verified(
    settings: Settings,
    folder: RunFolder,
    console: Console,
    test: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> Run:
    """Run pytest to its end and read what it recorded; remove what a killed one left.

    With `test` only that one runs; `OUTSIDE` is the start and the end of a verification without any. `told` stands
    among the settings of the run from its beginning.
    """
    started, more = now(), dict(told or {})
    # Without an id: it has not begun. `clean` needs the target should we be killed.
    folder.save(Run("verify", settings.url or "", settings.api, depth=settings.depth, started=started, settings=more))
    code, interrupted = _pytest(settings, folder, console, _command(test))
    run = folder.load()
    if not run.ended:
        run.left_behind = _removed(settings, folder, run)
    if not run.id and not run.left_behind:
        if interrupted:
            raise KeyboardInterrupt
        problem = _last_line(folder.path / LOG) or f"the suite ended with code {code} before it began"
        raise (WrongUse if code == EXIT_WRONG_USE else Inconclusive)(problem)
    if not run.ended:
        run.problem = run.problem or (
            "the run was interrupted"
            if interrupted
            else f"the suite ended in the middle (code {code}; see {folder.path / LOG})"
        )
    cause = "interrupted" if interrupted else run.cause
    return replace(run, started=run.started or started, ended=run.ended or now(), cause=cause)


def _removed(settings: Settings, folder: RunFolder, run: Run) -> list[str]:
    """Remove what a suite that ended in the middle could not. Returns what is left."""
    entries = open_entries(folder.path / "ledger.jsonl")
    if not entries:
        return []
    try:
        return clean_up(settings, folder, run)
    except SeatrialError:
        return [f"{entry.kind} {entry.id or '(perhaps)'} of {entry.account}" for entry in entries]


def _pytest(settings: Settings, folder: RunFolder, console: Console, command: list[str]) -> tuple[int, bool]:
    interrupted = False
    with (folder.path / LOG).open("wb") as log:
        process = subprocess.Popen(
            command,
            env=child_environment() | settings.environment() | _waivers(settings) | {"SEATRIAL_RUN": str(folder.path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with bars.steps(console) as bar:
        task = bar.add_task("starting", total=None)
        try:
            importlib.import_module("reports.html")  # half a second, which the end of the run is spared
            while process.poll() is None:
                time.sleep(0.1)
                seen = _progress(folder)
                bar.update(
                    task,
                    description=cut(seen.get("label", "starting"), bars.LABEL),
                    completed=seen.get("done"),
                    total=seen.get("total"),
                )
        except KeyboardInterrupt:  # later ones are ignored, see `until_stopped`
            interrupted = True
            bar.update(task, description="stopping: removing what was made")
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2 * settings.timeout + PATIENCE)
        if process.poll() is None:
            process.kill()
        code = process.wait()
    return code, interrupted


def _command(test: str | None) -> list[str]:
    spec = importlib.util.find_spec("contract_tests")
    assert spec is not None
    assert spec.origin is not None
    suite = Path(spec.origin).parent
    options = ["-c", str(suite / "pytest.ini"), "--rootdir", str(suite), "-p", "no:locust", "-p", "no:schemathesis"]
    options += ["-rs"] if test else []  # why it was skipped
    chosen = [str(suite)] if test is None else [str(suite), "-k", NO_TEST] if test == OUTSIDE else [str(suite / test)]
    return [sys.executable, "-P", "-m", "pytest", *chosen, *options]


def _waivers(settings: Settings) -> dict[str, str]:
    """Waivers stand in a file; the suite reads them from the same one."""
    return {WAIVERS: settings.source} if settings.source else {}


def _with_load(run: Run, settings: Settings, folder: RunFolder, console: Console) -> Run:
    """A short load of whole sessions into the same folder; its counts join those of the verification.

    Where the load process was the limit, the load's times are void. What the suite found, and what became of the
    messages, is as true as before.
    """
    from load.progress import FILE, Ended
    from seatrial.cli.load import run_load

    usual = Settings()
    short: dict[str, Any] = {name: getattr(usual, name) for name in OF_LOADS} | SHORT_LOAD
    folder.save(replace(run, ended=""))  # a kill from now on is none of a run that came to its end
    told = f"then {short['users']} users for {short['duration']:g} s, in sessions of {short['turns']} turns"
    say(console, told, style="dim")
    try:
        loaded = run_load(replace(settings, **short), folder, console, announced=True)
    except KeyboardInterrupt:
        return replace(run, problem="interrupted before the load had begun", cause="interrupted", ended=now())
    except SeatrialError as error:  # what was found stands
        return replace(run, problem=f"the load did not begin: {error}", ended=now())
    counts = run.counts | {f"load_{name}": value for name, value in loaded.counts.items()}
    void = loaded.cause == "void" and any(one.finished for one in folder.rows(FILE, Ended))
    aside = [f"the times of the load prove nothing: {loaded.problem}"] if void else []
    return replace(
        run,
        counts=counts,
        notes=[*run.notes, *aside, *(note for note in loaded.notes if note not in run.notes)],
        problem=run.problem or (None if void else loaded.problem),
        cause=loaded.cause,
        left_behind=[*run.left_behind, *(left for left in loaded.left_behind if left not in run.left_behind)],
        tools=run.tools | loaded.tools,
        settings=run.settings | loaded.settings,
        ended=loaded.ended,
    )


def _progress(folder: RunFolder) -> dict[str, Any]:
    try:
        seen: dict[str, Any] = json.loads((folder.path / "progress.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return seen


def _last_line(path: Path) -> str:
    """What pytest said last: the message with which the suite refused to start."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return ""
    exits = [line.partition("Exit: ")[2].rstrip("! ") for line in lines if "Exit: " in line]
    return exits[-1] if exits else lines[-1] if lines else ""
