"""The options that every command shares, and how they become `Settings`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial import config_file
from seatrial.config_file import seconds
from seatrial.settings import Settings, gather

Command = TypeVar("Command", bound=Callable[..., Any])

_TEXT = "TEXT, @FILE, or better: in {}."


class Seconds(click.ParamType[float]):
    """A time such as 90, 90s, 5m or 1h, as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds(str(value))  # also of a number, which a file may give: it may be below zero, or none at all
        except ValueError as error:
            self.fail(str(error), param, ctx)


SECONDS = Seconds()

NOT_IN_A_FILE = ("as_json", "before", "config", "resume", "yes", "b_token", "b_account", "b_admin", "b_admin_token")
"""What is said for one run: how it tells, where its settings are, which run goes on or is held against, consent, and
the credentials of B."""


def own_options(command: click.Command) -> dict[str, click.Option]:
    """The options of one command alone that its table of the file may hold, by their names there."""
    shared = {spec.name for spec in fields(Settings)}
    return {
        max(one.opts, key=len).lstrip("-").replace("-", "_"): one
        for one in command.params
        if isinstance(one, click.Option) and one.name not in shared and one.name not in NOT_IN_A_FILE
    }


def _defaults_from_file(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Let the command's table of the file set its defaults. Returns the file's path."""
    usual = config_file.NAME if Path(config_file.NAME).exists() else None
    path = value or os.environ.get("SEATRIAL_CONFIG") or usual
    table = (file := config_file.ConfigFile.read(path)).table.get(name := ctx.command.name or "") if path else None
    if not isinstance(table, dict):
        return path
    own, defaults = own_options(ctx.command), {}
    for key, given in table.items():
        if key not in own:
            raise file.wrong(f"unknown setting {key!r} of [{name}]", key, name)
        option = own[key]
        if option.is_flag and not isinstance(given, bool):
            raise file.wrong(f"{key} must be true or false, not {given!r}", key, name)
        try:
            defaults[option.name or key] = option.type_cast_value(ctx, given)
        except (click.BadParameter, TypeError) as error:
            told = error.message if isinstance(error, click.BadParameter) else str(error)
            raise file.wrong(f"{key}: {told}", key, name) from None
    ctx.default_map = defaults
    return path


_COMMON: list[Callable[[Command], Command]] = [
    click.option("--api", type=click.Choice(["auto", "sessions", "openwebui"]),
                 help="Which API it speaks. [default: auto]"),
    click.option("--token", multiple=True, metavar="TOKEN",
                 help=f"An account's token or API key; repeatable. {_TEXT.format('SEATRIAL_TOKEN')}"),
    click.option("--account", multiple=True, metavar="EMAIL:PASSWORD",
                 help="An Open WebUI account; repeatable. EMAIL alone asks. Better in SEATRIAL_ACCOUNT."),
    click.option("--admin", metavar="EMAIL:PASSWORD",
                 help="An administrator, to make throwaway accounts with. EMAIL alone asks. Better in SEATRIAL_ADMIN."),
    click.option("--admin-token", metavar="TOKEN", help="The same by token. Better in SEATRIAL_ADMIN_TOKEN."),
    click.option("--disposable", is_flag=True, help="The accounts given may be written to freely."),
    click.option("--header", multiple=True, metavar="'NAME: VALUE'",
                 help="Sent with every request, for what stands in front; repeatable."),
    click.option("--ca-file", metavar="FILE", help="The authority that signed the target's certificate (PEM)."),
    click.option("--timeout", type=SECONDS, help="How long one request may take. [default: 30s]"),
    click.option("--model", metavar="ID", help="The model that answers. [default: the first one visible]"),
    click.option("--contract", metavar="FILE", help="A copy of openapi.yaml with your paths and parameter names."),
    click.option("--out", metavar="DIR", help="The run folder. [default: a new one under seatrial-runs/]"),
    click.option("--seed", type=int, help="Varies what is generated; the same seed sends the same. [default: 0]"),
    click.option("--config", metavar="FILE", is_eager=True, callback=_defaults_from_file,
                 help="Settings and waivers. [default: seatrial.toml if it is there]"),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."),
]  # fmt: skip


def common_options(command: Command) -> Command:
    """Every option that a command on a target takes; the values reach it as keywords (see `settings_from`)."""
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_COMMON), command)


def settings_from(
    options: dict[str, Any],
    usual: Settings | None = None,
    environ: Mapping[str, str] = os.environ,
    not_of_file: Collection[str] = (),
) -> Settings:
    """Options over environment over configuration file over what is usual, see `gather`. Raises `WrongUse`."""
    options = dict(options)
    config = options.pop("config", None)
    if config is None and "SEATRIAL_CONFIG" not in environ and Path(config_file.NAME).exists():
        config = config_file.NAME
    return gather(options, environ, config, usual=usual, not_of_file=not_of_file)
