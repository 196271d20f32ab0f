"""`seatrial load`: run journeys at a given load, and account for every message.

`run_load` does everything after the settings are known; `verify` may end with a short one.
"""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from load import stages
from load.generator import LOG, LocustProcess
from load.handing import handed
from load.loops import CLOSED_LOOP, offered
from load.mix import Mix
from load.objectives import demand, parse
from load.outcome import conclude
from load.overhead import overheads
from load.progress import FILE, Ended, Mustered, Phase
from load.provider import mark, meet
from reports.digest import taken_back
from reports.wording import cut
from seatrial.cli import bars
from seatrial.cli.before import HeldAgainst
from seatrial.cli.consent import consent
from seatrial.cli.contact import is_ours, of_reference, reference_process, run_folder, signed_in
from seatrial.cli.ending import written
from seatrial.cli.lines import say
from seatrial.cli.options import SECONDS, common_options, settings_from
from seatrial.contract import Contract
from seatrial.errors import EXIT_WRONG_USE, Inconclusive, WrongUse
from seatrial.evidence import Evidence
from seatrial.lab.children import until_stopped
from seatrial.measuring import Estimate, estimates
from seatrial.probe import Deployment
from seatrial.records import Run, RunFolder, now
from seatrial.samples import Judged
from seatrial.settings import Settings

WIDE = 100
"""Columns from which on there is room for intervals; the reports have them always."""

SHOWN = 5
"""Lines of what is left behind that are printed; the run's file has all."""


@click.command()
@click.argument("url", required=False)
@click.option("--users", type=int, help="Users at work at the same time. [default: 10]")
@click.option("--rate", type=float, help="Sessions started per second instead: an open loop.")
@click.option("--duration", type=SECONDS, help="How long new turns are started; 60s, 5m. [default: 60s]")
@click.option(
    "--stage",
    multiple=True,
    metavar="LEVEL:TIME",
    help="Instead of these: 10:30s, 10-50:2m (users), 2/s:1m (an open loop); repeatable, in order.",
)
@click.option(
    "--mix",
    metavar="JOURNEY=N,...",
    help="Which journeys, how often: session, browser, reader, completions. [default: session=1]",
)
@click.option(
    "--slo",
    multiple=True,
    metavar="OBJECTIVE",
    help="'ttft p95 < 1s', 'getChat p99 < 300ms', 'errors < 0.1%', 'lost = 0'; repeatable.",
)
@click.option("--seed-chats", type=int, help="Chats that each account is filled with before, and rid of after.")
@click.option("--seed-messages", type=int, help="Messages in each of these, an even number. [default: 20]")
@click.option("--turns", type=int, help="Turns in each session. [default: 3]")
@click.option("--think", type=SECONDS, help="A user's pause before each turn, spread by half. [default: 1s]")
@click.option("--processes", type=int, help="Worker processes on this machine, of which each can use a core.")
@click.option("--master", metavar="HOST[:PORT]", help="Lead workers on other machines, who come to this address.")
@click.option("--expect-workers", type=int, metavar="N", help="So many workers, before --master begins.")
@click.option("--worker", metavar="HOST[:PORT]", help="Play a share of the load of the --master at this address.")
@click.option("--provider", metavar="URL", help="The scripted provider behind it: tells its own time from the model's.")
@click.option("--baseline", "before", metavar="RUN", help="An earlier load: what is proved slower than it was fails.")
@click.option("--yes", is_flag=True, help="Load a target that is not on this machine, without asking.")
@common_options
def load(url: str | None, before: str | None, yes: bool, as_json: bool, **options: Any) -> int:
    """Play whole sessions against a deployment: create, chat, read the history, delete.

    Every prompt carries a mark of its own, and each session's history is compared with what was said in it. A
    message that the server acknowledged and does not hold is lost, and the load fails, however fast it was.
    Without URL, a reference server is started on a free port.

    \b
        seatrial load http://localhost:8080 --users 20 --duration 60s --admin me@example.org
    """
    settings = settings_from(options | {"url": url})
    console = Console(stderr=as_json)
    _ = stages.of(settings), Mix.parse(settings.mix), parse(settings.slo)  # wrong use is told before anything begins
    if settings.worker is not None and not settings.url:
        raise WrongUse("--worker needs the URL of the target: a worker knows by itself where its credentials go")
    if settings.master is not None and not settings.url:
        raise WrongUse("--master needs the URL of a target that its workers reach, too")
    held = HeldAgainst.open(before, settings) if before else None
    seconds = stages.length(stages.of(settings))
    what = f"{offered(settings)} on {settings.url} for {seconds:g} s"
    if settings.worker is not None:
        what = f"what the master at {settings.worker} says on {settings.url}"
    consent(settings, yes, what)
    with run_folder(settings, "load") as folder:
        run = run_load(settings, folder, console)
        run = written(held.judged(run, folder, console) if held else run, folder)
    _show(run, folder, console)
    if as_json:
        click.echo(json.dumps(asdict(run) | {"folder": str(folder.path)}, indent=2))
    return run.exit_code or 0


