"""The commands that the documentation shows: in fenced and indented blocks, in workflows, and in the help texts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from seatrial.cli import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SHELLS = ("sh", "bash", "console")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?:(?: {4}.*)?\n)+)")
_GIVEN = re.compile(r"[A-Z_]+=\S*")


@dataclass(frozen=True)
class Shown:
    """A command line as a page shows it: `words` without variables, `text` the words as one types them."""

    page: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def program(self) -> str:
        return self.words[0] if self.words else ""


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The language of each block and its text; an indented block has none."""
    text = page.read_text("utf-8")
    for language, block in _FENCE.findall(text):
        yield language, block
    for block in _INDENTED.findall(_FENCE.sub("\n", text)):
        yield "", re.sub(r"^ {4}", "", block, flags=re.MULTILINE)


def commands(text: str, page: str) -> Iterator[Shown]:
    for line in text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:  # the text of something else, with an apostrophe in it
            continue
        while words and (_GIVEN.fullmatch(words[0]) or words[0] == "export"):
            words = words[1:]
        words = [word for word in words if word != "&"]
        if words:
            yield Shown(page, tuple(words))


def in_shells() -> Iterator[Shown]:
    """Every command in a block of shell text."""
    for page in PAGES:
        for language, block in blocks(page):
            if language in SHELLS:
                yield from commands(block, page.name)


def of_seatrial() -> Iterator[Shown]:
    """Every command of Seatrial on a page, whatever kind of block it stands in."""
    for page in PAGES:
        for language, block in blocks(page):
            if language in (*SHELLS, "", "yaml"):
                yield from (one for one in commands(block, page.name) if one.program == "seatrial")


def in_help() -> Iterator[Shown]:
    """Every command of Seatrial in a help text."""
    for name, command in every_command():
        for one in commands(command.help or "", f"{name} --help"):
            if one.program == "seatrial" and len(one.words) > 1:
                yield one


def every_command() -> Iterator[tuple[str, click.Command]]:
    """All commands of Seatrial with the names one types, groups too."""

    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for word in command.list_commands(context):
                found = command.get_command(context, word)
                assert found is not None
                yield from below(f"{name} {word}", found)

    yield from below("seatrial", cli)


def in_prose(page: Path) -> Iterator[str]:
    """The text of each piece of inline code."""
    text = _INDENTED.sub("\n", _FENCE.sub("\n", page.read_text("utf-8")))
    yield from (" ".join(code.split()) for code in re.findall(r"`([^`]+)`", text))


def parse(shown: Shown) -> click.Context:
    """The context in which the command would be run. Raises click's errors for what it does not take."""
    command: click.Command = cli
    context, rest = click.Context(cli, info_name="seatrial"), list(shown.words[1:])
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        assert name is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    return command.make_context(context.info_name, rest, parent=context.parent)
