"""The Locust process as seen by whoever starts it: started with secrets in its environment, followed, ended.

with LocustProcess(settings, folder) as generator:
    for phase in generator.phases(): ...      # until it has ended by itself
"""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from load import stages
from load.progress import FILE, Phase
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder
from seatrial.settings import Settings

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LOG = "locust.log"
POLL_SECONDS = 0.1

PATIENCE = 60.0
"""Seconds beyond its own bounds that the process gets to clean up before it is killed."""


class LocustProcess:
    """One headless Locust over `locustfile`. Leaving the block ends it: asked first, killed if it does not hear."""

    def __init__(self, settings: Settings, folder: RunFolder) -> None:
        self.settings, self.folder = settings, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0

    def __enter__(self) -> Self:
        plan = stages.of(self.settings)
        number = 1 if plan[0].rate else math.ceil(stages.most(plan))  # in an open loop one user starts all sessions
        users, rate = str(number), str(min(number, 100))
        command = [sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
        folder = self.folder.path.resolve()
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "-u", users, "-r", rate],
                env=child_environment() | self.settings.environment() | {"SEATRIAL_RUN": str(folder)},
                # Locust puts its working directory before everything else: a `load` there would be taken for ours.
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches us, and we ask it to end in order.
                start_new_session=True,
            )
        return self

    def phases(self) -> Iterator[Phase]:
        """What it says of itself, until it has ended."""
        assert self._process is not None
        path = self.folder.path / FILE
        heard = time.monotonic()
        while True:
            ended = self._process.poll() is not None
            if time.monotonic() - heard > self._patience:
                self._process.kill()
            for line in _lines(path)[self._seen :]:
                self._seen += 1
                heard = time.monotonic()
                document = json.loads(line)
                if document.pop("type") == Phase.__name__:
                    yield Phase(**document)
            if ended:
                return
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to finish its sessions, clean up and end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    @property
    def _patience(self) -> float:
        """How long it may be silent: the last sessions of an unresponsive target take two timeouts."""
        return 2 * self.settings.timeout + PATIENCE

    @property
    def code(self) -> int | None:
        return self._process.poll() if self._process else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self.stop()
        try:
            self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _lines(path: Path) -> list[str]:
    """The whole lines of a file that grows."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    return text[: text.rfind("\n") + 1].splitlines()
