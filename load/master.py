"""Leads the workers of a load: says what each plays, brings together what they record, and notices who is gone.

It plays nothing itself. Workers beat once a second; one that is silent for long is lost, the others go on, and the
result says what is missing. At the end all finish their sessions before the first of them cleans up.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import gevent
from gevent.event import Event
from gevent.lock import RLock
from locust import runners
from locust.env import Environment
from locust.runners import MasterRunner

from load import stages, worker
from load.alone import RUN, asked_for, end, failure, run_folder, tell
from load.led import Led, Told, least_far, missing, together, uncleaned
from load.outcome import conclude
from load.progress import FILE, Ended, Mustered, Phase
from load.share import Share, orders
from seatrial.errors import EXIT_INCONCLUSIVE, Inconclusive, SeatrialError
from seatrial.markers import new_marker
from seatrial.records import Recorder, RunFolder, now
from seatrial.settings import Settings

WAIT_SECONDS = 120.0
"""How long the workers may take to come."""

SILENT_SECONDS = 10.0
"""Without a word for so long under load, a worker counts as lost: what it did not play meanwhile is missing."""

BUSY_SECONDS = 30.0
"""The same before the load and after it, when nothing is measured and a busy machine may take its time."""

LOOK_SECONDS = 1.0
"""How often it is looked for the silent, at the least."""

MOST_PATIENCE = 900.0
"""Seconds in which a worker has to get further with cleaning up; it beats all the while."""

log = logging.getLogger("seatrial")


class Master:
    """One load after another, as `Alone`."""

    voyage = None

    def __init__(self, environment: Environment, runner: MasterRunner, settings: Settings) -> None:
        self._environment, self._runner, self._settings = environment, runner, settings
        self._led: dict[str, Led] = {}
        self._folder: RunFolder | None = None
        self._progress: Recorder | None = None
        self._files: dict[str, BinaryIO] = {}
        self._problem: SeatrialError | None = None
        self._started, self._began, self._called, self._ended, self._looked = "", 0.0, 0.0, Event(), 0.0
        self._finished, self._over, self._ashore, self._stopped = False, Event(), RLock(), Event()
        hears: dict[str, Callable[..., None]] = {
            worker.READY: self._ready, worker.TOLD: self._told, worker.TROUBLE: self._trouble,
            worker.RECORDS: self._records, worker.FINISHED: self._has_finished, worker.HOME: self._is_home,
        }  # fmt: skip
        for name, hear in hears.items():
            runner.register_message(name, hear)
        # Who is lost, is said here. Locust has no setting for its own patience, and would end a load after 4 seconds.
        vars(runners)["HEARTBEAT_LIVENESS"] = round(2 * SILENT_SECONDS)
        environment.events.quitting.add_listener(lambda **_: self.call_to_end())  # type: ignore[no-untyped-call]

        if RUN in os.environ:
            gevent.spawn(self._await, environment.parsed_options.expect_workers if environment.parsed_options else 1)

    def _await(self, expected: int) -> None:
        """Tell how many workers have come; Locust begins when all have. Nobody waits for ever."""
        path = run_folder(self._settings, first=True).path / FILE
        progress, begun = Recorder(path), time.monotonic()
        while self._folder is None:
            come = len(self._runner.clients.all)
            progress.write(Phase("workers", come, expected))
            if time.monotonic() - begun > WAIT_SECONDS:
                told = f"{come} of {expected} workers came within {WAIT_SECONDS:g} s"
                progress.write(Ended(False, 0.0, told, EXIT_INCONCLUSIVE))
                os.kill(os.getpid(), signal.SIGTERM)
            gevent.sleep(1.0)
        progress.close()

    def start(self) -> None:
        """Before the users: workers make their accounts, and begin together."""
        settings = self._settings = asked_for(self._settings, self._environment)
        first = self._folder is None
        self._started, self._problem, self._finished = now(), None, False
        for event in (self._ended, self._over, self._stopped):
            event.clear()
        try:
            self._folder = run_folder(settings, first=first)
            self._progress = Recorder(self._folder.path / FILE)
            self._give_orders(settings)
            self._until(lambda one: one.ready, self._check, math.inf)  # accounts that are filled take what they take
            self._progress.write(together([one.mustered for one in self._led.values() if one.mustered]))
            self._say(worker.GO)
            self._began = time.monotonic()
        except Exception as error:  # noqa: BLE001 - Locust would log any other, go on without a load and never end
            self._problem = failure(error)
            self._environment.process_exit_code = self._problem.exit_code
            gevent.spawn(end, self._environment)
            return
        gevent.spawn(self._watch)

    def call_to_end(self) -> None:
        """Everybody finishes, then cleans up; returns when all are home, or lost. Once, whoever asks."""
        with self._ashore:
            if self._ended.is_set() or self._folder is None:
                return
            self._over.set()
            self._called = self._now()
            self._say(worker.END)
            # A session may take as long as its requests, and a worker does not say how many are left.
            patience = max(MOST_PATIENCE, 2 * self._settings.timeout + BUSY_SECONDS)
            self._until(lambda one: one.finished or one.home, self._look_after, patience)
            self._say(worker.CLEAN)
            self._until(lambda one: one.home, self._look_after)
            self._conclude()
            self._ended.set()

    def come_home(self) -> None:
        self._stopped.set()
        if self._folder is None or RUN in os.environ:
            return
        tell(self._environment, conclude(self._settings, self._folder, self._started), self._folder)

    def trouble(self, problem: SeatrialError) -> None:
        """Nobody plays here."""

    def _give_orders(self, settings: Settings) -> None:
        # Sorted as Locust does to share out users: the first of them get one more where they cannot be even.
        names = sorted(node.id for node in self._runner.clients.all)
        marker, self._looked = new_marker(), time.monotonic()
        self._led = {
            name: Led(Share(number, len(names), marker), time.monotonic()) for number, name in enumerate(names)
        }
        for name, one in self._led.items():
            order = {"settings": orders(settings), "worker": one.share.worker, "workers": len(names), "marker": marker}
            self._runner.send_message(worker.ORDERS, order, name)

    def _until(self, done: Callable[[Led], bool], look: Callable[[], None], patience: float = MOST_PATIENCE) -> None:
        """Until each worker is, or is lost, as is who gets no further for too long; `look` may raise."""
        since = time.monotonic()
        while waited := [one for one in self._led.values() if not done(one) and one.lost is None]:
            for one in waited:
                if one.is_stuck(since, time.monotonic(), patience):
                    one.lost = self._now()
            gevent.sleep(0.2)
            self._tell_phase()
            look()

    def _watch(self) -> None:
        """Until the time is up, or nobody is left to play."""
        limit = stages.length(stages.of(self._settings))
        while not self._over.wait(LOOK_SECONDS):
            self._tell_phase()
            self._look(SILENT_SECONDS)
            if self._now() >= limit:
                self._finished = True
            if self._finished or self._problem is not None or all(one.lost is not None for one in self._led.values()):
                log.info("%s", self._problem or "the time is up")
                end(self._environment)
                return
        # Somebody else has ended it. Where that was Locust itself, nobody ends the process.
        self._stopped.wait()
        end(self._environment)

    def _look(self, patience: float) -> None:
        """Who has been silent for longer is lost. What came while this process was held up itself is yet to be heard,
        so that such a time is nobody's silence."""
        looked, self._looked = self._looked, time.monotonic()
        held_up = max(0.0, self._looked - looked - LOOK_SECONDS)
        for one in self._led.values():
            one.heard = min(one.heard + held_up, self._looked)
            if one.lost is None and not one.home and self._looked - one.heard > patience:
                one.lost = max(0.0, one.heard - self._began) if self._began else 0.0

    def _look_after(self) -> None:
        self._look(BUSY_SECONDS)

    def _check(self) -> None:
        """Before the load begins, everybody is needed."""
        self._look(BUSY_SECONDS)
        if self._problem is not None:
            raise self._problem
        for one in self._led.values():
            if one.lost is not None:
                raise Inconclusive(f"{one} was lost before the load began")

    def _conclude(self) -> None:
        assert self._progress is not None
        limit = stages.length(stages.of(self._settings))
        lack = missing(self._led.values(), limit)
        problem = self._problem or (Told(lack, EXIT_INCONCLUSIVE, "worker lost") if lack else None)
        told = [one.ended for one in self._led.values() if one.ended is not None]
        lost = [one.lost for one in self._led.values() if one.lost is not None]
        self._progress.write(
            Ended(
                finished=self._finished,
                seconds=max([*(one.seconds for one in told), *(min(one, self._called) for one in lost)], default=0.0),
                problem=str(problem) if problem else None,
                exit_code=problem.exit_code if problem else None,
                cause=problem.cause if problem else "",
                notes=uncleaned(self._led.values()),
            )
        )
        self._progress.close()
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _say(self, kind: str) -> None:
        for name in self._led:
            self._runner.send_message(kind, {}, name)

    def _tell_phase(self) -> None:
        phase = least_far(self._led.values())
        if phase is None or self._progress is None:
            return
        try:
            self._progress.write(phase)
        except Inconclusive as error:  # the disk is full: that ends the load, and keeps nobody from cleaning up
            self._problem = self._problem or error

    def _hear(self, msg: Any) -> Led:
        one = self._led.get(msg.node_id) or Led(Share(), 0.0)  # a stranger's words go nowhere
        one.heard = time.monotonic()
        return one

    def _ready(self, environment: Environment, msg: Any) -> None:
        one = self._hear(msg)
        one.ready, one.name = True, f"{msg.data['host']}, process {msg.data['process']}"

    def _told(self, environment: Environment, msg: Any) -> None:
        one, data = self._hear(msg), dict(msg.data)
        match data.pop("type"):
            case "Phase":
                one.follow(Phase(**data), one.heard)
            case "Mustered":
                one.mustered = Mustered(**data)
            case "Ended":
                one.ended = Ended(**data)

    def _trouble(self, environment: Environment, msg: Any) -> None:
        one, data = self._hear(msg), msg.data
        if self._problem is None:
            several = len(self._led) > 1 and not data["cause"]
            told = f"{one}: {data['problem']}" if several and one.name else data["problem"]
            self._problem = Told(told, data["exit_code"], data["cause"])

    def _records(self, environment: Environment, msg: Any) -> None:
        """Lines of a worker on another machine, into a file of the same name here."""
        one, name = self._hear(msg), str(msg.data["name"])
        if self._folder is None or name not in one.share.files:
            return
        if name not in self._files:
            path = self._folder.path / name
            path.parent.mkdir(exist_ok=True)
            self._files[name] = path.open("ab", buffering=0)
        self._files[name].write(msg.data["lines"])

    def _has_finished(self, environment: Environment, msg: Any) -> None:
        self._hear(msg).finish()

    def _is_home(self, environment: Environment, msg: Any) -> None:
        self._hear(msg).home = True
