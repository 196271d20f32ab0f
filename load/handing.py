"""Tokens on their way to the load process: in its environment, and in a file where they are too many for that.

    with handed(settings) as given, LocustProcess(given, folder) as generator: ...

Linux takes 128 KiB in one variable, which is the tokens of some six hundred accounts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seatrial.records import full
from seatrial.settings import Settings

MOST_CHARACTERS = 100_000
"""Of the tokens in a variable, which share what the system takes with all others."""


@contextmanager
def handed(settings: Settings) -> Iterator[Settings]:
    """The settings, their tokens named as `@FILE` where they would not fit into a variable.

    The file is for its owner alone, outside the run folder, and gone when the block is left.
    Raises `Inconclusive` when it cannot be written.
    """
    text = "\n".join(settings.token)
    if len(text) <= MOST_CHARACTERS:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="seatrial-") as place:
        yield replace(settings, token=(f"@{_written(Path(place, 'tokens'), text)}",))


def _written(path: Path, text: str) -> Path:
    try:
        path.touch(0o600)
        path.write_text(text, "ascii")
    except OSError as error:
        raise full(path, error) from None
    return path
