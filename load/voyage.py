"""One load from the crew's muster to its pay-off, inside the Locust process.

Users come aboard, play sessions until the call to end, and finish the session they are in: no new turn
starts after it, the history is still checked and the session deleted, so that nothing is left.
"""

from __future__ import annotations

import math
import random
from contextlib import suppress
from itertools import count

import gevent
from gevent.event import Event
from gevent.lock import RLock
from locust.event import EventHook

from load import stages
from load.delivery import Streamed
from load.hand import Hand
from load.harbour import Harbour
from load.locust_client import LoadActor, LoadClient
from load.mix import Mix
from load.progress import FILE, Ended, Mustered, Phase
from load.recorder import LoadRecorder, Silent
from load.seeding import Seed, fill
from load.selfcheck import SelfCheck
from seatrial.actor import verbs_for
from seatrial.client import tls_context
from seatrial.crew import Crew
from seatrial.errors import Inconclusive, SeatrialError
from seatrial.exchange import Call
from seatrial.records import Recorder, RunFolder
from seatrial.settings import Settings
from seatrial.target import ANONYMOUS, Target

DEAD_SECONDS = 5.0
"""Without any answer for so long, while requests go out, the target counts as gone."""


class Voyage:
    """Everything that one load needs and makes."""

    def __init__(self, settings: Settings, folder: RunFolder, fired: EventHook) -> None:
        self.settings, self.folder, self._fired = settings, folder, fired
        self.crew: Crew | None = None
        self.recorder: LoadRecorder | None = None
        self.check: SelfCheck | None = None
        self.problem: SeatrialError | None = None
        self.over = Event()
        self.finished = False
        self.phase = "accounts"
        self._progress = Recorder(folder.path / FILE)
        self.stages = stages.of(settings)
        self.mix = Mix.parse(settings.mix)
        self.worker, self.workers = 0, 1
        self.received = False
        self._aboard = count()
        self._seeds: dict[str, dict[str, list[str]]] = {}
        self._ashore = RLock()
        self._ended: Ended | None = None

    def muster(self) -> None:
        """Find out what the target is and gather the accounts. Raises `SeatrialError`."""
        self._progress.write(Phase("accounts", 0, self.people))
        crew = Crew.muster(
            self.settings,
            self.folder.path,
            people=self.people,
            progress=lambda done, of: self._progress.write(Phase("accounts", done, of)),
        )
        if crew.unreadable is not None and crew.model is None:
            crew.pay_off()
            raise Inconclusive(f"the list of models cannot be read: {crew.unreadable}")
        self.crew = crew
        self.mix.demand(crew.api)
        self._tls = tls_context(crew.target) if crew.target.url.startswith("https") else None
        self._people = crew.speakers()
        self._progress.write(Mustered.of(crew, self._people))
        self._fill()
        self.recorder = LoadRecorder(self.folder.path)
        self.check = SelfCheck(self._ask_known, self.recorder)
        self.check.begin()
        self.recorder.start()
        self.check.watch(self.over)
        self.phase = "running"

    def _ask_known(self, url: str, call: Call) -> Streamed:
        """The server of known timing, asked by a client like those of the users."""
        known = Target(url, timeout=self.settings.timeout)
        client = LoadClient(known, ANONYMOUS, 0, Silent(), EventHook())  # type: ignore[no-untyped-call]
        try:
            return client.stream(call)
        finally:
            client.close()

    def come_aboard(self) -> Hand:
        """The next user, as one of the accounts in turn."""
        assert self.crew is not None
        assert self.recorder is not None
        number = next(self._aboard) * self.workers + self.worker + 1
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
        chance = random.Random(f"{self.settings.seed}-{number}")
        return Hand(self, number, actor, chance, self._seeds.get(account.label))

    @property
    def is_open(self) -> bool:
        """Whether sessions start when they are due, and not when a user is free."""
        return self.stages[0].rate

    @property
    def people(self) -> int:
        """Accounts that are wanted: one for each user, and in an open loop for as many as may be at work at once."""
        return self.settings.users if self.is_open else math.ceil(stages.most(self.stages))

    def is_wanted(self, number: int) -> bool:
        """Whether a user of this number (from 1) is at work now: stages go up and down."""
        assert self.recorder is not None
        return number <= math.ceil(stages.level(self.stages, self.recorder.now()))

    def open_harbour(self) -> Harbour:
        """The arrivals of this process, for an open loop."""
        assert self.recorder is not None
        moments = stages.arrivals(self.stages, self.settings.seed, self.worker, self.workers)
        return Harbour(moments, self.come_aboard, self.recorder.now, self.over, self.recorder.tell)

    def _fill(self) -> None:
        """Give every account the chats that it is to have before the load."""
        crew, seed = self.crew, Seed.of(self.settings, self.mix)
        assert crew is not None
        whole = seed.chats * len(self._people)
        for done, (person, session_id, texts) in enumerate(fill(crew, self._people, seed), 1):
            self._seeds.setdefault(person.account.label, {})[session_id] = texts
            self._progress.write(Phase("filling", done, whole))

    def tick(self) -> str | None:
        """Once a second: tell how far it is. Returns why the load has to end, if it has to."""
        recorder = self.recorder
        if recorder is None:
            return None
        now, limit = recorder.now(), stages.length(self.stages)
        self._progress.write(
            Phase(self.phase, min(now, limit), limit, recorder.requests, recorder.failures, recorder.sessions)
        )
        silence = now - recorder.answered_at
        if recorder.unanswered >= min(10, 2 * self.people) and silence > DEAD_SECONDS:
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
            if self.check is not None:
                with suppress(OSError, Inconclusive):
                    self.check.end()
            if self.crew is not None:
                self._progress.write(Phase("cleaning", 0, 1))
                self.crew.pay_off(lambda done, of: self._progress.write(Phase("cleaning", done, of)))
            seconds = self.recorder.now() if self.recorder else 0.0
            problem = self.problem
            self._ended = Ended(
                self.finished,
                seconds,
                str(problem) if problem else None,
                problem.exit_code if problem else None,
                "died" if isinstance(problem, Died) else "",
            )
            self._progress.write(self._ended)
            self._progress.close()
            if self.recorder:
                self.recorder.close()


class Died(SeatrialError):
    """The target was there and is not any more."""