def run_load(settings: Settings, folder: RunFolder, console: Console, *, announced: bool = False) -> Run:
    """Load the target of the settings (without a URL, a reference server) and save and return what it proved.

    `announced` when the caller has said what comes.
    Raises `WrongUse` and `Inconclusive` for what is wrong before the load; what happens in it is in the `Run`.
    """
    with ExitStack() as stack:
        stack.enter_context(until_stopped())
        ours = is_ours(settings)
        settings, deployment, _ = met(settings, stack)
        if not announced:
            _announce(settings, console)
        started = now()
        if not (folder.path / "run.json").exists():  # `clean` needs it should we be killed
            folder.save(Run("load", settings.url or "", deployment.api, started=started, settings=ours))
        if settings.provider:
            mark(meet(settings.provider), folder)
        problem, interrupted = _play(settings, folder, console)
        return conclude(settings, folder, started, problem, interrupted=interrupted, of_target=ours)


def met(settings: Settings, stack: ExitStack) -> tuple[Settings, Deployment, Contract]:
    """First contact of what loads a target: who is there, and whether what was asked for can be done there.

    Without a URL a reference server is started, which ends with the stack.
    """
    if not settings.url:
        settings = replace(of_reference(settings), url=stack.enter_context(reference_process(settings.contract)))
    if settings.provider:
        meet(settings.provider)
    settings, deployment = signed_in(settings)
    contract = Contract.load(settings.contract).at(deployment.version)
    Mix.parse(settings.mix).demand(deployment.api)
    demand(parse(settings.slo), contract.operations)
    return settings, deployment, contract


def _play(settings: Settings, folder: RunFolder, console: Console) -> tuple[str | None, bool]:
    """Run Locust to its end. Returns why it did not get there and whether that was asked for; its records say more."""
    interrupted = False
    with handed(settings) as given, LocustProcess(given, folder) as generator, bars.steps(console, each=1.0) as bar:
        task = bar.add_task("starting", total=None)
        while True:
            try:
                for phase in generator.phases():
                    bar.update(task, description=_told(phase), completed=phase.done, total=phase.of)
                break
            except KeyboardInterrupt:
                # Once is enough: later signals are ignored, and the sessions under way are finished and removed.
                interrupted = True
                bar.update(task, description="stopping: removing what was made")
                generator.stop()
        code = generator.code
    ended = next(folder.rows(FILE, Ended), None)
    if ended is None and settings.worker is not None and next(folder.rows(FILE, Mustered), None) is None:
        raise Inconclusive(
            f"--worker {settings.worker}: no master gave orders there; start `seatrial load URL --master "
            f"{settings.worker} --expect-workers N` first, and see that the port is open"
        )
    if ended is None and interrupted:
        return "interrupted before the load generator had told its end", True
    if ended is None:
        return f"the load generator ended by itself (code {code}; see {folder.path / LOG})", False
    if ended.problem and next(folder.rows(FILE, Mustered), None) is None:
        raise (WrongUse if ended.exit_code == EXIT_WRONG_USE else Inconclusive)(ended.problem)
    if interrupted:
        return ended.problem or f"interrupted after {ended.seconds:.0f} s", not ended.problem
    return ended.problem, False


