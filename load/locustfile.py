"""What Locust runs. Settings come from SEATRIAL_* variables, whoever starts it.

    SEATRIAL_URL=http://localhost:8080 SEATRIAL_ADMIN=me@example.org:secret locust -f load/locustfile.py

`seatrial load` starts it headless and names the run folder in SEATRIAL_RUN. By hand, with the web UI or
`--headless -u 20 -r 20`, it makes a run folder of its own and writes the result there at the end.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
from locust import User, constant, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import LocalRunner

from load.hand import Hand
from load.harbour import Harbour
from load.outcome import conclude
from load.voyage import Voyage
from seatrial.errors import EXIT_WRONG_USE, Inconclusive, SeatrialError
from seatrial.lifeline import watch
from seatrial.records import RunFolder, now
from seatrial.settings import Settings, from_environment

RUN = "SEATRIAL_RUN"
log = logging.getLogger("seatrial")
_settings = Settings()
_voyage: Voyage | None = None
_started = ""


@events.init.add_listener  # type: ignore[untyped-decorator]
def _prepare(environment: Environment, runner: Any, **_: Any) -> None:
    """Users get time to finish their session, and several processes are refused for now."""
    global _settings  # noqa: PLW0603 - Locust knows a load only by its events
    if not isinstance(runner, LocalRunner):
        raise SystemExit("seatrial: one process only for now; leave out --processes, --master and --worker")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    watch()
    try:
        _settings = from_environment(os.environ)
    except SeatrialError as error:
        log.error("%s", error)
        raise SystemExit(EXIT_WRONG_USE) from None
    if not environment.stop_timeout:
        environment.stop_timeout = 2 * _settings.timeout + 5
    options = environment.parsed_options
    if options is not None:
        if options.num_users is None:
            options.num_users = options.spawn_rate = _settings.users
        if options.run_time:
            # Locust's own clock would start before the accounts are made.
            _settings = replace(_settings, duration=float(options.run_time))
            options.run_time = None


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _set_out(environment: Environment, **_: Any) -> None:
    global _voyage, _started  # noqa: PLW0603 - Locust knows a load only by its events
    runner = environment.runner
    settings = replace(_settings, users=runner.target_user_count or _settings.users) if runner else _settings
    _started = now()
    given = os.environ.get(RUN)
    try:
        first = _voyage is None
        folder = (
            RunFolder(Path(given)) if given and first else RunFolder.create(settings.out if first else None, "load")
        )
        _voyage = Voyage(settings, folder, environment.events.request)
        _voyage.muster()
    except Exception as error:  # Locust would log any other, go on without a load and never end
        if not isinstance(error, SeatrialError):
            log.exception("the load could not start")
            error = Inconclusive(f"the load could not start: {type(error).__name__}: {error}")
        log.error("%s", error)
        environment.process_exit_code = error.exit_code
        if _voyage is not None:
            _voyage.problem = error
        gevent.spawn(_end, environment)
        return
    gevent.spawn(_watch, environment, _voyage)


@events.test_stopping.add_listener  # type: ignore[untyped-decorator]
def _call_to_end(**_: Any) -> None:
    if _voyage is not None:
        _voyage.stop()


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def _come_home(environment: Environment, **_: Any) -> None:
    """By hand, the result is made and told here; otherwise whoever started this process does it."""
    if _voyage is None:
        return
    _voyage.pay_off()
    if os.environ.get(RUN):
        return
    run = conclude(_voyage.settings, _voyage.folder, _started)
    environment.process_exit_code = run.exit_code
    told = f"{run.sentence}\nrun folder: {_voyage.folder.path}"
    if environment.web_ui is None:
        # After Locust's own tables, which it prints last of all.
        environment.events.quit.add_listener(lambda **_: print(told, flush=True))  # type: ignore[no-untyped-call]
    else:
        print(told, flush=True)


def _watch(environment: Environment, voyage: Voyage) -> None:
    while not voyage.over.is_set():
        try:
            why = voyage.tick()
        except SeatrialError as error:
            voyage.problem, why = error, str(error)
        if why:
            log.info("%s", why)
            _end(environment)
            return
        voyage.over.wait(1.0)


def _end(environment: Environment) -> None:
    """Headless, the process ends with the load; the web UI stays for the next one."""
    runner = environment.runner
    if runner is None:
        return
    if environment.web_ui is None:
        runner.quit()
    else:
        runner.stop()


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
        if _voyage is None or _voyage.recorder is None or _voyage.over.is_set():
            raise StopUser
        try:
            if _voyage.is_open:
                self._receive(_voyage)
                return
            if self.hand is None:
                self.hand = _voyage.come_aboard()
                if not self.hand.wait_turn():
                    raise StopUser
            if _voyage.is_wanted(self.hand.number):
                self.hand.play()
            else:
                _voyage.over.wait(NOT_WANTED_SECONDS)
        except SeatrialError as error:
            if _voyage.problem is None:
                _voyage.problem = error
                gevent.spawn(_end, self.environment)
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
