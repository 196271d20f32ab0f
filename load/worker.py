"""One of several workers: it plays its share of a load as it is told, and tells what came of it.

What is played comes from the master, by Locust's own messages; where the target is and as whom to speak, a worker
knows by itself. A forked worker writes into the master's run folder. One on another machine has a folder of its own,
and sends what it writes there as it grows: records of all workers come together without loss, and a worker that dies
has told until then what it made on the target.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import WorkerRunner

from load import collecting
from load.alone import RUN, failure, run_folder
from load.progress import FILE, Ordered, Phase, Progress
from load.share import Share, ordered
from load.voyage import Voyage
from seatrial.errors import SeatrialError
from seatrial.records import Recorder
from seatrial.settings import Settings

FORWARD = "SEATRIAL_FORWARD"
"""Set where the run folder is not the master's."""

ORDERS, GO, END, CLEAN = "seatrial.orders", "seatrial.go", "seatrial.end", "seatrial.clean"
"""What the master says: what to play; begin now; finish your sessions; all have finished, clean up."""

READY, TOLD, TROUBLE, RECORDS, FINISHED, HOME = (
    f"seatrial.{name}" for name in ("ready", "told", "trouble", "records", "finished", "home")
)
"""What a worker says: my accounts are made; how far I am; I cannot go on; lines of my files; no session is under way
any more; and I am done."""

MOST_SENT = 2_000_000
"""Bytes of one message of records."""


class Worker:
    """Obeys the master. `voyage` is there from its orders on."""

    voyage: Voyage | None = None

    def __init__(self, environment: Environment, runner: WorkerRunner, settings: Settings) -> None:
        self._environment, self._runner, self._settings = environment, runner, settings
        self._forwarded: Forwarded | None = None
        self._progress: Recorder | None = None
        self._told: Progress = Phase("accounts", 0, 1)
        self._mustering: gevent.Greenlet | None = None
        self._clean, self._home = Event(), Event()
        for name, hear in ((ORDERS, self._obey), (GO, self._go), (CLEAN, self._may_clean)):
            runner.register_message(name, hear)
        runner.register_message(END, self._end, concurrent=True)
        # Asked to end by a signal, or because the master is gone: nobody will say that all have finished.
        environment.events.quitting.add_listener(self._may_clean)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        """Nothing: the orders came before the users."""

    def call_to_end(self) -> None:
        if self.voyage is not None:
            self.voyage.stop()

    def come_home(self) -> None:
        """No session is under way any more. What is left is removed when the others have finished, too."""
        if self.voyage is None:
            return
        if self._forwarded is not None:  # should it be lost from here on, nothing of what it played is missing
            self._forwarded.send()
        self._say(FINISHED, {})
        self._clean.wait(2 * self.voyage.settings.timeout + 10)
        self.voyage.pay_off()

    def trouble(self, problem: SeatrialError) -> None:
        """Something after which the load cannot go on."""
        if self.voyage is not None and self.voyage.problem is None:
            self.voyage.problem = problem
            self._trouble(problem)

    def _obey(self, environment: Environment, msg: Any) -> None:
        for event in (self._clean, self._home):  # of an earlier load, as the web UI allows it
            event.clear()
        self._told = Phase("accounts", 0, 1)
        self._mustering = gevent.spawn(self._muster, msg.data)
        gevent.spawn(self._beat)

    def _muster(self, told: dict[str, Any]) -> None:
        try:
            settings = ordered(self._settings, told["settings"])
            share = Share(told["worker"], told["workers"], told["marker"])
            folder = run_folder(settings, first=self.voyage is None)
            if FORWARD in os.environ or RUN not in os.environ:
                self._progress = Recorder(folder.path / FILE)
                names = share.files
                self._forwarded = Forwarded(folder.path, names, self._say)
                self._progress.write(Ordered(told["settings"], share.part, share.workers))
            self.voyage = Voyage(settings, folder, self._environment.events.request, self._tell, share)
            self.voyage.muster()
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            self._trouble(failure(error))
            return
        self._say(READY, {"host": socket.gethostname(), "process": os.getpid()})

    def _go(self, environment: Environment, msg: Any) -> None:
        assert self.voyage is not None
        collecting.rarely()
        self.voyage.begin()

    def _beat(self) -> None:
        """Once a second, until home: how far it is, and what was written since."""
        while not self._home.wait(1.0):
            voyage = self.voyage
            if voyage is None or voyage.recorder is None or voyage.over.is_set():
                self._tell(self._told)  # that it is alive
            else:
                try:
                    why = voyage.tick()
                except SeatrialError as error:
                    voyage.problem, why = error, str(error)
                if voyage.problem is not None:
                    self._trouble(voyage.problem)
                if why:
                    voyage.stop()
            if self._forwarded is not None:
                self._forwarded.send()

    def _end(self, environment: Environment, msg: Any) -> None:
        if self._mustering is not None and not self._mustering.ready():
            self._mustering.kill()
        self.call_to_end()
        self._runner.stop()
        if self.voyage is not None:
            self.voyage.pay_off()
        if self._forwarded is not None:
            self._forwarded.send()
        self._home.set()
        self._say(HOME, {})

    def _may_clean(self, **_: Any) -> None:
        self._clean.set()

    def _trouble(self, problem: SeatrialError) -> None:
        data = {"problem": str(problem), "exit_code": problem.exit_code, "cause": problem.cause}
        self._say(TROUBLE, data)

    def _tell(self, record: Progress) -> None:
        if isinstance(record, Phase):
            self._told = record
        if self._progress is not None:
            self._progress.write(record)
        self._say(TOLD, {"type": type(record).__name__, **asdict(record)})

    def _say(self, kind: str, data: dict[str, Any]) -> None:
        self._runner.send_message(kind, data)


class Forwarded:
    """Files that grow, sent as they do: whole lines, each once."""

    def __init__(self, folder: Path, names: Iterable[str], say: Callable[[str, dict[str, Any]], None]) -> None:
        self._folder, self._say = folder, say
        self._sent = dict.fromkeys(names, 0)

    def send(self) -> None:
        """Send what was written since the last time."""
        for name in self._sent:
            while lines := self._next(name):
                self._sent[name] += len(lines)
                self._say(RECORDS, {"name": name, "lines": lines})

    def _next(self, name: str) -> bytes:
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(self._sent[name])
                piece = file.read(MOST_SENT)
        except FileNotFoundError:
            return b""
        return piece[: piece.rfind(b"\n") + 1]