def _announce(settings: Settings, console: Console) -> None:
    if settings.worker is not None:
        say(console, f"worker for {settings.url}: the master at {settings.worker} says what is played")
        return
    plan = stages.of(settings)
    seconds = stages.length(plan)
    if plan[0].rate:
        most = f"{round(stages.offered(plan) * settings.turns):,}"
        loop = "open loop: sessions start when they are due, whether earlier ones have ended or not"
    else:
        per_turn = settings.think * (settings.turns + 1) / settings.turns
        taken = sum(stage.upto(stage.seconds) for stage in plan)
        most, loop = f"{round(taken / per_turn):,}" if per_turn else "as many as it answers", CLOSED_LOOP
    mix = Mix.parse(settings.mix)
    more = " (and titles, tags and follow-ups where the deployment makes them)" if "browser" in mix.weights else ""
    say(
        console,
        f"{offered(settings)} for {seconds:g} s on {settings.url}: journeys {mix} of {settings.turns} turns, "
        f"{settings.think:g} s of thought before each; completions, at most about: {most}{more}",
    )
    say(console, loop, style="dim")


def _told(phase: Phase) -> str:
    if phase.name == "workers":
        return f"waiting for workers, {phase.done:g} of {phase.of:g}"
    if phase.name == "accounts":
        return f"making accounts, {phase.done:g} of {phase.of:g}"
    if phase.name == "cleaning":
        return "removing what was made"
    if phase.name == "finishing":
        return "finishing the last sessions"
    return cut(f"{phase.requests:,} requests, {phase.failures:,} failed", bars.LABEL)


def _show(run: Run, folder: RunFolder, console: Console) -> None:
    table = Table("ms", "number", "failed", "p50", "p95", "p99", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    since, until = (run.settings.get(name) for name in ("times_from", "times_until"))
    evidence = Evidence.of(folder, since=since or 0.0, until=until or math.inf)
    for name in [*evidence.requests, *evidence.turn_subjects]:
        times, sessions = evidence.times(name) or ((), ())
        failed, _ = evidence.failed(name)
        found = estimates(times, sessions, (0.5, 0.95, 0.99))
        shown = [_shown(one, console) for one in found]
        failures = f"{failed:,}" if name in evidence.requests or name in evidence.turns else ""
        # Times are of what began after the warm-up and before the end; failures count at any time.
        number = evidence.requests.get(name) or evidence.turns.get(name) or len(times)
        table.add_row(name, f"{number:,}", failures, *shown)
    for way, measure, rows in overheads(folder):
        told = [_shown(Estimate(one.value, one.low, one.high, one.count, one.sessions), console) for one in rows]
        table.add_row(f"overhead {measure} ({way})", f"{rows[0].count:,}", "", *told, "")
    if table.row_count:
        console.print(table)
        say(console, "times in ms, of successes; - where too few speak for one", style="dim")
    for judged in folder.rows("objectives.jsonl", Judged):
        judged = taken_back(judged) if run.cause == "void" else judged
        doubt = "" if judged.proved or judged.verdict != "held" else ", not proved"
        say(console, f"{judged.verdict}{doubt}: {judged.objective} ({judged.said})")
    show_left(run, folder, console)
    say(console, run.sentence, indent="")
    console.print(f"Report: {folder.path / 'report.html'}", soft_wrap=True, markup=False)


def show_left(run: Run, folder: RunFolder, console: Console) -> None:
    """What of a run is left on its target, and how to remove it; nothing where nothing is."""
    for line in run.left_behind[:SHOWN]:
        say(console, f"left behind: {line}")
    if run.left_behind:
        more = len(run.left_behind) - SHOWN
        if more > 0:
            say(console, f"left behind: {more} more, named in {folder.path / 'run.json'}")
        say(console, f"remove it with: seatrial clean {folder.path}")


def _shown(estimate: Estimate, console: Console) -> str:
    """A percentile, with room enough beside the interval that the samples support: `812 (760-903)`."""
    if estimate.value is None:
        return "-"
    if console.width < WIDE:
        return _short(estimate.value)
    low, value, high = (_short(ms) for ms in (estimate.low, estimate.value, estimate.high))
    return f"{value} ({low}-{high})"


def _short(ms: float | None) -> str:
    return "" if ms is None else f"{ms:,.0f}" if abs(ms) >= 10 else f"{ms:.1f}" if abs(ms) >= 1 else f"{ms:.2f}"
