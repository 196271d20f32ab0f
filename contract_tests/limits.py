"""What stands in front may limit how often one address asks: such a refusal is no fault of what was asked.

    limits = Limits(loopback=False)
    crew.again, crew.before = limits.again, [limits.before, ...]

A refused call is sent again after the time that the refusal tells, and from then on the run asks more slowly. That is
what tells a limit from a fault: of somebody who asks slowly a limit refuses nothing, and what fails now and then fails
at any pace. So the first refusals are forgiven, each for a slower pace; one that comes at the slowest stands as what it
is, and every later one. A call that is refused each time it is repeated ends the run, which then proves nothing; but
of bad input such a refusal stands, since a server may stumble over it. What a model's provider refuses, see `quota`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from contract_tests.budget import ASKS_A_MODEL, RunSpent
from seatrial.exchange import Call, Reply
from seatrial.target import Account

PACES = (4.0, 0.8)
"""Requests a second after the first and after the second refusal; a limit of one a second is the lowest in use."""

REPEATS, MOST_REPEATED = 2, 20
"""Of one call, and of all calls once the run removes what it made."""

SHORTEST, LONGEST = 1.0, 5.0
"""Seconds before a repetition, whatever the refusal says; `SHORTEST` where it says nothing."""

LIMITED_ITSELF = ("signIn",)
"""Open WebUI itself refuses these with 429, for minutes."""

ON_LOOPBACK = False
"""On this machine nothing stands in front. Tests set it."""


class Limited(RunSpent):
    """What stands in front takes no more requests from here for now: the run ends."""


class Limits:
    """Judges refusals and spaces requests. Threads may share it.

    `at_once` is for calls that are to arrive together: they are neither spaced nor repeated. While bad input
    `is_provoking` refusals, no run ends of them.
    """

    def __init__(
        self,
        *,
        loopback: bool,
        is_provoking: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._active, self._is_provoking = not loopback or ON_LOOPBACK, is_provoking
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._next = 0.0
        self._together = self._over = False
        self._in_one_go = 0
        self.refusals = 0
        self.repeated = 0
        self.closed = False
        """Nothing ends the run now: it removes what it made, or has not begun."""

    @property
    def is_fault(self) -> bool:
        """Whether refusals came at every pace, so that no limit explains them."""
        return self.refusals > len(PACES)

    @property
    def pace(self) -> float | None:
        """Requests a second, None where nothing is held back."""
        return None if self.is_fault or not self.refusals else PACES[self.refusals - 1]

    def before(self, _account: Account, _call: Call) -> None:
        """Wait for one's turn."""
        with self._lock:
            pace = self.pace
            self._in_one_go += self._together
            if pace is None or self._together:
                return
            at = max(self._next, self._now())
            self._next = at + 1 / pace
            pause = at - self._now()
        self._sleep(max(pause, 0.0))

    def again(self, _account: Account, reply: Reply, number: int) -> float | None:
        """See `seatrial.client.Again`. Raises `Limited` for a call that was refused each time."""
        if not self._active or self._together or not self._is_limit(reply):
            return None
        with self._lock:
            self.refusals += number == 1 and not self._over
            if self.is_fault or (self.closed and (number > REPEATS or self.repeated >= MOST_REPEATED)):
                return None
            if number > REPEATS and self._is_provoking() and not self._over:
                return None  # generated requests are the densest part of a run; what slowness does not help is no limit
            if self._over or number > REPEATS:
                self._over = True
                raise Limited(self._told(reply, number))
            self.repeated += 1
            return pause_of(reply)

    def explains(self, reply: Reply) -> bool:
        """Whether a refusal may be one of a limit in front."""
        return self._active and not self.is_fault and is_limit(reply)

    def excuses(self, reply: Reply) -> bool:
        """Whether no rule says anything of an answer: it was repeated, was one of several at once, or ended the run."""
        return reply.repeated or ((self._together or self._over) and self.explains(reply))

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Calls that are to arrive together."""
        self._together, self._in_one_go = True, 0
        try:
            yield
        finally:
            self._together = False
            if self.pace:  # what came at once has used up what a limit allows; it recovers as at the pace of the run
                self._next = self._now() + self._in_one_go / self.pace

    def notes(self) -> list[str]:
        """What a report says of it."""
        if not self.refusals:
            return []
        if self.is_fault:
            slowest = f"requests were refused with 429 or 503 at {PACES[-1]:g} a second too"
            return [f"{slowest}: that is no limit of what stands in front, and those refusals count"]
        count = "one was" if self.repeated == 1 else f"{self.repeated} were"
        pace = f"from then on the run asked at most {self.pace:g} a second"
        return [f"what stands in front limits requests: {count} refused and sent again, and {pace}"]

    @property
    def is_at_once(self) -> bool:
        """Whether calls are to arrive together now."""
        return self._together

    def _is_limit(self, reply: Reply) -> bool:
        return reply.call.operation not in LIMITED_ITSELF and is_limit(reply)

    def _told(self, reply: Reply, number: int) -> str:
        wait = reply.headers.get("retry-after", "")[:40]
        of_model = reply.call.operation in ASKS_A_MODEL and reply.is_json  # what asks one passes its refusal on
        who = "the model's provider" if of_model else "what stands in front"
        later = f", which asks to come back later (Retry-After: {wait})" if wait else ""
        return (
            f"{who} limits requests: {reply.call.operation} was answered {reply.status} {number} times, "
            f"{pause_of(reply):g} s apart{later}; raise the limit for Seatrial's address, or try when it is idle"
        )


def is_limit(reply: Reply) -> bool:
    """Whether a refusal is one of those with which limits answer. RFC 6585, RFC 9110 10.2.3; nginx's limit_req."""
    if reply.status == 503:
        own_page = reply.media_type == "text/html" and reply.headers.get("server", "").lower().startswith("nginx")
        return "retry-after" in reply.headers or own_page
    return reply.status == 429


def pause_of(reply: Reply) -> float:
    """Seconds until the call may be sent again, within bounds."""
    return min(max(told_by(reply) or SHORTEST, SHORTEST), LONGEST)


def told_by(reply: Reply) -> float | None:
    """Seconds until somebody is to come back, None where that is not told: `Retry-After` is seconds or a date."""
    told = reply.headers.get("retry-after", "").strip()
    try:
        return float(told) if told.isdecimal() else (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
