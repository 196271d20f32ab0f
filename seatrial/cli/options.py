"""The options that every command shares, and how they become `Settings`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from seatrial.settings import Settings, gather

Command = TypeVar("Command", bound=Callable[..., Any])

_TEXT = "TEXT, @FILE, or better: in {}."


class Seconds(click.ParamType[float]):
    """A time such as 90, 90s, 5m or 1h, as seconds."""

    name = "time"
    units = {"s": 1, "m": 60, "h": 3600}  # noqa: RUF012 - click's own style for parameter types

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        text = str(value).strip().lower()
        unit = self.units.get(text[-1:], 0)
        try:
            return float(text[:-1]) * unit if unit else float(text)
        except ValueError:
            self.fail(f"{value!r} is no time; write 90, 90s, 5m or 1h", param, ctx)


SECONDS = Seconds()

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
    click.option("--config", metavar="FILE", help="Settings and waivers. [default: seatrial.toml if it is there]"),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output."),
]  # fmt: skip


def common_options(command: Command) -> Command:
    """Every option that a command on a target takes; the values reach it as keywords (see `settings_from`)."""
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_COMMON), command)


def settings_from(
    options: dict[str, Any], usual: Settings | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """Options over environment over configuration file over what is usual. Raises `WrongUse`."""
    options = dict(options)
    config = options.pop("config", None)
    if config is None and "SEATRIAL_CONFIG" not in environ and Path("seatrial.toml").exists():
        config = "seatrial.toml"
    return gather(options, environ, config, usual=usual)
