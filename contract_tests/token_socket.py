"""The socket over which browsers are told their tokens: Open WebUI's Socket.IO, read in a thread.

with TokenSocket(target, account) as socket:
    ... a turn sent with session_id=socket.id ...
    delivered = socket.wait_for(chat_id, seconds=10)
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import socketio

from seatrial.exchange import Call, NoAnswer
from seatrial.openwebui import output_text
from seatrial.target import Account, Target

CONNECT_SECONDS = 10


class Delivered:
    """What the socket told of one chat: the text put together, and whether it was told to be done."""

    def __init__(self) -> None:
        self.deltas: list[str] = []
        self.whole: str | None = None
        self.done = False
        self.errors: list[str] = []
        self.events = 0

    @property
    def pieces(self) -> str | None:
        """The pieces put together, None where none came."""
        return "".join(self.deltas) if self.deltas else None

    def take(self, data: dict[str, Any]) -> None:
        """One event's `data`: pieces are `response:completion` since 0.11, else `chat:completion`."""
        self.events += 1
        body = data.get("data") or {}
        kind = data.get("type")
        if kind == "response:completion":
            if body.get("type") == "response.output_text.delta" and isinstance(body.get("delta"), str):
                self.deltas.append(body["delta"])
        elif kind in ("chat:completion", "chat:message"):
            for choice in body.get("choices") or []:
                piece = (choice.get("delta") or {}).get("content")
                if isinstance(piece, str) and piece:
                    self.deltas.append(piece)
            if isinstance(body.get("content"), str):
                self.whole = body["content"]
            if body.get("output"):  # how 0.10 tells the text: as items, the whole of it each time
                self.whole = output_text(body["output"])
            if body.get("error"):
                self.errors.append(str(body["error"])[:300])
            self.done = self.done or body.get("done") is True
        elif kind in ("chat:message:error", "chat:tasks:cancel"):
            self.errors.append(str(body)[:300])


class TokenSocket:
    """One connected socket of an account. Raises `NoAnswer` when it cannot connect."""

    def __init__(self, target: Target, account: Account) -> None:
        self._target, self._account = target, account
        self._client = socketio.Client(
            reconnection=False, ssl_verify=target.ca_file is None or target.ca_file, handle_sigint=False
        )
        self._chats: dict[str, Delivered] = {}
        self._lock = threading.Condition()
        self._client.on("events", self._heard)

    def __enter__(self) -> Self:
        parts = urlsplit(self._target.url)
        try:
            self._client.connect(
                f"{parts.scheme}://{parts.netloc}",
                socketio_path=f"{parts.path}/ws/socket.io".lstrip("/"),
                transports=["websocket"],
                auth={"token": self._account.token},
                headers=dict(self._target.headers),
                wait_timeout=CONNECT_SECONDS,
            )
            self._client.emit("user-join", {"auth": {"token": self._account.token}})
        except Exception as error:  # noqa: BLE001 - its exceptions have no common root
            call = Call("createChatCompletion", "GET", f"{parts.path}/ws/socket.io")
            raise NoAnswer(call, f"the Socket.IO connection failed: {type(error).__name__}: {error}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()

    @property
    def id(self) -> str:
        return str(self._client.get_sid("/"))

    def forget(self, chat_id: str) -> None:
        """A new turn begins: what was told of earlier ones does not count."""
        with self._lock:
            self._chats.pop(chat_id, None)

    def wait_for(self, chat_id: str, seconds: float) -> Delivered:
        """What was told of a chat, once it is told to be done or the time is over."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while not self._of(chat_id).done and not self._of(chat_id).errors:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._lock.wait(left)
            return self._of(chat_id)

    def _of(self, chat_id: str) -> Delivered:
        return self._chats.setdefault(chat_id, Delivered())

    def _heard(self, event: Any) -> None:
        if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
            return
        with self._lock:
            self._of(str(event.get("chat_id"))).take(event["data"])
            self._lock.notify_all()
