"""One user at work: journey after journey, with pauses as people make them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Protocol

import gevent
from gevent.event import Event

from load import stages
from load.journeys import JOURNEYS
from load.journeys.session import verdict
from load.locust_client import LoadActor
from load.part import Part, Visit
from load.recorder import LoadRecorder
from seatrial.crew import Crew
from seatrial.samples import Aboard
from seatrial.settings import Settings

REFUSED_REST = 1.0
"""Least pause of a user after a refused session, so that an overloaded target is not hammered."""


class Journeys(Protocol):
    """What says which journey comes next; see `mix`."""

    def choose(self, chance: random.Random) -> str: ...


class Ship(Protocol):
    """Where a hand works. `over` is set when nobody is to begin anything any more."""

    settings: Settings
    over: Event

    @property
    def recorder(self) -> LoadRecorder | None: ...
    @property
    def crew(self) -> Crew | None: ...
    @property
    def mix(self) -> Journeys: ...


class Hand:
    """`play` is one journey; the pauses are spread, so that users do not march in step."""

    def __init__(
        self,
        voyage: Ship,
        number: int,
        actor: LoadActor,
        chance: random.Random,
        seeded: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.voyage, self.number, self.actor, self._chance = voyage, number, actor, chance
        self._seeded = seeded or {}
        self._visits = count(1)

    def wait_turn(self) -> bool:
        """The first wait, after which this user is at work. False: the load is over before that."""
        settings, recorder = self.voyage.settings, self.voyage.recorder
        assert recorder is not None
        longest = stages.spread(stages.length(stages.of(settings)), settings.turns, settings.think)
        if self.voyage.over.wait(self._chance.uniform(0, longest)):
            return False
        recorder.tell(Aboard(recorder.now(), self.number))
        return True

    def think(self) -> bool:
        """A think time between half and one and a half of the one asked for. False: the load is over."""
        seconds = self.voyage.settings.think * self._chance.uniform(0.5, 1.5)
        return not (self.voyage.over.wait(seconds) if seconds else self.voyage.over.is_set())

    def play(self, *, rest: bool = True) -> None:
        """One journey of the mix, to its end; then a pause, where the user comes back (`rest`)."""
        voyage, recorder, crew = self.voyage, self.voyage.recorder, self.voyage.crew
        assert recorder is not None
        assert crew is not None
        key, journey = f"{self.number}-{next(self._visits)}", voyage.mix.choose(self._chance)
        visit = Visit(key, crew.marker, crew.title(f"load {key}"), voyage.settings.turns)
        line = self.actor.client
        line.session, line.journey = key, journey
        part = Part(
            visit=visit,
            actor=self.actor,
            line=line,
            contract=crew.contract,
            model=crew.model,
            pause=self.think,
            sleep=gevent.sleep,
            now=recorder.now,
            chance=self._chance,
            seeded=self._seeded,
        )
        with self._told_if_cut(visit):
            record = JOURNEYS[journey](part)
        recorder.session(record)
        line.session = ""
        if not rest:
            return
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
