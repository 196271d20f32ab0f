"""Tells a model that needs longer than the run waits from a deployment that does not answer.

    slowness.hear(...)              # each exchange: how long completions take
    slowness.explains(error)        # of what came too late: why it is the model, None where it is not

A plain completion that is late shows nothing of itself. So what was asked is asked again as a stream: where tokens flow
at the deadline, or the reply took a good part of the time, the model is slow. Where the whole reply is there at once,
the first one hung; where nothing comes, nothing answers. Either is for the rules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, NoReturn

from contract_tests.budget import ASKS_A_MODEL, BudgetSpent
from contract_tests.check import Checker
from contract_tests.log import Log
from contract_tests.streamed import OPERATION, Streamed, streamed
from seatrial.completions import form_of
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew
from seatrial.errors import SeatrialError
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected, Unfinished
from seatrial.target import Account

TIMES, MOST_TIMES = 3, 3
"""A completion may take so many times the longest one so far, and at most so many timeouts."""

SLOW_SHARE, NEARLY_SLOW = 0.5, 0.25
"""Of the time that there is: a stream that took this share, or earlier completions that share, speak for the model."""

ACKNOWLEDGED = ("background turns", "turns in a new chat")
"""Forms of request that are acknowledged before the model is asked."""


class Slower(BudgetSpent):
    """What was asked takes the model longer than the run waits: what needs the reply is skipped."""


class Slowness:
    """What is known of how long the model takes. `seen` says of what was too slow, "" while nothing was."""

    def __init__(self, crew: Crew, log: Log) -> None:
        self._crew, self._log, self._timeout = crew, log, crew.target.timeout
        self.longest = 0.0
        """Seconds of the longest completion that was answered."""
        self.seen = ""

    def hear(self, _account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        """Listen to one exchange: after a completion that took long, the next ones may take longer."""
        if call.operation not in ASKS_A_MODEL or not isinstance(outcome, Reply):
            return
        if outcome.status != 200 or outcome.cut or form_of(call.json) in ACKNOWLEDGED:
            return
        self.longest = max(self.longest, outcome.seconds)
        patience = min(TIMES * self.longest, MOST_TIMES * self._timeout)
        if patience > self._patience(call.operation):
            self._crew.be_patient([call.operation], patience)

    def explains(self, error: BaseException) -> str | None:
        """What to say of an answer that came too late, None where it is not the model that was slow."""
        call = self._late(error)
        if call is None:
            return None
        if self.seen:
            return self.seen
        longest, waited = self.longest, self._patience(call.operation)
        again = self._asked_again(call) if self._crew.api == OPENWEBUI else None
        if _is_slow(again, longest, waited):
            self.seen = self.words()
            return self.seen
        if not longest and again is not None and again.is_whole and not isinstance(error, Unfinished):
            # It may have had to be loaded. Should it happen again, the model is there, and it is a finding.
            return (
                f"slower than --timeout: the first reply took more than {self._timeout:g} s, and the next one did not"
            )
        return None

    def words(self) -> str:
        """What is said of a model that is too slow, with what to do about it."""
        waited = self._patience(OPERATION)
        return f"slower than --timeout: a reply was still being written after {waited:g} s; give a longer one"

    def _late(self, error: BaseException) -> Call | None:
        """The completion that was waited for in vain."""
        if isinstance(error, Unfinished):
            return self._log.trail.last(OPERATION)
        if isinstance(error, NoAnswer):
            call, late = error.call, error.reason.startswith("no answer within")
        elif isinstance(error, Unexpected):
            call, late = error.reply.call, error.reply.cut == "deadline"
        else:
            return None
        return call if late and call.operation in ASKS_A_MODEL else None

    def _patience(self, operation: str) -> float:
        return self._crew.patience.get(operation, self._timeout)

    def _asked_again(self, call: Call) -> Streamed | None:
        """The same as a stream; None where nothing of it came."""
        person = self._crew.speaker or self._crew.people[0]
        with contextlib.suppress(NoAnswer, Unexpected, SeatrialError, BudgetSpent):
            return streamed(self._crew, person, _prompt(call))
        return None


def _is_slow(again: Streamed | None, longest: float, waited: float) -> bool:
    """What the same as a stream says of a completion that did not come in `waited` seconds, after others that did."""
    if again is not None and again.is_too_slow:
        return True
    if again is not None and again.is_whole:
        return again.reply.seconds >= SLOW_SHARE * waited
    return longest >= NEARLY_SLOW * waited


def skip_too_slow(check: Checker, slowness: Slowness, looked_at: Iterable[tuple[str, str]]) -> NoReturn:
    """Name what cannot be looked at, by rule and operation, and leave the test. Raises `Slower`."""
    for rule, operation in looked_at:
        check.skip(rule, operation, slowness.words())
    raise Slower(slowness.words())


def _prompt(call: Call) -> str:
    """What a completion asked last."""
    messages: Any = call.json.get("messages") if isinstance(call.json, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    said = last.get("content") if isinstance(last, dict) else None
    return said if isinstance(said, str) else "Say yes."
