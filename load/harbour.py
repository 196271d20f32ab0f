"""The open loop: sessions start when they are due, whether others have ended or not.

A closed loop asks a slow server less often, and so never shows what its slowness does to people who come all the same.
Here the arrivals are drawn beforehand (`stages`), and each is served by somebody who is free, or by somebody new. How
late a session starts is recorded: beyond some milliseconds it is this process that is the limit, and not the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import gevent
from gevent.event import Event
from gevent.pool import Group

from load.hand import Hand
from seatrial.samples import Arrival

MOST_AT_ONCE = 5_000
"""Sessions of one process at the same time. What is due beyond is not started, and told."""


ENDING_SECONDS = 2.0
"""Whoever waits for all of them gets so much less time than he has, to end those who do not come."""


class Harbour:
    """Starts a session at each of the moments. `come_aboard` makes a new user; `tell` hears of each arrival."""

    def __init__(
        self,
        moments: Iterable[float],
        come_aboard: Callable[[], Hand],
        now: Callable[[], float],
        over: Event,
        tell: Callable[[Arrival], None],
    ) -> None:
        self._moments, self._come_aboard, self._now, self._over, self._tell = moments, come_aboard, now, over, tell
        self._free: list[Hand] = []
        self._all: list[Hand] = []
        self._away = Group()

    def open(self) -> None:
        """Until the last moment, or the call to end. Whoever is away then comes home by `close`."""
        for due in self._moments:
            if self._over.wait(max(0.0, due - self._now())):
                return
            started = len(self._away) < MOST_AT_ONCE
            self._tell(Arrival(round(due, 4), round((self._now() - due) * 1000, 3), started, len(self._away)))
            if started:
                self._away.start(gevent.Greenlet(self._voyage, self._free.pop() if self._free else self._new()))

    def close(self, seconds: float) -> None:
        """Wait for those who are away, and end who has not come by then."""
        self._away.join(max(0.0, seconds - ENDING_SECONDS))
        self._away.kill()
        for hand in self._all:
            hand.leave()

    def _new(self) -> Hand:
        hand = self._come_aboard()
        self._all.append(hand)
        return hand

    def _voyage(self, hand: Hand) -> None:
        hand.play(rest=False)
        self._free.append(hand)
