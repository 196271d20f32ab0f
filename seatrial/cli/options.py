"""The options that every command shares, and how they become `Settings`."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial import config_file
from seatrial.config_file import seconds
from seatrial.errors import WrongUse
from seatrial.settings import PREFIX, Settings, gather, is_given

Command = TypeVar("Command", bound=Callable[..., Any])

_TEXT = "TEXT, @FILE, or better: in {}."
TEXTS = {"url", "mix", "slo", "stage", "max_slowdown", "floor"}
"""Settings that are text to the core, and mean something to those who play and judge."""

_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")


class Seconds(click.ParamType[float]):
    """A time such as 90, 90s, 5m or 1h, as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds(str(value))  # also of a number, which a file may give: it may be below zero, or none at all
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SomeSeconds(Seconds):
    """A time that is not nothing, and a day at most."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = super().convert(value, param, ctx)
        if not 0 < found <= DAY:
            self.fail(f"{value} is not above 0 s and a day at most", param, ctx)
        return found


class Above(click.FloatRange):
    """A number above 0, up to the largest."""

    def __init__(self, most: float) -> None:
        super().__init__(0, most, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if math.isnan(found):  # which is in no range, and outside of none
            self.fail(f"{value!r} is no number", param, ctx)
        return found


DAY = 86_400.0
SECONDS, SOME_SECONDS = Seconds(), SomeSeconds()

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


def _file_of(given: str | None, environ: Mapping[str, str]) -> str | None:
    """The configuration file: that of the option, of the environment, or the one that lies here."""
    usual = config_file.NAME if Path(config_file.NAME).exists() else None
    return given or environ.get(PREFIX + "CONFIG") or usual


def _defaults_from_file(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Let the command's table of the file set its defaults. Returns the file's path."""
    path = _file_of(value, os.environ)
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
    click.option("--contract", metavar="FILE", help="A copy of openapi.yaml with your paths and parameter names."),
    click.option("--config", metavar="FILE", is_eager=True, callback=_defaults_from_file,
                 help="Settings and waivers. [default: seatrial.toml if it is there]"),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."),
]  # fmt: skip


_OF_A_RUN: list[Callable[[Command], Command]] = [
    click.option("--model", metavar="ID", help="The model that answers. [default: that of a new chat, or the first]"),
    click.option("--out", metavar="DIR", help="The run folder. [default: a new one under seatrial-runs/]"),
    click.option("--seed", type=int, help="Varies what is generated; the same seed sends the same. [default: 0]"),
]  # fmt: skip


def _read(settings: Settings, name: str) -> None:
    """Read a setting that is text to the core. Raises `WrongUse` that begins with its option."""
    # Imported here: only a file that says such a thing has to wait for them.
    from load import objectives, stages
    from load.gate import Limits
    from load.mix import Mix

    if name == "url":
        try:
            settings.target()
        except WrongUse as error:
            raise WrongUse(f"--url: {error}") from None
    elif name == "mix":
        Mix.parse(settings.mix)
    elif name == "slo":
        objectives.parse(settings.slo)
    elif name == "stage":
        stages.parse(settings.stage)
    else:
        Limits.parse(settings.max_slowdown, settings.floor)


def target_options(command: Command) -> Command:
    """Every option that a command on a target takes; the values reach it as keywords (see `settings_from`)."""
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_COMMON), command)


def common_options(command: Command) -> Command:
    """These, and what is asked of every run."""
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_OF_A_RUN), target_options(command))


def settings_from(
    options: dict[str, Any],
    usual: Settings | None = None,
    environ: Mapping[str, str] = os.environ,
    not_of_file: Collection[str] = (),
) -> Settings:
    """Options over environment over configuration file over what is usual, see `gather`. Raises `WrongUse`.

    What the file alone says is read here, whether this command needs it or not, and what is wrong with it has its line.
    """
    options = dict(options)
    path = _file_of(options.pop("config", None), environ)
    if path is None:
        return gather(options, environ, usual=usual, not_of_file=not_of_file)
    file = config_file.ConfigFile.read(path)
    said = {name for name, value in options.items() if is_given(value)} | {*not_of_file}
    said |= {name for name in file.table if environ.get(PREFIX + name.upper())}
    try:
        settings = gather(options, environ, path, usual=usual, not_of_file=not_of_file)
        for name in sorted(TEXTS & file.table.keys() - said):
            _read(settings, name)
    except WrongUse as error:
        raise _located(error, file, said) from None
    return settings


def _located(error: WrongUse, file: config_file.ConfigFile, said: Collection[str]) -> WrongUse:
    """The error, with its line where it is about an option that the file alone gave."""
    option = _OPTION.match(str(error))
    name = option[1].replace("-", "_") if option else ""
    if option is None or name in said or name not in file.table:
        return error
    return file.wrong(f"{name}{str(error)[option.end() :]}", name)
