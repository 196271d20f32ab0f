"""`seatrial compare`: judge B against A, two live targets or two runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from load.duelling import OTHER, of_b
from load.gate import Limits, outcome
from load.mix import Mix
from load.ruling import failing, sentence
from load.stored import compared, harms
from reports.comparison import Comparison
from reports.gate import show
from seatrial.cli.comparing import Compared, compare_live
from seatrial.cli.consent import consent
from seatrial.cli.contact import run_folder
from seatrial.cli.lines import say
from seatrial.cli.options import SECONDS, common_options, settings_from
from seatrial.errors import EXIT_CODES, WrongUse
from seatrial.records import RunFolder
from seatrial.settings import PREFIX, Settings

USUAL = Settings(users=4, turns=2, think=0.02)
"""Few at a time and little thought: here it is precision that counts, and not load."""

_ADDRESS = re.compile(r"[\w.-]+:\d+(/.*)?")
"""A host and its port, as one easily writes them."""

OF_STORED = ("a", "b", "as_json", "config", "strict", "max_slowdown", "floor")
OF_LOADS = tuple(name for name in OF_STORED if name != "strict")
OF_VERIFICATIONS = ("a", "b", "as_json", "config", "strict")
"""What is said of two runs that are over: how they are judged, and how that is told."""

CREDENTIALS = frozenset({"token", "account", "admin", "admin_token"})


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--pairs", type=int, help="Pairs of blocks, one of each target; even, at least 20. [default: 40]")
@click.option("--max-slowdown", metavar="SHARE", help="By how much a p95 may be slower in B. [default: 10%]")
@click.option("--floor", metavar="TIME", help="A difference below this is no slowdown. [default: 5ms]")
@click.option("--users", type=int, help="Users at a time, on one target after the other. [default: 4]")
@click.option("--turns", type=int, help="Turns in each session. [default: 2]")
@click.option("--think", type=SECONDS, help="A user's pause before each turn, spread by half. [default: 0.02s]")
@click.option("--mix", metavar="JOURNEY=N,...", help="Which journeys, how often. [default: session=1]")
@click.option("--no-verify", is_flag=True, help="Compare times only; do not hold both to the contract as well.")
@click.option("--depth", type=click.Choice(["quick", "full"]), help="Of these verifications. [default: quick]")
@click.option("--strict", is_flag=True, help="Drift of the contract fails the comparison too.")
@click.option("--b-token", multiple=True, metavar="TOKEN", help="B's own accounts, where they are not A's; repeatable.")
@click.option("--b-account", multiple=True, metavar="EMAIL:PASSWORD", help="The same by password; SEATRIAL_B_ACCOUNT.")
@click.option("--b-admin", metavar="EMAIL:PASSWORD", help="B's own administrator. Better in SEATRIAL_B_ADMIN.")
@click.option("--b-admin-token", metavar="TOKEN", help="The same by token. Better in SEATRIAL_B_ADMIN_TOKEN.")
@click.option("--yes", is_flag=True, help="Load targets that are not on this machine, without asking.")
@common_options
def compare(a: str, b: str, no_verify: bool, strict: bool, yes: bool, as_json: bool, **options: Any) -> int:
    """Judge B against A: two live targets, two run folders of `load`, or two of `verify`.

    Live targets play the same journeys in turns, block by block in an order that is tossed for. An operation fails B
    when its p95 is proved to be slower than the limit; B passes when all are proved not to be. Then both are held to
    the contract: what B fails and A does not, fails it, and drift is told.

    \b
        seatrial compare https://chat-old.example.org https://chat-new.example.org --admin you@example.org
        seatrial compare before after

    Exit code 0: proved not to be worse; 1: proved to be; 3: neither, with what would decide.
    """
    console = Console(stderr=as_json)
    live = ["://" in place for place in (a, b)]
    if all(live):
        return _live(a, b, options | {"strict": strict}, not no_verify, yes, as_json, console)
    if any(live):
        raise WrongUse("one is a URL and one a run folder: compare two live targets, or two runs")
    if Path(a).resolve() == Path(b).resolve():
        raise WrongUse(f"{a} and {b} are the same run folder: there is nothing to compare")
    for place in (a, b):
        if _ADDRESS.fullmatch(place) and not Path(place).exists():
            raise WrongUse(f"{place} is no run folder; as a live target it begins with http:// or https://")
    _demand(OF_STORED, "two live targets; these are runs that are over")
    folders, settings = (RunFolder.open(a), RunFolder.open(b)), settings_from(options | {"strict": strict})
    if {folder.load().command for folder in folders} == {"load"}:
        _demand(OF_LOADS, "two verifications; these are loads")
        return _stored(*folders, settings, as_json, console)
    _demand(OF_VERIFICATIONS, "two loads, or two live targets; these are verifications")
    strict = settings.strict
    contracts = Comparison.of(*folders)
    if as_json:
        click.echo(json.dumps(contracts.document(strict), indent=2))
    else:
        contracts.show(Console(), strict)
    return contracts.exit_code(strict)


def _demand(meant: Collection[str], others: str) -> None:
    """Refuse an option about something that is not done with these two, rather than pass over it."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in meant and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise WrongUse(f"{parameter.opts[0]} is for {others}")


