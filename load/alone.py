"""A load that one process plays: Locust tells it when to begin and to end."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import gevent
from locust.env import Environment

from load import collecting, stages
from load.outcome import conclude
from load.progress import FILE
from load.share import Share
from load.voyage import Voyage
from seatrial.errors import Inconclusive, SeatrialError
from seatrial.records import Recorder, Run, RunFolder, now
from seatrial.settings import Settings

RUN = "SEATRIAL_RUN"
"""The run folder that whoever started this process has made. By hand a load makes one of its own."""

log = logging.getLogger("seatrial")


class Alone:
    """One after another, as the web UI allows it: `start` for each, `call_to_end` and `come_home` at its end."""

    voyage: Voyage | None = None

    def __init__(self, environment: Environment, settings: Settings) -> None:
        self._environment, self._settings = environment, settings
        self._started, self._progress = "", None  # type: tuple[str, Recorder | None]

    def start(self) -> None:
        """Muster the crew and count from now; users come aboard after it."""
        settings = asked_for(self._settings, self._environment)
        self._started = now()
        try:
            folder = run_folder(settings, first=self.voyage is None)
            progress = self._progress = Recorder(folder.path / FILE)
            self.voyage = Voyage(settings, folder, self._environment.events.request, progress.write, Share())
            self.voyage.muster()
            collecting.rarely()
            self.voyage.begin()
        except Exception as error:  # noqa: BLE001 - Locust would log any other, go on without a load and never end
            problem = failure(error)
            self._environment.process_exit_code = problem.exit_code
            if self.voyage is not None:
                self.voyage.problem = problem
            gevent.spawn(end, self._environment)
            return
        gevent.spawn(self._watch, self.voyage)

    def call_to_end(self) -> None:
        if self.voyage is not None:
            self.voyage.stop()

    def come_home(self) -> None:
        """By hand, the result is made and told here; otherwise whoever started this process does it."""
        if self.voyage is None:
            return
        self.voyage.pay_off()
        if self._progress is not None:
            self._progress.close()
        if RUN not in os.environ:
            tell(
                self._environment, conclude(self.voyage.settings, self.voyage.folder, self._started), self.voyage.folder
            )

    def trouble(self, problem: SeatrialError) -> None:
        """Something after which the load cannot go on."""
        if self.voyage is not None and self.voyage.problem is None:
            self.voyage.problem = problem
            gevent.spawn(end, self._environment)

    def _watch(self, voyage: Voyage) -> None:
        while not voyage.over.is_set():
            try:
                why = voyage.tick()
            except SeatrialError as error:
                voyage.problem, why = error, str(error)
            if why:
                log.info("%s", why)
                end(self._environment)
                return
            voyage.over.wait(1.0)


def asked_for(settings: Settings, environment: Environment) -> Settings:
    """The settings with as many users as Locust was asked for. In an open loop those of Locust only start sessions."""
    runner = environment.runner
    if runner is None or stages.of(settings)[0].rate:
        return settings
    return replace(settings, users=runner.target_user_count or settings.users)


def run_folder(settings: Settings, *, first: bool) -> RunFolder:
    """The folder that was made for this process, or a new one. A second load of the web UI has another."""
    given = os.environ.get(RUN)
    return RunFolder(Path(given)) if given and first else RunFolder.create(settings.out if first else None, "load")


def failure(error: Exception) -> SeatrialError:
    """Why a load could not start, logged."""
    if not isinstance(error, SeatrialError):
        log.error("the load could not start", exc_info=error)
        error = Inconclusive(f"the load could not start: {type(error).__name__}: {error}")
    log.error("%s", error)
    return error


def tell(environment: Environment, run: Run, folder: RunFolder) -> None:
    """The result, to whoever started Locust by hand."""
    environment.process_exit_code = run.exit_code
    told = f"{run.sentence}\nrun folder: {folder.path}"
    if environment.web_ui is None:
        # After Locust's own tables, which it prints last of all.
        environment.events.quit.add_listener(lambda **_: print(told, flush=True))  # type: ignore[no-untyped-call]
    else:
        print(told, flush=True)


def end(environment: Environment) -> None:
    """Headless, the process ends with the load; the web UI stays for the next one."""
    runner = environment.runner
    if runner is None:
        return
    if environment.web_ui is None:
        runner.quit()
    else:
        runner.stop()
