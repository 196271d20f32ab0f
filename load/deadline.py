"""How long something may take, all in all: a limit for each read ends no answer that trickles.

deadline = Deadline(30.0)
with deadline: ...          # raises `Late` in it after so many seconds
"""

from __future__ import annotations

import gevent
from gevent import getcurrent


class Late(BaseException):
    """The time is up. Like gevent's own, it is no `Exception`: who handles those is not meant."""


class Deadline:
    """One timer for all requests of a user, of whom one is under way at a time; a new one for each costs more than it.

    Belongs to the thread that makes it.
    """

    def __init__(self, seconds: float) -> None:
        # After all that is ready in the same turn of the loop: what has come in time is not late.
        self._timer = gevent.get_hub().loop.timer(seconds, repeat=seconds, priority=-1)
        self._closed = False

    def __enter__(self) -> None:
        # Not `start`: a timer that was stopped goes on from there, with the seconds that were left.
        self._timer.again(getcurrent().throw, Late, update=True)

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        if self._closed:
            self._timer.close()

    def close(self) -> None:
        """No more of it, once what is inside has ended: that keeps its limit."""
        self._closed = True
        if not self._timer.active:
            self._timer.close()
