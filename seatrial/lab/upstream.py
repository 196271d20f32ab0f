"""The Session API's six operations in front of a real Open WebUI: a session is a chat, and nothing is kept here.

    create_app(contract, upstream=Upstream.reach(settings))

Whoever calls with credentials of their own works with those; everybody else as the account that was given.
"""

from __future__ import annotations

import re
import ssl
import threading
from dataclasses import replace
from typing import Any, TypeVar

from seatrial.accounts import choose_model, given_accounts, known_by_token
from seatrial.client import Client, tls_context
from seatrial.contract import OPENWEBUI, Contract
from seatrial.errors import SeatrialError, WrongUse
from seatrial.exchange import Call, NoAnswer, Steps, Unexpected, perform
from seatrial.lab.kept import MISSING, WRONG_CREDENTIALS, Refused
from seatrial.openwebui import OpenWebUIVerbs
from seatrial.probe import probe
from seatrial.settings import Settings
from seatrial.target import Account, Target
from seatrial.verbs import Message, Session, Turn

Result = TypeVar("Result")
TITLE = "New Chat"  # what the web app calls a chat without a name
# What no chat id looks like is not passed on: an empty one, or a dot that a client resolves away, would turn the
# removal of one chat into the removal of all. The chat that nobody has is asked for in its place.
CHAT_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
NOBODYS = "00000000-0000-0000-0000-000000000000"


class Upstream:
    """A deployment and the account to work as; `account` is None where only callers with credentials are served."""

    def __init__(
        self, target: Target, contract: Contract, account: Account | None = None, model: str | None = None
    ) -> None:
        self.target, self.contract, self.account, self.model = target, contract, account, model
        self.tls: ssl.SSLContext | None = tls_context(target) if target.url.startswith("https") else None
        self.models: dict[str | None, str] = {}  # by token: what is visible differs between accounts
        # Turns of one chat go one after the other: each continues the message that is the last when it starts.
        self._turns = [threading.Lock() for _ in range(64)]

    @classmethod
    def reach(cls, settings: Settings) -> Upstream:
        """First contact and sign-in. Raises `WrongUse` for bad credentials, `Inconclusive` without an Open WebUI."""
        if len(settings.token) + len(settings.account) > 1:
            raise WrongUse("--upstream works as one account: give one --token or one --account")
        whole, target = Contract.load(settings.contract), settings.target()
        with Client(target) as client:
            version = probe(client, whole, OPENWEBUI).version
        target = replace(target, api=OPENWEBUI, version=version)
        upstream = cls(target, whole.at(version), None, settings.model)
        # An administrator named in the environment is for throwaway accounts, and none is made here.
        people = replace(settings, admin=None, admin_token=None)
        accounts, _ = given_accounts(people, upstream.contract, upstream.connect)
        if accounts:
            upstream.account = accounts[0]
            desk = upstream.admit(None)
            upstream.models[accounts[0].token] = choose_model(desk.visible(), settings.model, accounts[0].email or "it")
        return upstream

    def connect(self, account: Account) -> Client:
        return Client(self.target, account, tls=self.tls)

    def admit(self, token: str | None) -> CallersDesk:
        if token is None and self.account is not None:
            return CallersDesk(self, self.account)
        if not token or not token.isascii():
            needed = "Credentials of an Open WebUI account are needed here."
            raise Refused(401, needed if token is None else WRONG_CREDENTIALS)
        return CallersDesk(self, Account("caller", token))

    def turn(self, chat_id: str) -> threading.Lock:
        return self._turns[hash(chat_id) % len(self._turns)]


class CallersDesk:
    """The six operations as one account of the deployment. A client per request: threads share none."""

    def __init__(self, upstream: Upstream, account: Account) -> None:
        self._upstream, self._account = upstream, account
        self._verbs = OpenWebUIVerbs(upstream.contract, upstream.models.get(account.token))

    def create(self) -> dict[str, Any]:
        self._choose_model()
        return _shown(self._do(self._verbs.create_session(TITLE)))

    def sessions(self) -> dict[str, Any]:
        # Open WebUI puts first what was changed last; here it is what was made last.
        chats = sorted(self._do(self._verbs.list_sessions()), key=lambda chat: -(chat.created_at or 0))
        return {"sessions": [_shown(chat) for chat in chats]}

    def send(self, prompt: str, session_id: str | None) -> dict[str, Any]:
        self._choose_model()
        if session_id is None:
            turn = self._do(self._verbs.send_message(None, prompt))
        else:
            chat_id = _chat(session_id)
            with self._upstream.turn(chat_id):
                turn = self._do(self._continued(chat_id, prompt))
        return {"reply": turn.reply, "model": turn.model, "session_id": session_id}

    def history(self, session_id: str) -> dict[str, Any]:
        messages = self._do(self._verbs.get_history(_chat(session_id)))
        return {"session_id": session_id, "messages": [_said(message) for message in messages]}

    def delete(self, session_id: str) -> dict[str, Any]:
        self._do(self._verbs.delete_session(_chat(session_id)))
        return {"deleted": True, "id": session_id}

    def model(self) -> dict[str, Any]:
        """Open WebUI tells no version of a model; the release that serves it stands in."""
        return {"name": self._choose_model(), "version": self._upstream.target.version}

    def visible(self) -> list[str]:
        return [model.id for model in self._do(self._verbs.get_model_info()) if not model.hidden]

    def _choose_model(self) -> str:
        if self._verbs.model is None:
            try:
                self._verbs.model = choose_model(self.visible(), self._upstream.model, "this account")
            except SeatrialError as error:
                raise Refused(502, str(error)) from None
            self._upstream.models[self._account.token] = self._verbs.model
        return self._verbs.model

    def _continued(self, chat_id: str, prompt: str) -> Steps[Turn]:
        history = yield from self._verbs.get_history(chat_id)
        tip = history[-1].id if history else None
        return (yield from self._verbs.send_message(Session(chat_id, tip=tip), prompt))

    def _do(self, steps: Steps[Result]) -> Result:
        try:
            with self._upstream.connect(self._account) as client:
                try:
                    return perform(steps, client.send)
                except Unexpected as error:
                    raise self._refusal(client, error) from None
        except NoAnswer as failure:
            raise Refused(502, f"Open WebUI does not answer: {failure.reason}") from None
        except SeatrialError as error:
            raise Refused(502, str(error)) from None

    def _refusal(self, client: Client, error: Unexpected) -> Refused:
        reply = error.reply
        if reply.status == 404 and reply.is_json and _names_a_chat(reply.call):
            return Refused(404, MISSING)
        if reply.status in (401, 403):
            # A chat that is missing and a token that is wrong get the same 401: the token alone tells which it is.
            if reply.call.operation == "getChat" and self._credentials_hold(client):
                return Refused(404, MISSING)
            return Refused(401, WRONG_CREDENTIALS)
        return Refused(502, f"Open WebUI cannot be used for this: {error}")

    def _credentials_hold(self, client: Client) -> bool:
        try:
            known_by_token(client, self._upstream.contract, self._account, "these credentials")
        except SeatrialError:
            return False
        return True


def _chat(session_id: str) -> str:
    return session_id if CHAT_ID.fullmatch(session_id) else NOBODYS


def _names_a_chat(call: Call) -> bool:
    return bool(call.values) or (isinstance(call.json, dict) and "chat_id" in call.json)


def _shown(chat: Session) -> dict[str, Any]:
    return {"id": chat.id, "created_at": int(chat.created_at or 0), "title": chat.title or None}


def _said(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": message.content, "created_at": int(message.created_at or 0)}
