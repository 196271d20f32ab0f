"""What a verification may ask of a model: completions cost money, so their number and rate are bounded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from seatrial.exchange import Call
from seatrial.target import Account

COMPLETIONS = {"quick": 80, "full": 240}
"""At most this many in one run, by depth."""

PER_SECOND = 4.0
"""At most this rate against anything but loopback."""

PROMPT_CHARACTERS = 6_500
"""No prompt of the suite is longer; long texts go through chats, which no model reads."""

ASKS_A_MODEL = frozenset({"createChatCompletion", "sendMessage"})


class BudgetSpent(Exception):
    """The run has asked for as many completions as it may; what needs more is skipped."""


@dataclass
class Budget:
    """Counts completions before they are sent, and spaces them."""

    depth: str
    loopback: bool = True
    spent: int = 0
    _next: float = field(default=0.0)

    @property
    def limit(self) -> int:
        return COMPLETIONS[self.depth]

    def before(self, _account: Account, call: Call) -> None:
        """Raises `BudgetSpent`."""
        if call.operation not in ASKS_A_MODEL:
            return
        if self.spent >= self.limit:
            raise BudgetSpent(f"the run's {self.limit} completions are spent")
        self.spent += 1
        if not self.loopback:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + 1 / PER_SECOND

    def announcement(self) -> str:
        rate = "" if self.loopback else f", at most {PER_SECOND:g} a second"
        return f"at most {self.limit} completions{rate}, each with a prompt of at most {PROMPT_CHARACTERS} characters"
