"""One load from the crew's muster to its pay-off, inside the Locust process.

Users come aboard, play sessions until the call to end, and finish the session they are in: no new turn
starts after it, the history is still checked and the session deleted, so that nothing is left.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from gevent.lock import RLock

from load import stages
from load.hand import Hand
from load.harbour import Harbour
from load.locust_client import LoadActor, LoadClient
from load.mix import Mix
from load.progress import Ended, Mustered, Phase, Progress
from load.recorder import LoadRecorder
from load.sampling import KEPT, Sampling
from load.seeding import Seed, fill
from load.selfcheck import SelfCheck
from load.share import Share
from seatrial.actor import verbs_for
from seatrial.client import tls_context
from seatrial.crew import Crew
from seatrial.errors import Inconclusive, SeatrialError
from seatrial.records import RunFolder
from seatrial.settings import Settings

if TYPE_CHECKING:  # importing Locust patches the whole process, which tests do not want
    from locust.event import EventHook

DEAD_SECONDS = 5.0
"""Without any answer for so long, while requests go out, the target counts as gone."""


class Voyage:
    """Everything that one load needs and makes."""

    def __init__(
        self,
        settings: Settings,
        folder: RunFolder,
        fired: EventHook,
        tell: Callable[[Progress], None],
        share: Share,
    ) -> None:
        self.settings, self.folder, self._fired, self._say, self.share = settings, folder, fired, tell, share
        self.crew: Crew | None = None
        self.recorder: LoadRecorder | None = None
        self._recorder: LoadRecorder | None = None
        self.check: SelfCheck | None = None
        self.problem: SeatrialError | None = None
        self.over = Event()
        self.finished = False
        self.phase = "accounts"
        self.stages = stages.of(settings)
        self.mix = Mix.parse(settings.mix)
        self.received = False
        self._seconds = 0.0
        self._aboard = count()
        self._seeds: dict[str, dict[str, list[str]]] = {}
        self._ashore = RLock()
        self._ended: Ended | None = None

    def muster(self) -> None:
        """Find out what the target is and gather the accounts. Raises `SeatrialError`."""
        self._say(Phase("accounts", 0, self.people))
        crew = Crew.muster(
            self.settings,
            self.folder.path,
            people=self.people,
            progress=lambda done, of: self._say(Phase("accounts", done, of)),
            marker=self.share.marker,
            part=self.share.part,
        )
        if crew.unreadable is not None and crew.model is None:
            crew.pay_off()
            raise Inconclusive(f"the list of models cannot be read: {crew.unreadable}")
        self.crew = crew
        self.mix.demand(crew.api)
        self._tls = tls_context(crew.target) if crew.target.url.startswith("https") else None
        speakers = crew.speakers()
        self._people = speakers if speakers[0].account.throwaway else self.share.among(speakers)
        self.mix.demand_accounts([person.account for person in self._people], self.people)
        self._say(Mustered.of(crew, self._people))
        self._fill()
        self._recorder = LoadRecorder(self.folder.path / "samples" / self.share.samples)
        kept = self.folder.path / KEPT / self.share.samples
        self.sampling = Sampling(kept, self._recorder.now, self.settings.headers.values())
        self.check = SelfCheck(self.settings.timeout, self._recorder, tls=self._tls is not None)
        self.check.begin()

    def begin(self) -> None:
        """From now on seconds are counted, and users come aboard."""
        assert self.check is not None
        assert self._recorder is not None
        self._recorder.start()
        self.recorder = self._recorder
        self.check.watch(self.over)
        self.phase = "running"

    def come_aboard(self) -> Hand:
        """The next user, as one of the accounts in turn."""
        assert self.crew is not None
        assert self.recorder is not None
        aboard = next(self._aboard)
        number = aboard * self.share.workers + self.share.worker + 1
        crew, account = self.crew, self._people[aboard % len(self._people)].account
        client = LoadClient(
            crew.target,
            account,
            number,
            self.recorder,
            self._fired,
            tls=self._tls,
            before=tuple(crew.before),
            after=(*crew.listeners, self.sampling.hear),
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
        return max(1, self.share.of(self.settings.users if self.is_open else stages.most(self.stages)))

    def is_wanted(self, number: int) -> bool:
        """Whether a user of this number (from 1) is at work now: stages go up and down."""
        assert self.recorder is not None
        return number <= math.ceil(stages.level(self.stages, self.recorder.now()))

    def open_harbour(self) -> Harbour:
        """The arrivals of this process, for an open loop."""
        assert self.recorder is not None
        moments = stages.arrivals(self.stages, self.settings.seed, self.share.worker, self.share.workers)
        return Harbour(moments, self.come_aboard, self.recorder.now, self.over, self.recorder.tell)

    def _fill(self) -> None:
        """Give every account the chats that it is to have before the load."""
        crew, seed = self.crew, Seed.of(self.settings, self.mix)
        assert crew is not None
        whole = seed.chats * len(self._people)
        done = 0

        def beat() -> None:
            self._say(Phase("filling", done, whole))

        for person, session_id, texts in fill(crew, self._people, seed, beat):
            self._seeds.setdefault(person.account.label, {})[session_id] = texts
            done += 1
            beat()

    def tick(self) -> str | None:
        """Once a second: tell how far it is. Returns why the load has to end, if it has to."""
        recorder = self.recorder
        if recorder is None:
            return None
        now, limit = recorder.now(), stages.length(self.stages)
        self._say(Phase(self.phase, min(now, limit), limit, recorder.requests, recorder.failures, recorder.sessions))
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
        if self.over.is_set():
            return
        self.over.set()
        if self.recorder is not None:
            self._seconds = self.recorder.now()
            self.phase = "finishing"
            self.tick()

    def pay_off(self) -> None:
        """Clean up, once, whoever asks; a second caller waits until it is done."""
        with self._ashore:
            if self._ended is not None:
                return
            if self.check is not None:
                with suppress(OSError, Inconclusive):
                    self.check.end()
            if self.crew is not None:
                self._cleaning(0, 1)
                self.crew.pay_off(self._cleaning)
            if self._recorder is not None:
                self._recorder.close()
                self.sampling.close()
            problem = self.problem
            self._ended = Ended(
                self.finished,
                self._seconds,
                str(problem) if problem else None,
                problem.exit_code if problem else None,
                problem.cause if problem else "",
            )
            self._say(self._ended)

    def _cleaning(self, done: int, of: int) -> None:
        with suppress(Inconclusive):  # a disk that is full keeps nobody from removing what was made
            self._say(Phase("cleaning", done, of))


class Died(SeatrialError):
    """The target was there and is not any more."""

    cause = "died"
