"""The Locust process as seen by whoever starts it: started with secrets in its environment, followed, ended.

with LocustProcess(settings, folder) as generator:
    for phase in generator.phases(): ...      # until it has ended by itself
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from load import stages
from load.progress import FILE, Phase
from seatrial.errors import WrongUse
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder
from seatrial.settings import Settings

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
LOG = "locust.log"
POLL_SECONDS = 0.1

AT_ONCE = 5_000
"""Users that a process may make in a second. The clock runs meanwhile, so that they are to be there soon. But Locust
makes those of a second in one go, in which nobody else has a turn, of 15 microseconds each: so many are well within
what counts as late (`validity.MOST_LATE`), and four times as many are not."""

PATIENCE = 60.0
"""Seconds beyond its own bounds that the process gets to clean up before it is killed."""


class LocustProcess:
    """One headless Locust over `locustfile`. Leaving the block ends it: asked first, killed if it does not hear."""

    def __init__(self, settings: Settings, folder: RunFolder) -> None:
        self.settings, self.folder = settings, folder
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
        folder = self.folder.path.resolve()
        forward = {"SEATRIAL_FORWARD": "1"} if self.settings.worker is not None else {}
        with (folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *self._part()],
                env=child_environment() | self.settings.environment() | {"SEATRIAL_RUN": str(folder)} | forward,
                # Locust puts its working directory before everything else: a `load` there would be taken for ours.
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C in the terminal reaches us, and we ask it to end in order.
                start_new_session=True,
            )
        return self

    def _part(self) -> list[str]:
        """Locust's options for what this process is in the load."""
        settings = self.settings
        host, port = settings.meeting or ("127.0.0.1", 0)
        if settings.worker is not None:
            return ["--worker", "--master-host", host, "--master-port", str(port)]
        workers = settings.expect_workers if settings.master is not None else settings.processes
        plan = stages.of(settings)
        number = stages.crowd(plan, workers)
        load = ["-u", str(number), "-r", str(min(number, AT_ONCE * workers))]
        if settings.master is not None:
            meet = ["--master-bind-host", host, "--master-bind-port", str(port)]
            _free(host, port)
            return ["--master", *meet, "--expect-workers", str(workers), *load]
        if workers == 1:
            return load
        place = str(_free(host))
        meet = ["--master-bind-host", host, "--master-bind-port", place, "--master-host", host, "--master-port", place]
        return ["--processes", str(workers), *meet, *load]

    def phases(self) -> Iterator[Phase]:
        """What it says of itself, until it has ended."""
        assert self._process is not None
        path = self.folder.path / FILE
        heard = time.monotonic()
        while True:
            ended = self._process.poll() is not None
            if time.monotonic() - heard > self._patience:
                self._process.kill()
            for line in self._lines(path):
                heard = time.monotonic()
                if (phase := _phase(line)) is not None:
                    yield phase
            if ended:
                return
            time.sleep(POLL_SECONDS)

    def _lines(self, path: Path) -> list[bytes]:
        """The whole lines that have come since the last time."""
        try:
            with path.open("rb") as file:
                file.seek(self._read)
                come = file.read()
        except FileNotFoundError:
            return []
        whole = come[: come.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.splitlines()

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


def _free(host: str, port: int = 0) -> int:
    """A free port, or whether this one is. Raises `WrongUse`.

    One that was found here is left in TIME_WAIT by a connection to itself: for a minute the system gives it to nobody
    who does not ask for it, as Locust does when it has been imported.
    """
    try:
        with socket.create_server((host, port)) as server:
            found = int(server.getsockname()[1])
            if not port:
                with socket.create_connection((host, found)), server.accept()[0]:
                    pass
            return found
    except OSError as error:
        raise WrongUse(f"--master {host}:{port}: {error.strerror or error}") from None


def _phase(line: bytes) -> Phase | None:
    """What a line says, None for another record, and for one that a full disk has cut."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.pop("type", None) != Phase.__name__:
        return None
    return Phase(**document)
