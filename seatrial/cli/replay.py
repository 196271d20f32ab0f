"""`seatrial replay`: send a finding's recorded requests again, and say whether it still happens."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.options import common_options, settings_from

if TYPE_CHECKING:
    from rich.console import Console

    from seatrial.cli.replaying import Outcome
    from seatrial.records import Finding, Run, RunFolder

SHOWN = 12
"""Steps that are printed, the last ones; --json has all."""


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("finding", metavar="FINDING")
@click.option("--url", metavar="URL", help="Another deployment to try it on. [default: the run's target]")
@common_options
def replay(run: str, finding: str, url: str | None, as_json: bool, **options: Any) -> int:
    """Send the recorded requests of a finding again, and say whether it still happens.

    FINDING is its id as the reports name it, the beginning of one, or its number in their order. Accounts and chats
    are made anew and removed, with credentials given as for `verify`; nothing that is on the target is touched. Where
    the finding compares several answers, its test is run alone, with the run's seed.

    \b
        seatrial replay run 1
        seatrial replay run valid-use:createChat --admin you@example.org
        seatrial replay run 1 --url https://mended.example.org

    Exit codes: 1 it still happens; 0 it no longer happens; 2 wrong use; 3 it cannot be told.
    """
    from rich.console import Console

    from seatrial.cli.contact import run_folder, signed_in
    from seatrial.cli.replaying import as_in, replayed
    from seatrial.cli.verification import embed
    from seatrial.lab.children import until_stopped
    from seatrial.records import RunFolder

    recorded = RunFolder.open(run)
    loaded = recorded.load()
    chosen = _chosen(recorded, loaded, finding)
    settings = settings_from(options)
    named = ("seed", "timeout", "model", "contract")
    given = {name for name in named if options.get(name) is not None or _in_environment(name)}
    settings = as_in(loaded, replace(settings, url=url or loaded.target), given=given)
    console = Console(stderr=as_json)
    _say_what_it_was(chosen, console)
    with ExitStack() as stack:
        stack.enter_context(until_stopped())
        if loaded.settings.get("embedded") and not url:
            settings = embed(settings, stack)
        folder = stack.enter_context(run_folder(settings, "replay"))
        settings, _ = signed_in(settings)
        outcome = replayed(settings, chosen, loaded, folder, console)
    if not settings.out and not outcome.left_behind:
        _forget(folder)
    _say_what_came(outcome, folder, console)
    if as_json:
        told = {"finding": chosen.id, "target": settings.url, "exit_code": outcome.exit_code} | asdict(outcome)
        click.echo(json.dumps(told, indent=2))
    return outcome.exit_code


def _chosen(folder: RunFolder, run: Run, name: str) -> Finding:
    """The finding that was named. Raises `WrongUse` where there is none, or more than one."""
    from reports.verdict import in_order, judge
    from reports.wording import counted
    from seatrial.errors import WrongUse
    from seatrial.records import Finding

    if run.command != "verify":
        raise WrongUse(f"{folder.path} is the folder of a {run.command} run; only findings of `verify` can be replayed")
    groups = in_order(judge(run, folder))
    if not groups:
        raise WrongUse(f"{folder.path} holds no finding")
    if name.isdigit():
        if not 1 <= int(name) <= len(groups):
            raise WrongUse(f"there is no finding {name}; {folder.path} holds {counted(len(groups), 'finding')}")
        return groups[int(name) - 1].finding
    # The groups are in order, so that of several with one id the gravest comes first.
    findings = [group.finding for group in groups] + list(folder.rows("findings.jsonl", Finding))
    fitting = {one.id: one for one in reversed(findings) if one.id.startswith(name) and name}
    if name in fitting:
        return fitting[name]
    if not fitting:
        raise WrongUse(f"{folder.path} holds no finding {name!r}; it has {_some([one.id for one in findings])}")
    if len(fitting) > 1:
        raise WrongUse(f"{name!r} is the beginning of {len(fitting)} findings: {_some(list(fitting)[::-1])}")
    return next(iter(fitting.values()))


def _some(ids: Sequence[str]) -> str:
    few = list(dict.fromkeys(ids))
    return ", ".join(few[:4]) + (f" and {len(few) - 4} more" if len(few) > 4 else "")


def _in_environment(name: str) -> bool:
    return bool(os.environ.get(f"SEATRIAL_{name.upper()}"))


def _say_what_it_was(finding: Finding, console: Console) -> None:
    from reports.wording import line

    _row(console, f"{line(finding.title)}: {finding.operation}, {line(finding.where)}  ({finding.rule})")
    _row(console, f"  expected  {line(finding.expected)}")
    _row(console, f"  received  {line(finding.received)}")
    words = [line(step["words"]) for step in finding.steps if isinstance(step, dict) and step.get("words")]
    for number, told in enumerate(dict.fromkeys(words), 1):  # one step of a person may be several calls
        _row(console, f"  {number:>3}. {told}")


def _say_what_came(outcome: Outcome, folder: RunFolder, console: Console) -> None:
    from reports.wording import counted, line, listed

    steps = outcome.steps[-SHOWN:]
    if steps:
        before = len(outcome.steps) - len(steps)
        _row(console, "  status then and now" + (f", after {counted(before, 'more step')}" if before else ""))
    for step in steps:
        statuses = " ".join(str(status or "none").rjust(5) for status in (step.then, step.status))
        _row(console, f"  {statuses}  {step.account}: {line(step.sent, 160)}" + ("  <" if step.shows else ""))
    if outcome.tested:
        alone = "so its test was run alone" if steps else "its test was run alone"
        _row(console, f"  {alone}, with the same seed: {counted(outcome.tested, 'request')}")
    if outcome.received:
        _row(console, f"  now       {line(outcome.received)}")
    if outcome.others:
        _row(console, f"  found beside it: {listed([line(one, 80) for one in outcome.others[:3]])}")
    for left in outcome.left_behind:
        _row(console, f"  left on the target: {line(left)} (seatrial clean {folder.path})")
    _row(console, outcome.verdict + (f": {line(outcome.why, 400)}" if outcome.why else ""))


def _row(console: Console, text: str) -> None:
    """A line, or several that stand under its beginning; an address is never cut in two."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    rows = textwrap.wrap(
        text, console.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [text]
    for row in rows:
        console.print(row, highlight=False, markup=False, soft_wrap=True)


def _forget(folder: RunFolder) -> None:
    """Nothing of it is left on the target, and nobody asked for a record."""
    shutil.rmtree(folder.path, ignore_errors=True)
    with suppress(OSError):  # other runs are in there
        folder.path.parent.rmdir()
