"""The socket over which browsers are told their tokens: Open WebUI's Socket.IO, read in a thread.

with TokenSocket(target, account) as socket:
    ... a turn sent with session_id=socket.id ...
    delivered = socket.wait_for(chat_id, seconds=10)
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from types import TracebackType
from typing import Any, Self

from contract_tests.websocket import WebSocket, WebSocketRefused
from seatrial.delivered import SOCKET_PATH, Delivered
from seatrial.exchange import Call, NoAnswer
from seatrial.parsing import parse
from seatrial.target import Account, Target

OPEN, PING, PONG, CONNECT, REFUSED, EVENT = "0", "2", "3", "40", "44", "42"
"""How Engine.IO's packets begin, and Socket.IO's inside its messages."""

MAX_HEARD = 16 * 1024 * 1024
"""Characters that are listened to; a socket that says more is left."""

SILENCE_SECONDS = 60.0
"""Servers ping every 25 seconds."""


class TokenSocket:
    """One connected socket of an account, for as long as its block. Raises `NoAnswer` when it cannot connect.

    `id` is what a turn names as its `session_id`.
    """

    def __init__(self, target: Target, account: Account) -> None:
        self._target, self._account = target, account
        self._chats: dict[str, Delivered] = {}
        self._lock = threading.Condition()
        self._ended = ""
        self.id = ""

    def __enter__(self) -> Self:
        until, path = time.monotonic() + self._target.timeout, f"{SOCKET_PATH}/"
        try:
            self._line = WebSocket(self._target, f"{path}?EIO=4&transport=websocket", self._target.timeout)
        except (OSError, WebSocketRefused) as error:
            raise self._no_answer(path, error) from None
        try:
            self._greet(until)
        except (OSError, ValueError, WebSocketRefused) as error:
            self._line.close()
            raise self._no_answer(path, error) from None
        self._reader = threading.Thread(target=self._read, name="seatrial-socket", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._reader.join(1)

    def _greet(self, until: float) -> None:
        """Engine.IO opens, Socket.IO connects with the token, and the account joins its room."""
        auth = {"token": self._account.token}
        if not self._line.receive(until).startswith(OPEN):
            raise ValueError("the server does not open with Engine.IO's handshake")
        self._line.send(CONNECT + json.dumps(auth), until)
        while not (said := self._line.receive(until)).startswith(CONNECT):
            if said.startswith(REFUSED):
                raise ValueError(f"refused: {said[2:200]}")
            if said == PING:
                self._line.send(PONG, until)
        told = parse(said[len(CONNECT) :])
        if not isinstance(told, dict) or not isinstance(told.get("sid"), str):
            raise ValueError(f"no id of the socket in {said[:200]!r}")
        self.id = told["sid"]
        self._line.send(EVENT + json.dumps(["user-join", {"auth": auth}]), until)

    def _read(self) -> None:
        """What is said, until either side ends it or it has said more than any turn needs."""
        heard = 0
        try:
            while heard < MAX_HEARD:
                said = self._line.receive(time.monotonic() + SILENCE_SECONDS)
                heard += len(said) + 1
                if said == PING:
                    self._line.send(PONG, time.monotonic() + SILENCE_SECONDS)
                elif said.startswith(EVENT):
                    with contextlib.suppress(ValueError):
                        self._heard(parse(said[len(EVENT) :]))
            self._end(f"more than {MAX_HEARD:,} characters came over the socket")
        except (OSError, WebSocketRefused) as error:
            self._end(f"the socket ended: {error}")

    def _heard(self, event: Any) -> None:
        match event:
            case ["events", {"data": dict(data), "chat_id": chat_id}]:
                with self._lock:
                    self._of(str(chat_id)).take(data)
                    self._lock.notify_all()

    def _end(self, why: str) -> None:
        with self._lock:
            self._ended = why
            self._lock.notify_all()

    def _no_answer(self, path: str, error: Exception) -> NoAnswer:
        call = Call("createChatCompletion", "GET", path)
        return NoAnswer(call, f"the Socket.IO connection failed: {type(error).__name__}: {error}"[:300])

    def forget(self, chat_id: str) -> None:
        """A new turn begins: what was told of earlier ones does not count."""
        with self._lock:
            self._chats.pop(chat_id, None)

    def wait_for(self, chat_id: str, seconds: float) -> Delivered:
        """What was told of a chat, once it is told to be done, the socket has ended or the time is over."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while not self._of(chat_id).done and not self._of(chat_id).errors and not self._ended:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._lock.wait(left)
            delivered = self._of(chat_id)
            if self._ended and not delivered.done:
                delivered.errors.append(self._ended)
            return delivered

    def _of(self, chat_id: str) -> Delivered:
        return self._chats.setdefault(chat_id, Delivered())