def _live(a: str, b: str, options: dict[str, Any], verify: bool, yes: bool, as_json: bool, console: Console) -> int:
    """Two live targets. What is said of B alone takes the place of what is said of both."""
    first, second = _settings(a, b, options)
    Limits.parse(first.max_slowdown, first.floor)
    Mix.parse(first.mix)
    for settings in (first, second):
        consent(settings, yes, f"{settings.users} users on {settings.url}")
    with run_folder(first, "compare") as folder:
        done = compare_live(first, second, folder, console, verify=verify)
    _show(done, console, second.strict)
    console.print(f"Report: {folder.path / 'report.html'}", soft_wrap=True, markup=False)
    if as_json:
        contract = done.contract.document(second.strict) if done.contract else None
        document = asdict(done.run) | {"folder": str(folder.path), "ratios": list(map(asdict, done.rows))}
        click.echo(json.dumps(document | {"contracts": contract}, indent=2))
    return done.run.exit_code or 0


def _settings(a: str, b: str, options: dict[str, Any]) -> tuple[Settings, Settings]:
    own = {name.removeprefix("b_"): value for name, value in options.items() if name.startswith("b_") and value}
    shared = {name: value for name, value in options.items() if not name.startswith("b_")}
    of_other = of_b(os.environ)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX + OTHER)}
    first = settings_from(shared | {"url": a}, USUAL, environ)
    said = own.keys() | {name.removeprefix(PREFIX).lower() for name in of_other}
    # Credentials of B replace all of A's, wherever they stand: an administrator of A is nobody there.
    replaced = said | (CREDENTIALS if said & CREDENTIALS else set())
    shared = {name: value for name, value in shared.items() if name not in replaced}
    environ = {name: value for name, value in environ.items() if name.removeprefix(PREFIX).lower() not in replaced}
    second = settings_from(shared | own | {"url": b}, USUAL, environ | of_other, replaced)
    # The load is one and the same.
    same = ("seed", "pairs", "max_slowdown", "floor", "users", "turns", "think", "mix", "seed_chats", "seed_messages")
    return first, replace(second, **{name: getattr(first, name) for name in same})


def _stored(a: RunFolder, b: RunFolder, settings: Settings, as_json: bool, console: Console) -> int:
    """Two loads that are over."""
    limits = Limits.parse(settings.max_slowdown, settings.floor)
    rows = compared(a, b, limits)
    verdict, said = outcome(rows), sentence(rows, limits, "two stored loads, sessions drawn again", stored=True)
    found, notes = harms(a, b)
    if found:
        verdict, said = "fail", failing(found, said)
    code = EXIT_CODES[verdict]
    show(rows, console)
    _say(console, notes, [], said)
    if as_json:
        document = {"verdict": verdict, "exit_code": code, "sentence": said, "notes": notes}
        document |= {"ratios": list(map(asdict, rows)), "findings": list(map(asdict, found))}
        click.echo(json.dumps(document, indent=2))
    return code


def _show(done: Compared, console: Console, strict: bool) -> None:
    show(done.rows, console)
    if done.contract is not None:
        console.print("\nThe contracts:", style="bold")
        done.contract.show(console, strict)
    _say(console, done.run.notes, done.run.left_behind, done.run.sentence)


def _say(console: Console, notes: Iterable[str], left: Iterable[str], sentence: str) -> None:
    """What is to be said of a comparison besides its numbers. A target may have had its word in each of these."""
    for note in notes:
        say(console, f"Note: {note}", style="dim")
    for one in left:
        say(console, f"left behind: {one}")
    say(console, sentence, indent="")
