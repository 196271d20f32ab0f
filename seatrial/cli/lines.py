"""Sentences at a terminal, in lines that fit it; addresses and paths stay whole, so that they can be copied."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from reports.wording import clean

NARROW = 40
"""Columns below which nothing is folded any further."""


def say(console: Console, words: str, *, style: str = "", indent: str = "  ") -> None:
    """Print one sentence; further lines of it begin with the indent. What it quotes moves nothing on the screen."""
    text = " ".join(clean(words).split())
    lead = words[: len(words) - len(words.lstrip(" "))]
    rows = textwrap.wrap(
        lead + text,
        max(NARROW, console.width),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print(Text("\n".join(rows), style=style), soft_wrap=True)


def asked(model: str | None) -> str:
    """Which model a run asks, before anything has been asked of the target."""
    return f"model {model}" if model else "the model that people begin a chat with (--model chooses)"
