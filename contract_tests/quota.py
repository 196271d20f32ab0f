"""A model's provider may limit how often it is asked. Open WebUI passes its refusal on: that is no fault of either.

    quota = Quota(loopback=False, is_provoking=...)
    quota.takes(reply)        # whether an answer is such a refusal
    quota.later(error, 1)     # seconds after which a test that met one runs again

It is told with the provider's own status, up to 0.11.4 as 400, in the background as an error of the stored message,
and within a stream as an event. A completion that is stored nowhere is sent again. One that is stored has used up the
ids of its messages: Open WebUI has kept them with the error, and would refuse the repetition. So its test runs again.
Limits of providers are per minute: completions come at the pace of small ones then, and what is refused all the same
ends the run, which then proves nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from contract_tests.budget import BudgetSpent
from contract_tests.limits import Limited, is_limit, told_by
from seatrial.contract import OPENWEBUI
from seatrial.exchange import Call, Reply, Unexpected
from seatrial.openwebui import STORED_ERROR
from seatrial.target import Account
from seatrial.verbs import VERB_OPERATIONS

COMPLETION = VERB_OPERATIONS[OPENWEBUI]["send_message"]
"""The Session API has no words for it: there such a refusal is the deployment's own."""

PACES = (0.5, 1 / 6)
"""Completions a second after the first refusal and after the next ones: ten a minute is little even for a free plan."""

PAUSES = (5.0, 20.0, 40.0)
"""Seconds before each repetition where the refusal tells none: more than the minute that limits are counted by."""

LONGEST = 60.0
"""Seconds that are waited for at most. Who says to come back later than that means the limit of an hour or a day."""

MOST = 8
"""Refusals of one run that are waited for, those of the repetitions apart."""

_TELLS = re.compile(
    r"\brate.?limit|too many requests|(?<!disk )quota|resource.?exhausted|throttl|usage limit"
    r"|(?:code|status|error)\W{1,4}429\b",
    re.IGNORECASE,
)
"""Words with which providers refuse: OpenAI, Azure, Groq, Google, Anthropic, Mistral, Bedrock, Ollama, LiteLLM."""


class Refused(BudgetSpent):
    """The provider refused a turn that cannot be sent again: whoever wants it takes another one, later.

    `reply` says so where it is one that the run's `Quota` has counted.
    """

    def __init__(self, words: str, reply: Reply | None = None) -> None:
        self.reply = reply
        super().__init__(f"the model's provider limits requests: {words}")


class Quota:
    """Judges refusals of the provider and spaces completions. Threads may share it.

    While bad input `is_provoking` refusals, a call that cannot be repeated is left as it is, and nothing is held
    against it.
    """

    def __init__(
        self,
        *,
        loopback: bool,
        is_provoking: Callable[[], bool] = lambda: False,
        is_at_once: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._loopback, self._is_provoking, self._is_at_once = loopback, is_provoking, is_at_once
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._next = 0.0
        self._over = ""
        self.refusals = 0

    @property
    def pace(self) -> float | None:
        """Completions a second, None where none is held back."""
        return PACES[min(self.refusals, len(PACES)) - 1] if self.refusals else None

    def before(self, _account: Account, call: Call) -> None:
        """Wait for one's turn. Raises `Limited` once the provider takes no more."""
        if call.operation != COMPLETION:
            return
        with self._lock:
            if self._over:
                raise Limited(self._over)
            pace = self.pace
            if pace is None or self._is_at_once():
                return
            at = max(self._next, self._now())
            self._next = at + 1 / pace
            pause = at - self._now()
        self._sleep(max(pause, 0.0))

    def takes(self, reply: Reply) -> bool:
        """Whether an answer is a refusal of the provider, as far as its status and headers tell."""
        if reply.call.operation != COMPLETION or not is_limit(reply):
            return False
        # What stands in front answers with pages and plain words; on this machine nothing does.
        return reply.is_json or (self._loopback and not reply.is_html)

    def explains(self, reply: Reply) -> bool:
        """Whether an answer is a refusal of the provider, its body read: up to 0.11.4 it comes as a 400."""
        passed_on = reply.call.operation == COMPLETION and reply.status == 400 and reply.is_json
        return self.takes(reply) or (passed_on and tells_limit(reply.excerpt(2000)))

    def again(self, reply: Reply, number: int) -> float | None:
        """Of a refusal that it `takes`; see `seatrial.client.Again`. Raises `Refused` and `Limited`."""
        if self._is_at_once():
            return None
        if number == 1:
            self._count()
        if _keeps_ids(reply.call):
            if self._is_provoking():
                return None
            raise Refused(f"it refused a turn with {reply.status}", reply)
        return self._pause(reply, number)

    def later(self, error: Exception, number: int) -> float | None:
        """Of what a test met, for the nth time: seconds after which it runs again, None where that is no limit.

        Raises `Limited`.
        """
        if isinstance(error, Refused):
            reply, is_new = error.reply, error.reply is None
        elif isinstance(error, Unexpected) and self.explains_error(error):
            is_new = error.where == STORED_ERROR  # and the answer that it was told after is a 200
            reply = None if is_new else error.reply
        else:
            return None
        if is_new:
            self._count()
        return self._pause(reply, number)

    def hear(self, reply: Reply) -> None:
        """An answer with its body: a refusal that only its words tell slows the run, too."""
        if not self.takes(reply) and not self._is_at_once() and self.explains(reply):
            self._count()

    def notes(self) -> list[str]:
        """What a report says of it."""
        if not self.refusals:
            return []
        count = "once" if self.refusals == 1 else f"{self.refusals} times"
        pace = f"from then on the run asked for at most {60 * (self.pace or 0):g} completions a minute"
        return [
            f"the model's provider limits requests: it refused {count}, what it refused was asked again, and {pace}"
        ]

    def explains_error(self, error: Unexpected) -> bool:
        """Whether what a verb could not use is a refusal of the provider, told in the answer or in the chat."""
        told_in_chat = error.where == STORED_ERROR and error.reply.call.operation == COMPLETION
        return tells_limit(error.received) if told_in_chat else self.explains(error.reply)

    def _count(self) -> None:
        with self._lock:
            self.refusals += 1

    def _pause(self, reply: Reply | None, number: int) -> float:
        wanted = told_by(reply) if reply is not None else None
        if self.refusals > MOST:
            self._end(reply, f"has refused {self.refusals} times, however slowly it was asked")
        if number > len(PAUSES):
            self._end(reply, f"refused each of {number} tries")
        if wanted is not None and wanted > LONGEST:
            self._end(reply, f"asks to come back in {wanted:,.0f} s")
        return max(wanted, min(PAUSES)) if wanted is not None else PAUSES[number - 1]

    def _end(self, reply: Reply | None, why: str) -> None:
        asked = f" ({reply.call.operation} was answered {reply.status})" if reply else ""
        advice = "raise its limit, choose a model without one (--model), or try later"
        self._over = f"the model's provider limits requests: it {why}{asked}; {advice}"
        raise Limited(self._over)


def tells_limit(words: str) -> bool:
    """Whether an error is a provider's limit, in its words."""
    return _TELLS.search(words) is not None


def refuse(errors: list[str]) -> None:
    """Raises `Refused` where one of the errors that a turn or a stream tells is the provider's limit."""
    for error in errors:
        if tells_limit(error):
            raise Refused(error[:200])


def _keeps_ids(call: Call) -> bool:
    """Whether a call names the messages that it makes, which can be made once."""
    return isinstance(call.json, dict) and bool(call.json.get("id"))
