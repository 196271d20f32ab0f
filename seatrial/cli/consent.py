"""Load on somebody's deployment is asked for twice: by the command, and once more before it begins."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from seatrial.cli.lines import say
from seatrial.errors import WrongUse
from seatrial.settings import Settings


def consent(settings: Settings, yes: bool, load: str, cost: str | None = None) -> None:
    """Ask whether to put such a load on the target, unless that is on this machine or `--yes` has answered.

    `cost` is said before. Raises `WrongUse` where nobody is there to be asked, and `click.Abort` for a no.
    """
    if yes or not settings.url or settings.target().is_loopback:
        return
    if not sys.stdin.isatty():
        raise WrongUse(f"{settings.url} is not on this machine; give --yes to put load on it")
    if cost:
        say(Console(stderr=True), cost)
    if not click.confirm(f"Put {load}?", err=True):
        raise click.Abort
