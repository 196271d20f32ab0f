"""Writes what happens under load, raw: one file of samples for each worker process.

Each line is flushed, so a killed run keeps all it had. The tallies are for progress and for noticing
that the target is gone; reports are made from the files.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from seatrial.exchange import NoAnswer, Reply
from seatrial.records import Recorder
from seatrial.samples import Aboard, Arrival, Integrity, Known, Pulse, Resent, Sample, Turned

if TYPE_CHECKING:
    from locust.event import EventHook

ERROR_LENGTH = 200
"""Characters of an error that a sample keeps."""


class LoadRecorder:
    """The records of one process. `now` are seconds since the load's start, the clock of every record."""

    def __init__(self, path: Path) -> None:
        self._file = Recorder(path)
        self.started = time.perf_counter()
        self.requests = self.failures = self.sessions = 0
        self.answered_at = 0.0
        self.unanswered = 0
        self.last_reason = ""

    def start(self) -> None:
        """From now on seconds are counted."""
        self.started = time.perf_counter()

    def now(self) -> float:
        return round(time.perf_counter() - self.started, 4)

    def request(
        self,
        at: float,
        user: int,
        session: str,
        operation: str,
        seconds: float,
        outcome: Reply | NoAnswer,
        error: str,
        connect: float | None = None,
        journey: str = "session",
    ) -> None:
        """`error` says why the answer is no use to the verb; "" when it is. `connect` are seconds."""
        answered = isinstance(outcome, Reply)
        self.requests += 1
        self.failures += bool(error)
        if isinstance(outcome, Reply):
            self.answered_at, self.unanswered = self.now(), 0
        else:
            self.unanswered += 1
            self.last_reason = outcome.reason
        self._file.write(
            Sample(
                at=round(at, 4),
                operation=operation,
                ms=round(seconds * 1000, 3),
                status=outcome.status if isinstance(outcome, Reply) else 0,
                ok=answered and not error,
                user=user,
                session=session,
                size=len(outcome.body) if isinstance(outcome, Reply) else 0,
                error=error[:ERROR_LENGTH],
                connect=None if connect is None else round(connect * 1000, 3),
                journey=journey,
            )
        )

    def tell(self, record: Aboard | Turned | Resent | Arrival | Known | Pulse) -> None:
        self._file.write(record)

    def session(self, record: Integrity) -> None:
        self.sessions += 1
        self._file.write(record)

    def close(self) -> None:
        self._file.close()


class Silent:
    """In place of a recorder, for requests that are none of the load's."""

    def now(self) -> float:
        return 0.0

    def request(self, *_: Any) -> None:
        """Nobody hears of it."""

    tell = request


class _Nobody:
    """In place of Locust, which is told of every request."""

    def fire(self, **_: Any) -> None:
        """Nobody listens."""


NOBODY = cast("EventHook", _Nobody())
