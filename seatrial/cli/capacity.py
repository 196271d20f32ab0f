"""`seatrial capacity`: how many sessions a deployment holds at the same time, and what fails first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from load.capacity import Capacity
from load.mix import Mix
from load.objectives import Objective, parse, with_defaults
from load.people import Need
from load.search import Answer, bounds
from load.sizing import concluded, line
from seatrial.cli import bars
from seatrial.cli.consent import consent
from seatrial.cli.contact import is_ours, run_folder
from seatrial.cli.ending import written
from seatrial.cli.levels import Levels
from seatrial.cli.lines import asked, say
from seatrial.cli.load import met, show_left
from seatrial.cli.options import SECONDS, SOME_SECONDS, Above, common_options, settings_from
from seatrial.errors import SeatrialError, WrongUse
from seatrial.lab.children import until_stopped
from seatrial.records import Run, RunFolder, now
from seatrial.samples import Tried
from seatrial.settings import Settings

INDENT = " " * 13
"""Below what a level came to, behind its number of users."""


@click.command()
@click.argument("url", required=False)
@click.option(
    "--slo",
    multiple=True,
    metavar="OBJECTIVE",
    help="What has to hold, such as 'turn p95 < 10s'; repeatable. Beside it: nothing lost, errors < 1%.",
)
@click.option("--start", type=click.IntRange(1), default=4, show_default=True, help="Users of the first level.")
@click.option("--most", type=click.IntRange(1), default=1024, show_default=True, help="Users of the highest level.")
@click.option("--look", type=SOME_SECONDS, default=30.0, help="How long a level is looked at first. [default: 30s]")
@click.option("--budget", type=SOME_SECONDS, default=1800.0, help="How long all of it may take. [default: 30m]")
@click.option("--resume", metavar="RUN", help="Go on with a search that was interrupted or out of budget.")
@click.option("--people", type=click.IntRange(1), help="Registered people, to say whether it is big enough for them.")
@click.option("--chats-per-hour", type=Above(1000), default=4.0, help="Chats of one of them at peak. [default: 4]")
@click.option("--peak", type=Above(1), default=0.3, help="Share of them at work in the busiest hour. [default: 0.3]")
@click.option("--turns", type=int, help="Turns in each session. [default: 3]")
@click.option("--think", type=SECONDS, help="A user's pause before each turn, spread by half. [default: 1s]")
@click.option("--mix", metavar="JOURNEY=N,...", help="Which journeys, how often. [default: session=1]")
@click.option("--provider", metavar="URL", help="The scripted provider behind it: tells whether it was the limit.")
@click.option("--yes", is_flag=True, help="Load a target that is not on this machine, without asking.")
@common_options
def capacity(
    url: str | None, start: int, most: int, look: float, budget: float, resume: str | None, people: int | None,
    chats_per_hour: float, peak: float, yes: bool, as_json: bool, **options: Any,
) -> int:  # fmt: skip
    """Find how many sessions a deployment holds at the same time within its objectives, and what fails first.

    Levels are doubled until one fails, and halved between; the answer is a level that held twice and one, at most a
    quarter above it, that failed twice. Without URL, a reference server is started on a free port.

    \b
        seatrial capacity http://localhost:8080 --slo 'turn p95 < 10s' --admin me@example.org --people 500
    """
    settings = settings_from(options | {"url": url})
    console = Console(stderr=as_json)
    objectives = with_defaults(parse(settings.slo))
    _ = Mix.parse(settings.mix)
    if not any(one.quantile for one in objectives):
        raise WrongUse("capacity needs an objective about time, such as --slo 'turn p95 < 10s'")
    if start > most:
        raise WrongUse(f"--start {start} is above --most {most}")
    asked_for = f"up to {most} users on {settings.url} for {budget / 60:g} minutes"
    consent(settings, yes, asked_for, _cost(settings, most, budget))
    need = Need(people, chats_per_hour, peak) if people else None
    with _folder(settings, resume, objectives) as folder:
        run = written(_run(settings, folder, console, objectives, (start, most, look, budget), need), folder)
    show_left(run, folder, console)
    say(console, run.sentence, indent="")
    console.print(f"Report: {folder.path / 'report.html'}", soft_wrap=True, markup=False)
    if as_json:
        levels = [asdict(row) for row in folder.rows("levels.jsonl", Tried)]
        click.echo(json.dumps(asdict(run) | {"folder": str(folder.path), "levels": levels}, indent=2))
    return run.exit_code or 0


@contextmanager
def _folder(settings: Settings, resume: str | None, objectives: Sequence[Objective]) -> Iterator[RunFolder]:
    if resume is None:
        with run_folder(settings, "capacity") as folder:
            yield folder
        return
    if settings.out is not None:
        raise WrongUse("--resume goes on in the folder that it names; leave out --out")
    folder = RunFolder.open(resume)
    before = folder.load()
    if before.command != "capacity":
        raise WrongUse(f"--resume {resume}: this is no search for a capacity")
    where = "" if before.settings.get("embedded") else before.target.rstrip("/")
    if (settings.url or "").rstrip("/") != where or settings.api not in ("auto", before.api):
        known = f"{before.api} at {where}" if where else "a reference server of its own"
        raise WrongUse(f"--resume {resume}: its levels were those of {known}; give the same target again")
    wanted = _played(settings, objectives)
    for name in SAME:
        if name in before.settings and before.settings[name] != wanted[name]:
            raise WrongUse(
                f"--resume {resume}: its levels were judged with {name} {before.settings[name]}, and not "
                f"{wanted[name]}; give the same again"
            )
    yield folder


SAME = ("slo", "turns", "think", "mix", "timeout", "model", "seed_chats", "seed_messages")
"""Settings without which the levels of a search cannot stand beside each other."""


def _played(settings: Settings, objectives: Sequence[Objective]) -> dict[str, Any]:
    """What the levels are, and what they are held to."""
    names = ("turns", "think", "mix", "timeout", "provider", "model", "seed_chats", "seed_messages")
    told = {name: getattr(settings, name) for name in names}
    return told | {"slo": [one.text for one in objectives]}


def _run(
    settings: Settings,
    folder: RunFolder,
    console: Console,
    objectives: tuple[Objective, ...],
    limits: tuple[int, int, float, float],
    need: Need | None,
) -> Run:
    start, most, look, budget = limits
    ours = is_ours(settings)
    # A search that is gone on with: what its first half left is left until `clean` has said otherwise.
    before = folder.load() if (folder.path / "run.json").exists() else Run("capacity", "", settings.api)
    with ExitStack() as stack:
        stop = stack.enter_context(until_stopped())
        settings, deployment, contract = met(settings, stack)
        if before.target_version not in (None, deployment.version):
            known = f"{before.target_version}, and {deployment.version} answers now"
            raise WrongUse(f"--resume: its levels were those of release {known}; search anew")
        begun = Run(
            "capacity", settings.url or "", deployment.api, started=now(), target_version=deployment.version,
            target_name=deployment.name, contract=contract.source, seed=settings.seed,
            settings={"start": start, "most": most, "look": look, "budget": budget}
            | _played(settings, objectives)
            | (asdict(need) if need else {}) | ours,
            left_behind=before.left_behind, notes=before.notes,
        )  # fmt: skip
        folder.save(begun)  # `clean` needs it should we be killed
        told = f"levels of {start} to {most} users" if start < most else f"a level of {start:,} users"
        say(console, f"{told}, {look:g} s or more for each, within a budget of {bars.minutes(budget)}")
        say(console, _cost(settings, most, budget), style="dim")
        bar = stack.enter_context(bars.budget(console, budget))
        task = bar.add_task("starting", total=None)
        levels = Levels(settings, folder, stop, lambda note: say(console, f"note: {note}"), ours)

        def looked(level: int, seconds: float) -> tuple[Run, RunFolder]:
            bar.update(task, description=f"{level:,} users for {seconds:g} s")
            return levels.play(level, seconds)

        search = Capacity(objectives, contract.operations, looked, folder, budget, look)
        search.tell = lambda row: say(console, line(row), indent=INDENT)

        def paid_off() -> list[str]:
            bar.update(task, description="removing what was made")
            return levels.pay_off()

        answer, problem, left = _searched(search, start, most, paid_off)
        bar.stop()
        _table(search.tried, console)
        left, notes = (list(dict.fromkeys(of)) for of in ([*before.left_behind, *left], [*before.notes, *levels.notes]))
        ended = replace(begun, left_behind=left, notes=notes, problem=problem, ended=now())
        return concluded(ended, answer, search.tried, need)


def _searched(
    search: Capacity, start: int, most: int, pay_off: Callable[[], list[str]]
) -> tuple[Answer, str | None, list[str]]:
    """The answer, what kept the search from its end, and what is left on the target.

    What ends it early takes nothing back of what is known by then. Raises it where nothing is, and nothing is left.
    """
    cut: KeyboardInterrupt | SeatrialError | None = None
    try:
        answer = search.search(start, most)
    except (KeyboardInterrupt, SeatrialError) as error:
        cut = error
    finally:
        left = _paid_off(pay_off)
    if cut is None:
        return answer, None, left
    if isinstance(cut, SeatrialError) and not search.tried and not left:
        raise cut
    why = "the search was interrupted" if isinstance(cut, KeyboardInterrupt) else str(cut)
    problem = f"{why}; --resume goes on with it"
    return Answer(*bounds(search.trials), why=problem), problem, left


def _paid_off(pay_off: Callable[[], list[str]]) -> list[str]:
    """The first Ctrl-C may come now; it is the last that is heard, and all has to be removed all the same."""
    with suppress(KeyboardInterrupt):
        return pay_off()
    return pay_off()


def _cost(settings: Settings, most: int, budget: float) -> str:
    """What a search may ask of the model, before it does: nobody can say how many levels it takes."""
    per_turn = settings.think * (settings.turns + 1) / settings.turns
    number = f"at most about {round(most * budget / per_turn):,}" if per_turn else "as many as it answers"
    return (
        f"journeys {Mix.parse(settings.mix)} of {settings.turns} turns; every turn asks for a completion, {number} in "
        f"all; asked is {asked(settings.model)}"
    )


def _table(rows: list[Tried], console: Console) -> None:
    known = any(row.limit for row in rows)
    head = ("users", "outcome", "looks", "sessions", "turns/s", "p50 ms", "p95 ms", "errors")
    table = Table(*head, *(["limited by"] if known else []), box=None)
    for column in table.columns:
        column.justify = "right"
    for row in sorted(rows, key=lambda row: (row.level, row.number)):
        times = ["-" if ms is None else f"{ms:,.0f}" for ms in (row.turn_p50, row.turn_p95)]
        table.add_row(
            str(row.level),
            row.outcome,
            str(row.looks),
            str(row.sessions),
            f"{row.turns:.1f}",
            *times,
            f"{row.errors:.2%}",
            *([row.limit] if known else []),
        )
    if rows:
        console.print(table)
