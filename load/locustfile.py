"""What Locust runs. Settings come from SEATRIAL_* variables, whoever starts it.

    SEATRIAL_URL=http://localhost:8080 SEATRIAL_ADMIN=me@example.org:secret locust -f load/locustfile.py

`seatrial load` starts it headless and names the run folder in SEATRIAL_RUN. By hand, with the web UI or
`--headless -u 20 -r 20`, it makes a run folder of its own and writes the result there at the end. With `--processes` or
`--master` the workers play, and the result is the master's.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Any

from locust import User, constant, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from load import stages
from load.alone import Alone, log
from load.hand import Hand
from load.harbour import Harbour
from load.master import Master
from load.voyage import Voyage
from load.worker import Worker
from seatrial.errors import EXIT_WRONG_USE, SeatrialError
from seatrial.lifeline import tie_to_parent, watch
from seatrial.settings import from_environment

_part: Alone | Master | Worker | None = None
_imported_by = os.getpid()


@events.init.add_listener  # type: ignore[untyped-decorator]
def _prepare(environment: Environment, runner: Any, **_: Any) -> None:
    """What this process is in the load; users get time to finish their session."""
    global _part  # noqa: PLW0603 - Locust knows a load only by its events
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if os.getpid() != _imported_by:  # one of `--processes`
        tie_to_parent()
    watch()
    try:
        settings = from_environment(os.environ)
        plan = stages.of(settings)
    except SeatrialError as error:
        log.error("%s", error)
        raise SystemExit(EXIT_WRONG_USE) from None
    if not environment.stop_timeout:
        environment.stop_timeout = 2 * settings.timeout + 5
    options = environment.parsed_options
    if options is not None:
        if options.num_users is None and not isinstance(runner, WorkerRunner):
            options.num_users = options.spawn_rate = settings.users if plan[0].rate else stages.crowd(plan)
        if options.run_time:
            # Locust's own clock would start before the accounts are made.
            settings = replace(settings, duration=float(options.run_time))
            options.run_time = None
    if isinstance(runner, WorkerRunner):
        _part = Worker(environment, runner, settings)
    elif isinstance(runner, MasterRunner):
        _part = Master(environment, runner, settings)
    else:
        _part = Alone(environment, settings)


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _set_out(**_: Any) -> None:
    if _part is not None:
        _part.start()


@events.test_stopping.add_listener  # type: ignore[untyped-decorator]
def _call_to_end(**_: Any) -> None:
    if _part is not None:
        _part.call_to_end()


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def _come_home(**_: Any) -> None:
    if _part is not None:
        _part.come_home()


NOT_WANTED_SECONDS = 0.2
"""How often a user whom the present stage does not want looks whether the next one does."""


class SessionUser(User):
    """One person who opens session after session."""

    host = os.environ.get("SEATRIAL_URL")
    wait_time = constant(0)  # pauses are part of the journey

    hand: Hand | None = None
    harbour: Harbour | None = None

    @task
    def session(self) -> None:
        voyage = _part.voyage if _part is not None else None
        if _part is None or voyage is None or voyage.recorder is None or voyage.over.is_set():
            raise StopUser
        try:
            if voyage.is_open:
                self._receive(voyage)
                return
            if self.hand is None:
                self.hand = voyage.come_aboard()
                if not self.hand.wait_turn():
                    raise StopUser
            if voyage.is_wanted(self.hand.number):
                self.hand.play()
            else:
                voyage.over.wait(NOT_WANTED_SECONDS)
        except SeatrialError as error:
            _part.trouble(error)
            raise StopUser from None

    def _receive(self, voyage: Voyage) -> None:
        """In an open loop the first user of a process starts all sessions, and others have nothing to do."""
        if self.harbour is None and not voyage.received:
            voyage.received = True
            self.harbour = voyage.open_harbour()
            self.harbour.open()
        voyage.over.wait()

    def on_stop(self) -> None:
        if self.hand is not None:
            self.hand.leave()
        if self.harbour is not None:
            self.harbour.close(self.environment.stop_timeout or 0)
