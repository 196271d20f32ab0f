"""`seatrial capacity`: how many sessions a deployment holds at the same time, and what fails first."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from load.capacity import Capacity
from load.mix import Mix
from load.objectives import Objective, parse, with_defaults
from load.people import Need
from load.search import Answer
from load.sizing import concluded, line
from seatrial.cli import bars
from seatrial.cli.contact import run_folder
from seatrial.cli.ending import written
from seatrial.cli.lines import say
from seatrial.cli.load import met, run_load
from seatrial.cli.options import SECONDS, common_options, settings_from
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew
from seatrial.errors import WrongUse
from seatrial.lab.children import until_stopped
from seatrial.records import Run, RunFolder, now
from seatrial.samples import Tried
from seatrial.settings import Settings

QUIET = Console(quiet=True)
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
@click.option("--look", type=SECONDS, default=30.0, help="How long a level is looked at first. [default: 30s]")
@click.option("--budget", type=SECONDS, default=1800.0, help="How long all of it may take. [default: 30m]")
@click.option("--resume", metavar="RUN", help="Go on with a search that was interrupted or out of budget.")
@click.option("--people", type=click.IntRange(1), help="Registered people, to say whether it is big enough for them.")
@click.option("--chats-per-hour", type=float, default=4.0, show_default=True, help="Chats of one of them at peak.")
@click.option(
    "--peak",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="The share of them who are at work in the busiest hour.",
)
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
    if settings.url and not settings.target().is_loopback and not yes:
        _ask(settings, most, budget)
    need = Need(people, chats_per_hour, peak) if people else None
    with _folder(settings, resume, objectives) as folder:
        run = written(_run(settings, folder, console, objectives, (start, most, look, budget), need), folder)
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
    folder = RunFolder.open(resume)
    before = folder.load()
    if before.command != "capacity":
        raise WrongUse(f"--resume {resume}: this is no search for a capacity")
    wanted = _played(settings, objectives)
    for name in SAME:
        if name in before.settings and before.settings[name] != wanted[name]:
            raise WrongUse(
                f"--resume {resume}: its levels were judged with {name} {before.settings[name]}, and not "
                f"{wanted[name]}; give the same again"
            )
    yield folder


SAME = ("slo", "turns", "think", "mix")
"""Settings without which the levels of a search cannot stand beside each other."""


def _played(settings: Settings, objectives: Sequence[Objective]) -> dict[str, Any]:
    """What the levels are, and what they are held to."""
    told = {name: getattr(settings, name) for name in ("turns", "think", "mix", "timeout", "provider")}
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
    embedded = {} if settings.url else {"embedded": True}
    with ExitStack() as stack:
        stack.enter_context(until_stopped())
        settings, deployment, contract = met(settings, stack)
        begun = Run(
            "capacity", settings.url or "", deployment.api, started=now(), target_version=deployment.version,
            target_name=deployment.name, contract=contract.source, seed=settings.seed,
            settings={"start": start, "most": most, "look": look, "budget": budget}
            | _played(settings, objectives)
            | (asdict(need) if need else {}) | embedded,
        )  # fmt: skip
        folder.save(begun)  # `clean` needs it should we be killed
        crew = _Crew(settings, folder)
        told = f"levels of {start} to {most} users" if start < most else f"a level of {start:,} users"
        say(console, f"{told}, {look:g} s or more for each, within a budget of {bars.minutes(budget)}")
        bar = stack.enter_context(bars.budget(console, budget))
        task = bar.add_task("starting", total=None)

        def looked(level: int, seconds: float) -> tuple[Run, RunFolder]:
            bar.update(task, description=f"{level:,} users for {seconds:g} s")
            return _level(crew, settings, folder, level, seconds)

        search = Capacity(objectives, contract.operations, looked, folder, budget, look)
        search.tell = lambda row: say(console, line(row), indent=INDENT)
        problem = None
        try:
            answer = search.search(start, most)
        except KeyboardInterrupt:
            problem = "the search was interrupted; --resume goes on with it"
            answer = Answer(0, None, problem)
        finally:
            bar.update(task, description="removing what was made")
            left = crew.pay_off()
            bar.stop()
        _table(search.tried, console)
        return concluded(replace(begun, left_behind=left, problem=problem, ended=now()), answer, search.tried, need)


class _Crew:
    """The accounts of all levels: throwaway ones are made once, as many as the highest level so far needs."""

    def __init__(self, settings: Settings, folder: RunFolder) -> None:
        self._settings, self._folder = settings, folder
        self._crew: Crew | None = None

    def settings(self, level: int) -> Settings:
        """Settings for a load of a level, with accounts that are ready."""
        settings = self._settings
        if settings.admin_token is None or settings.api != OPENWEBUI:
            return settings
        if self._crew is None:
            self._crew = Crew.muster(settings, self._folder.path, people=level)
        while len(self._crew.people) < level:
            self._crew.another()
        crew = self._crew
        people = crew.people[:level] if crew.speaker in (None, crew.people[0]) else [crew.speaker]
        tokens = tuple(person.account.token for person in people if person is not None and person.account.token)
        return replace(settings, token=tokens, admin_token=None, disposable=people[0] is crew.people[0])

    def pay_off(self) -> list[str]:
        return self._crew.pay_off() if self._crew is not None else []


def _level(crew: _Crew, settings: Settings, folder: RunFolder, level: int, seconds: float) -> tuple[Run, RunFolder]:
    # Numbered on: a level that the budget cut short has a folder, and no place among those that were judged.
    number = len(list((folder.path / "levels").glob("*"))) + 1
    place = RunFolder.create(str(folder.path / "levels" / f"{number:03}-{level}-users"), "load")
    wanted = replace(
        crew.settings(level), url=settings.url, users=level, duration=seconds, rate=None, stage=(), out=None, slo=()
    )
    return run_load(wanted, place, QUIET, announced=True), place


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


def _ask(settings: Settings, most: int, budget: float) -> None:
    """Load on somebody's deployment is asked for twice."""
    if not sys.stdin.isatty():
        raise WrongUse(f"{settings.url} is not on this machine; give --yes to put load on it")
    if not click.confirm(f"Put up to {most} users on {settings.url} for {budget / 60:g} minutes?", err=True):
        raise click.Abort
