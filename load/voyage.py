"""One load from the crew's muster to its pay-off, inside the Locust process.

Users come aboard, play sessions until the call to end, and finish the session they are in: no new turn
starts after it, the history is still checked and the session deleted, so that nothing is left.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import gevent
from gevent.event import Event
from gevent.lock import RLock
from locust.event import EventHook

from load.journeys.session import Visit, session, verdict
from load.locust_client import LoadActor, LoadClient
from load.progress import FILE, Ended, Mustered, Phase
from load.recorder import LoadRecorder
from seatrial.actor import verbs_for
from seatrial.client import tls_context
from seatrial.crew import Crew, Person
from seatrial.errors import Inconclusive, SeatrialError
from seatrial.records import Recorder, RunFolder
from seatrial.settings import Settings

DEAD_SECONDS = 5.0
"""Without any answer for so long, while requests go out, the target counts as gone."""

REFUSED_REST = 1.0
"""Least pause of a user after a refused session, so that an overloaded target is not hammered."""

_VERIFY_SPREAD = 0.5


class Voyage:
    """Everything that one load needs and makes."""

    def __init__(self, settings: Settings, folder: RunFolder, fired: EventHook) -> None:
        self.settings, self.folder, self._fired = settings, folder, fired
        self.crew: Crew | None = None
        self.recorder: LoadRecorder | None = None
        self.problem: SeatrialError | None = None
        self.over = Event()
        self.finished = False
        self.phase = "accounts"
        self._progress = Recorder(folder.path / FILE)
        self._aboard = count(1)
        self._ashore = RLock()
        self._ended: Ended | None = None

    def muster(self) -> None:
        """Find out what the target is and gather the accounts. Raises `SeatrialError`."""
        self._progress.write(Phase("accounts", 0, self.settings.users))
        crew = Crew.muster(
            self.settings,
            self.folder.path,
            people=self.settings.users,
            progress=lambda done, of: self._progress.write(Phase("accounts", done, of)),
        )
        if crew.unreadable is not None and crew.model is None:
            crew.pay_off()
            raise Inconclusive(f"the list of models cannot be read: {crew.unreadable}")
        self.crew = crew
        self._tls = tls_context(crew.target) if crew.target.url.startswith("https") else None
        self._people = _speakers(crew)
        self._progress.write(_mustered(crew, self._people))
        self.recorder = LoadRecorder(self.folder.path)
        self.phase = "running"

    def come_aboard(self) -> Hand:
        """The next user, as one of the accounts in turn."""
        assert self.crew is not None
        assert self.recorder is not None
        number = next(self._aboard)
        crew, account = self.crew, self._people[(number - 1) % len(self._people)].account
        client = LoadClient(
            crew.target,
            account,
            number,
            self.recorder,
            self._fired,
            tls=self._tls,
            before=tuple(crew.before),
            after=tuple(crew.listeners),
        )
        actor = LoadActor(verbs_for(crew.api, crew.contract, crew.model), client, gevent.sleep)
        return Hand(self, number, actor, random.Random(f"{self.settings.seed}-{number}"))

    def tick(self) -> str | None:
        """Once a second: tell how far it is. Returns why the load has to end, if it has to."""
        recorder = self.recorder
        if recorder is None:
            return None
        now, limit = recorder.now(), self.settings.duration
        self._progress.write(
            Phase(self.phase, min(now, limit), limit, recorder.requests, recorder.failures, recorder.sessions)
        )
        silence = now - recorder.answered_at
        if recorder.unanswered >= min(10, 2 * self.settings.users) and silence > DEAD_SECONDS:
            since = f"{recorder.answered_at:.0f} s"
            self.problem = Died(f"the target stopped answering after {since}: {recorder.last_reason}")
            return str(self.problem)
        if now >= limit:
            self.finished = True
            return "the time is up"
        return None

    def stop(self) -> None:
        """No new session and no new turn from here on."""
        if not self.over.is_set() and self.recorder is not None:
            self.phase = "finishing"
            self.tick()
        self.over.set()

    def pay_off(self) -> None:
        """Clean up, once, whoever asks; a second caller waits until it is done."""
        with self._ashore:
            if self._ended is not None:
                return
            if self.crew is not None:
                self._progress.write(Phase("cleaning", 0, 1))
                self.crew.pay_off(lambda done, of: self._progress.write(Phase("cleaning", done, of)))
            seconds = self.recorder.now() if self.recorder else 0.0
            problem = self.problem
            self._ended = Ended(
                self.finished, seconds, str(problem) if problem else None, problem.exit_code if problem else None
            )
            self._progress.write(self._ended)
            self._progress.close()
            if self.recorder:
                self.recorder.close()


class Hand:
    """One user at work. `play` is one session; the pauses are spread, so that users do not march in step."""

    def __init__(self, voyage: Voyage, number: int, actor: LoadActor, chance: random.Random) -> None:
        self.voyage, self.number, self.actor, self._chance = voyage, number, actor, chance
        self._sessions = count(1)

    def wait_turn(self) -> bool:
        """The first wait: starts are spread evenly over one session's thinking time, or a quarter of the load's."""
        settings = self.voyage.settings
        spread = min(settings.duration / 4, max(settings.think * (settings.turns + 1), _VERIFY_SPREAD))
        return not self.voyage.over.wait(self._chance.uniform(0, spread))

    def think(self) -> bool:
        """A think time between half and one and a half of the one asked for. False: the load is over."""
        return not self.voyage.over.wait(self.voyage.settings.think * self._chance.uniform(0.5, 1.5))

    def play(self) -> None:
        voyage, recorder, crew = self.voyage, self.voyage.recorder, self.voyage.crew
        assert recorder is not None
        assert crew is not None
        key = f"{self.number}-{next(self._sessions)}"
        visit = Visit(key, crew.marker, crew.title(f"load {key}"), voyage.settings.turns)
        self.actor.client.session = key
        with self._told_if_cut(visit):
            record = session(self.actor, visit, self.think, gevent.sleep, recorder.now)
        recorder.session(record)
        self.actor.client.session = ""
        if record.refused and not record.turns:
            voyage.over.wait(max(REFUSED_REST, voyage.settings.think))
        else:
            self.think()

    @contextmanager
    def _told_if_cut(self, visit: Visit) -> Iterator[None]:
        """A session that is ended from outside leaves a record too; the ledger knows what it left on the target."""
        try:
            yield
        except BaseException as error:
            recorder = self.voyage.recorder
            assert recorder is not None
            why = "cut short" if isinstance(error, gevent.GreenletExit) else f"{type(error).__name__}: {error}"
            recorder.session(verdict(visit, recorder.now(), f"history not read: {why}", deleted=False))
            raise

    def leave(self) -> None:
        self.actor.client.settle()
        self.actor.client.close()


class Died(SeatrialError):
    """The target was there and is not any more."""


def _speakers(crew: Crew) -> list[Person]:
    """Who takes part: everyone, or the one account that sees a model where ordinary accounts see none."""
    if crew.speaker is None or crew.speaker is crew.people[0]:
        return crew.people
    crew.notes[:] = [f"ordinary accounts see no model: all sessions ran as {crew.speaker.account.label}"]
    return [crew.speaker]


def _mustered(crew: Crew, people: list[Person]) -> Mustered:
    accounts = [
        {"label": p.account.label, "role": p.account.role, "throwaway": p.account.throwaway}
        for p in [*people, *([crew.admin] if crew.admin else [])]
    ]
    deployment = crew.deployment
    return Mustered(
        crew.api,
        deployment.version,
        deployment.name,
        crew.contract.source,
        crew.model,
        crew.marker,
        accounts,
        list(crew.notes),
    )
