"""Time as a test wants it: it stands still until somebody sleeps, or the test moves it."""

from __future__ import annotations


class Clock:
    """`clock()` is what a clock shows, in seconds."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
