"""The options of the scripted provider, shared by the lab commands that start one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from seatrial.lab.script import Script

DEFAULTS = {each.name: each.default for each in fields(Script)}


def script_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that describe a `Script`; the command receives it as `script`."""

    @functools.wraps(command)
    def with_script(**given: Any) -> Any:
        wanted = {name: given.pop(name) for name in DEFAULTS if name in given}
        wanted["models"], wanted["error_statuses"] = given.pop("model"), given.pop("error_status")
        return command(script=Script(**wanted), **given)

    seconds, count = click.FloatRange(min=0), click.IntRange(min=1)
    options = [
        click.option("--first-token", type=seconds, default=DEFAULTS["first_token"], show_default=True,
                     metavar="SECONDS", help="From a request to the first token of its reply."),
        click.option("--gap", type=seconds, default=DEFAULTS["gap"], show_default=True,
                     metavar="SECONDS", help="From one token to the next."),
        click.option("--tokens", type=count, default=DEFAULTS["tokens"], show_default=True,
                     help="Most tokens of a reply: the text is complete, the tokens grow."),
        click.option("--style", type=click.Choice(["echo", "fill", "vary"]), default=DEFAULTS["style"],
                     show_default=True,
                     help="echo: say the message back. fill: and go on until the reply has exactly --tokens. "
                     "vary: say something else each time, as models do."),
        click.option("--thinks", type=click.IntRange(min=0), default=0, metavar="N",
                     help="Pieces of thought (reasoning) before each reply; by default none."),
        click.option("--padded", is_flag=True, help="White space at both ends of each reply."),
        click.option("--model", multiple=True, default=DEFAULTS["models"], show_default=True,
                     metavar="NAME", help="A model to offer; repeatable."),
        click.option("--error-every", type=click.IntRange(min=0), default=0, metavar="N",
                     help="Refuse every Nth completion; 0 (default) refuses none."),
        click.option("--error-status", type=click.IntRange(400, 599), multiple=True,
                     default=DEFAULTS["error_statuses"], show_default=True,
                     metavar="STATUS", help="What a refusal answers; repeatable, then each in turn."),
        click.option("--record", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="Append one JSON line per completion: when it came, first token, end, prompt, reply."),
    ]  # fmt: skip
    for option in reversed(options):
        option(with_script)
    return with_script
