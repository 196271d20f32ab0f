"""One person at the target: an account, a way to send, and the six verbs as plain methods.

Journeys and lifecycle tests are written once, against an actor; what differs between the APIs and
between httpx and Locust's client stays behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from seatrial.contract import SESSIONS, Contract
from seatrial.exchange import Call, Reply, Steps, perform
from seatrial.openwebui import OpenWebUIVerbs
from seatrial.sessions import SessionVerbs
from seatrial.verbs import Message, Model, Session, Turn, Verbs

Result = TypeVar("Result")


def verbs_for(api: str, contract: Contract, model: str | None = None, patience: float = 120.0) -> Verbs:
    """The six verbs as an API speaks them. On Open WebUI `model` answers, and in `patience` seconds at the latest."""
    return SessionVerbs(contract) if api == SESSIONS else OpenWebUIVerbs(contract, model, patience)


class Actor:
    """One person at the target. `send` delivers a call with this person's credentials."""

    def __init__(
        self, verbs: Verbs, send: Callable[[Call], Reply], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.verbs, self.send, self._sleep = verbs, send, sleep

    def create_session(self, title: str = "") -> Session:
        return self._do(self.verbs.create_session(title))

    def send_message(self, session: Session | None, prompt: str) -> Turn:
        return self._do(self.verbs.send_message(session, prompt))

    def get_model_info(self) -> list[Model]:
        return self._do(self.verbs.get_model_info())

    def list_sessions(self) -> list[Session]:
        return self._do(self.verbs.list_sessions())

    def delete_session(self, session_id: str) -> None:
        self._do(self.verbs.delete_session(session_id))

    def get_history(self, session_id: str) -> list[Message]:
        return self._do(self.verbs.get_history(session_id))

    def _do(self, steps: Steps[Result]) -> Result:
        return perform(steps, self.send, self._sleep)
