"""One of the two targets of a comparison: who works there, and what is played there in a block.

    side = Side("a", settings, folder, over)
    side.muster(); side.play(["session", ...]); side.pay_off()

It is what a `Hand` calls its ship. Nothing here imports Locust, and everything runs under a patched gevent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import gevent
from gevent.event import Event

from load.hand import Hand
from load.locust_client import LoadActor, LoadClient
from load.mix import Mix
from load.progress import FILE, Mustered
from load.recorder import NOBODY, LoadRecorder
from load.seeding import Seed, fill
from seatrial.actor import verbs_for
from seatrial.client import tls_context
from seatrial.crew import Crew
from seatrial.errors import Inconclusive
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.records import Recorder, RunFolder
from seatrial.settings import Settings


class Planned:
    """The journeys of a block, each played once by whoever is free."""

    def __init__(self, journeys: Sequence[str]) -> None:
        self.left = list(journeys)

    def choose(self, _: random.Random) -> str:
        return self.left.pop()


class Side:
    """`folder` is that of the side alone; `over` ends everything, and is shared with the other one.

    Where one of them is reached over TLS, under which the kernel stamps nothing, neither is `stamped`: what is read
    late has to be late on both sides alike.
    """

    def __init__(self, letter: str, settings: Settings, folder: RunFolder, over: Event, stamped: bool = True) -> None:
        self.letter, self.settings, self.folder, self.over, self._stamped = letter, settings, folder, over, stamped
        self.crew: Crew | None = None
        self.recorder: LoadRecorder | None = None
        self.mix = Planned(())
        self.died = ""
        self._hands: list[Hand] = []

    def muster(self, progress: Callable[[int, int], None]) -> None:
        """Gather the accounts and their connections. Raises `WrongUse` and `Inconclusive`."""
        mix = Mix.parse(self.settings.mix)
        crew = Crew.muster(self.settings, self.folder.path, people=self.settings.users, progress=progress)
        self.crew = crew
        if crew.unreadable is not None and crew.model is None:
            raise Inconclusive(f"{crew.target.url}: the list of models cannot be read: {crew.unreadable}")
        mix.demand(crew.api)
        people = crew.speakers()
        mix.demand_accounts([person.account for person in people], self.settings.users)
        told = Recorder(self.folder.path / FILE)
        told.write(Mustered.of(crew, people))
        told.close()
        self.recorder = LoadRecorder(self.folder.path / "samples" / "load.jsonl")
        seeds: dict[str, dict[str, list[str]]] = {}
        users = self.settings.users
        for person, session, texts in fill(crew, people, Seed.of(self.settings, mix), lambda: progress(users, users)):
            seeds.setdefault(person.account.label, {})[session] = texts
        tls = tls_context(crew.target) if crew.target.url.startswith("https") else None
        for number in range(1, self.settings.users + 1):
            account = people[(number - 1) % len(people)].account
            client = LoadClient(
                crew.target,
                account,
                number,
                self.recorder,
                NOBODY,
                tls=tls,
                before=tuple(crew.before),
                after=tuple(crew.listeners),
                stamped=self._stamped,
            )
            actor = LoadActor(verbs_for(crew.api, crew.contract, crew.model), client, gevent.sleep)
            # Both sides think equally long.
            chance = random.Random(f"{self.settings.seed}-{number}")
            self._hands.append(Hand(self, number, actor, chance, seeds.get(account.label)))

    def wake(self) -> None:
        """Open what the server has closed while the other side was at work. What is asked here is not counted."""
        gevent.joinall([gevent.spawn(_ask, hand) for hand in self._hands])

    def play(self, journeys: Sequence[str]) -> None:
        """Play all of these, as many at a time as there are users. Raises `Inconclusive` where the target is gone."""
        self.mix = Planned(journeys)
        gevent.joinall([gevent.spawn(self._work, hand) for hand in self._hands], raise_error=True)
        if self.died:
            raise Inconclusive(self.died)

    def _work(self, hand: Hand) -> None:
        assert self.recorder is not None
        while self.mix.left and not self.over.is_set() and not self.died:
            hand.play(rest=False)
            if self.recorder.unanswered >= max(4, 2 * len(self._hands)):
                self.died = (
                    f"{self.letter.upper()} ({self.settings.url}) stopped answering: {self.recorder.last_reason}"
                )

    def pay_off(self, progress: Callable[[int, int], None]) -> list[str]:
        """Remove what was made. Returns what is left, one line each."""
        for hand in self._hands:
            hand.leave()
        left = self.crew.pay_off(progress) if self.crew is not None else []
        if self.recorder is not None:
            self.recorder.close()
        return left


def _ask(hand: Hand) -> None:
    try:
        hand.actor.get_model_info()
    except (Unexpected, NoAnswer):
        return  # the block will show
