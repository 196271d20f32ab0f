"""Asks again what answered at the first contact: whether a target is still there, and still lets this run in.

What stands in front may shut an address out in the middle of a run: CrowdSec and fail2ban take odd requests for an
attack, others show a page that wants a browser. From then on everything is refused with a page, whatever was asked.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from contract_tests.budget import BudgetSpent, RunSpent
from contract_tests.limits import is_limit
from seatrial.client import Client
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew
from seatrial.errors import SeatrialError
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.parsing import parse
from seatrial.reading import held
from seatrial.target import Account

ALIVE_TRIES, ALIVE_PAUSE = 4, 1.5
REFUSED_TRIES = 2
"""One request in fifty may be refused by a fault: two in a row are not."""

SHUTS_OUT = (403, 406, 429, 503)
"""Statuses of pages with which an address is kept out."""


class ShutOut(RunSpent):
    """What stands in front takes nothing more from this address: the run ends."""


class Contact:
    """The first contact once more, as whoever made it. `before` may refuse to ask; `asked` hears that it was."""

    def __init__(
        self, crew: Crew, visitor: Account, before: Callable[[Account, Call], None], asked: Callable[[], None]
    ) -> None:
        self._crew, self._visitor, self._before, self._asked = crew, visitor, before, asked
        self.is_shut = False
        """It was found that nothing more is taken."""

    def is_alive(self) -> bool:
        """Whether the target still is what it was: of an Open WebUI, that it names its version."""
        for attempt in range(ALIVE_TRIES):
            if attempt:
                time.sleep(ALIVE_PAUSE)
            with contextlib.suppress(NoAnswer, SeatrialError):
                try:
                    reply = self._ask()
                except BudgetSpent:
                    return True  # it may not be asked; nothing says that it is dead
                if self._crew.api != OPENWEBUI or _names_version(reply) or is_limit(reply):
                    return True
        return False

    def demand(self, reply: Reply) -> None:
        """Of an answer that nobody expects: raises `ShutOut` where what answered at first is refused with a page too.

        Where only some operations are refused so, the answer is for the rules.
        """
        if not self.is_shut and not (is_limit(reply) or _is_page(reply)):
            return
        self.is_shut = self.is_shut or self._is_refused()
        if self.is_shut:
            raise ShutOut(
                f"what stands in front has shut this address out: {reply.call.operation} and what was answered at "
                f"first are refused with {reply.status}; let Seatrial's address through (CrowdSec, fail2ban, a WAF)"
            )

    def _is_refused(self) -> bool:
        for attempt in range(REFUSED_TRIES):
            if attempt:
                time.sleep(ALIVE_PAUSE)
            try:
                if not _is_page(self._ask()):
                    return False
            except (NoAnswer, SeatrialError, BudgetSpent):
                return False
        return True

    def _ask(self) -> Reply:
        operation = "getVersion" if self._crew.api == OPENWEBUI else "listSessions"
        target = self._crew.target
        with Client(target, self._visitor, before=self._before, on_exchange=lambda *_: self._asked()) as client:
            return client.send(self._crew.contract.call(operation), timeout=min(5, target.timeout))


def _names_version(reply: Reply) -> bool:
    if reply.status != 200 or not reply.is_json:
        return False
    with contextlib.suppress(ValueError):
        return isinstance(held(parse(reply.body), "version"), str)
    return False


def _is_page(reply: Reply) -> bool:
    """Whether an answer is a page that keeps somebody out."""
    return reply.status in SHUTS_OUT and reply.is_html
