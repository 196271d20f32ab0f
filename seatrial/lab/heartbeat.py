"""How late an event loop is: what comes while it is busy is seen that much later than it came.

heartbeat = Heartbeat()
heartbeat.begin()            # within the loop; a second time does nothing
heartbeat.late               # seconds, at this moment
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

BEAT = 0.02
"""Seconds between two looks."""

REMEMBERED = 5
"""Looks that count: what waited through a late one is seen together with it, or soon after."""


class Heartbeat:
    """One task that wakes again and again, and knows when it should have."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._lags: deque[float] = deque([0.0], maxlen=REMEMBERED)
        self._due = 0.0

    def begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._beat())

    @property
    def late(self) -> float:
        """The longest of the last waits beyond what was asked for, the present one among them."""
        waiting = time.monotonic() - self._due if self._due else 0.0
        return max(0.0, waiting, *self._lags)

    async def _beat(self) -> None:
        while True:
            self._due = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            self._lags.append(time.monotonic() - self._due)
