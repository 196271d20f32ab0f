"""The process that plays both sides of a comparison, as seen by whoever starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Self

from load.generator import LocustProcess
from seatrial.lifeline import child_environment
from seatrial.ratios import SIDES
from seatrial.records import RunFolder
from seatrial.settings import PREFIX, Settings, from_environment

RUN = "SEATRIAL_RUN"
LOG = "duel.log"
OTHER = "B_"
"""Between the prefix and the name of a setting of B."""


class DuelProcess(LocustProcess):
    """Started, followed and ended like a load, but it is `duel` and not Locust."""

    def __init__(self, a: Settings, b: Settings, folder: RunFolder) -> None:
        super().__init__(a, folder)
        self._other = b

    def __enter__(self) -> Self:
        folder = self.folder.path.resolve()
        # Patched before anything is imported: TLS contexts that were made earlier would not know of it.
        command = [sys.executable, "-P", "-m", "gevent.monkey", "--module", "load.duel"]
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=child_environment() | environment(self.settings, self._other) | {RUN: str(folder)},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self


def both(environ: Mapping[str, str]) -> dict[str, Settings]:
    """The settings of the two sides, from an environment that `environment` made."""
    return dict(zip(SIDES, (from_environment(environ), from_environment(of_b(environ))), strict=True))


def of_b(environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of B alone, under the names that settings have."""
    other = PREFIX + OTHER
    return {PREFIX + name.removeprefix(other): value for name, value in environ.items() if name.startswith(other)}


def environment(a: Settings, b: Settings) -> dict[str, str]:
    """Both settings as one environment, for the process that plays them."""
    other = {PREFIX + OTHER + name.removeprefix(PREFIX): value for name, value in b.environment().items()}
    return a.environment() | other
