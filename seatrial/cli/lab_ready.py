"""How a command of the lab says that it answers: `ready URL` for people, one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    return click.option(
        "--json", "as_json", is_flag=True, help='Say that it answers as JSON: {"url": ...} in place of `ready URL`.'
    )(command)


def banner(as_json: bool, path: str = "") -> str:
    """The line for `serve`, in which `{url}` stands for where it listens."""
    return json.dumps({"url": "{url}" + path}) if as_json else "ready {url}" + path
