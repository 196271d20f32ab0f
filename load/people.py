"""From registered people to sessions at the same time, by Little's law, with every assumption said.

Need(people=500, chats_per_hour=4, peak=0.3).sessions(seconds=55)     # 9.2 at the same time
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """`people` are registered; in the busiest hour the share `peak` of them begins `chats_per_hour` chats each."""

    people: int
    chats_per_hour: float
    peak: float

    @property
    def rate(self) -> float:
        """Chats that begin in a second of the busiest hour."""
        return self.people * self.peak * self.chats_per_hour / 3600

    def sessions(self, seconds: float) -> float:
        """How many are under way at the same time on average when each takes so long: L = rate x time (Little)."""
        return self.rate * seconds

    def told(self, seconds: float) -> str:
        """The arithmetic, so that somebody can put other numbers in."""
        return (
            f"{self.people:,} people, of whom {self.peak:.0%} begin {self.chats_per_hour:g} chats each in the busiest "
            f"hour, make {rounded(3600 * self.rate)} chats in that hour; each takes {rounded(seconds)} s as measured, "
            f"thinking included; that comes to {spoken(self.sessions(seconds))} at the same time, on average (Little's "
            "law: L = rate x time). Chats are taken to begin evenly within that hour; where they come in waves, more "
            "are under way"
        )


def spoken(sessions: float) -> str:
    """How many sessions, as people say it: nobody has a hundredth of one."""
    if sessions < 1:
        return "fewer than 1 session"
    shown = rounded(sessions)
    return f"{shown} session{'' if shown == '1' else 's'}"


def rounded(number: float) -> str:
    """To a tenth, from a hundred on to a whole: 9.2, 60, 1,250."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}".removesuffix(".0")
