"""What a verification may cost its target: requests, waiting, completions and tokens, each with a bound said before.

Completions cost money, so what needs more of them is skipped. A run that has spent its requests or its patience
is over: a healthy target comes nowhere near, and from one that pages, redirects or dawdles for ever nothing more is
learnt. Removing what the run made is never refused, and not counted here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.target import Account

ASKS_A_MODEL = frozenset({"createChatCompletion", "sendMessage"})

PER_SECOND = 4.0
"""Completions, at most at this rate against anything but loopback."""

PROMPT_CHARACTERS = 6_500
"""No prompt of the suite is longer; long texts go through chats, which no model reads."""

CHARACTERS_A_TOKEN = 4
"""What a token of a plain reply is taken for; an event of a stream is taken for one token."""


@dataclass(frozen=True)
class Bounds:
    """At most so much in one run. `timeouts` is how often it may wait as long as it waits for one answer."""

    requests: int
    completions: int
    reply_tokens: int
    timeouts: int


BOUNDS = {"quick": Bounds(3_000, 80, 200_000, 60), "full": Bounds(9_000, 240, 600_000, 180)}
"""By depth."""


class BudgetSpent(Exception):
    """The run has asked a model for as much as it may; what needs more is skipped."""


class RunSpent(BudgetSpent):
    """The run has asked for as much as it may, or waited as long: it is over."""


class Budget:
    """Counts calls before they are sent and what came of them, and spaces completions. Threads may share it."""

    def __init__(self, depth: str, *, loopback: bool = True, timeout: float = 30.0) -> None:
        self.bounds, self.loopback, self.timeout = BOUNDS[depth], loopback, timeout
        self.requests = self.completions = self.prompt_characters = self.reply_tokens = 0
        self.waited = 0.0
        self.closed = False
        """From now on everything is let through, uncounted: the run removes what it made."""
        self._next = 0.0
        self._lock = threading.Lock()

    @property
    def patience(self) -> float:
        """Seconds of waiting for answers, all in all."""
        return self.bounds.timeouts * self.timeout

    def before(self, _account: Account, call: Call) -> None:
        """Raises `BudgetSpent`, and `RunSpent` when nothing more may be sent at all."""
        if self.closed:
            return
        with self._lock:
            if self.requests >= self.bounds.requests:
                raise RunSpent(f"the run's {self.bounds.requests:,} requests are spent")
            if self.waited >= self.patience:
                raise RunSpent(f"the run has waited {self.waited:,.0f} s for answers; more is not worth it (--timeout)")
            pause = self._ask(call) if call.operation in ASKS_A_MODEL else 0.0
            self.requests += 1
        time.sleep(pause)

    def _ask(self, call: Call) -> float:
        """Count a completion. Returns how long it has to wait for its turn."""
        if self.completions >= self.bounds.completions:
            raise BudgetSpent(f"the run's {self.bounds.completions} completions are spent")
        if self.reply_tokens >= self.bounds.reply_tokens:
            raise BudgetSpent(f"the replies have come to about {self.reply_tokens:,} tokens, which is enough")
        characters = prompt_characters(call)
        if characters > PROMPT_CHARACTERS:
            raise BudgetSpent(f"a prompt of {characters:,} characters is longer than any should be")
        self.completions += 1
        self.prompt_characters += characters
        if self.loopback:
            return 0.0
        now = time.monotonic()
        at = max(self._next, now)
        self._next = at + 1 / PER_SECOND
        return at - now

    def after(self, _account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        """Hear what came of a call; see `seatrial.client`."""
        if self.closed:
            return
        with self._lock:
            self.waited += outcome.seconds
            if call.operation in ASKS_A_MODEL and isinstance(outcome, Reply):
                self.reply_tokens += tokens(outcome)

    def announcement(self) -> str:
        """The bounds, as they are told before a run."""
        bounds, rate = self.bounds, "" if self.loopback else f", at most {PER_SECOND:g} a second"
        return (
            f"at most {bounds.requests:,} requests, {self.patience / 60:,.3g} minutes of waiting for answers and "
            f"{bounds.completions} completions{rate}, each with a prompt of at most {PROMPT_CHARACTERS:,} characters; "
            f"none is asked for once replies come to {bounds.reply_tokens:,} tokens"
        )

    def counts(self) -> dict[str, int]:
        return {
            "requests": self.requests,
            "completions": self.completions,
            "prompt_characters": self.prompt_characters,
            "reply_tokens": self.reply_tokens,
        }

    def told(self) -> dict[str, int]:
        """The bounds, as `run.json` keeps them."""
        prompts = self.bounds.completions * PROMPT_CHARACTERS
        return asdict(self.bounds) | {"prompt_characters": prompts, "waiting_seconds": round(self.patience)}


def prompt_characters(call: Call) -> int:
    """Characters that a model is given to read by a call: its messages or its prompt, whatever their shape."""
    if call.raw is not None:
        return len(call.raw)
    if not isinstance(call.json, Mapping):
        return 0
    return sum(_characters(call.json.get(name)) for name in ("messages", "prompt"))


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, (list, tuple)) else 0


def tokens(reply: Reply) -> int:
    """About how many tokens a reply cost: events of a stream, or its characters by four."""
    if reply.media_type == "text/event-stream":
        return reply.body.count(b"data:")
    return len(reply.body) // CHARACTERS_A_TOKEN
