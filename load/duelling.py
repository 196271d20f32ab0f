"""The process that plays both sides of a comparison, as seen by whoever starts it; see `generator` for the rest of it."""

from __future__ import annotations

import subprocess
import sys
from typing import Self

from load.duel import PAIRS, RUN, environment
from load.generator import LocustProcess
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder
from seatrial.settings import Settings

LOG = "duel.log"


class DuelProcess(LocustProcess):
    """Started, followed and ended like a load, but it is `duel` and not Locust."""

    def __init__(self, a: Settings, b: Settings, folder: RunFolder, pairs: int) -> None:
        super().__init__(a, folder)
        self._other, self._pairs = b, pairs

    def __enter__(self) -> Self:
        folder = self.folder.path.resolve()
        # Patched before anything is imported: TLS contexts that were made earlier would not know of it.
        command = [sys.executable, "-P", "-m", "gevent.monkey", "--module", "load.duel"]
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=child_environment()
                | environment(self.settings, self._other)
                | {RUN: str(folder), PAIRS: str(self._pairs)},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self
