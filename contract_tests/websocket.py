"""A WebSocket that is read within limits: a deadline over the whole handshake, no redirect, messages of a bounded size.

It leads where the target's address says, and nowhere else: what it is told to send does not follow a `Location`.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import ProtocolError

from seatrial.client import NAMED, tls_context
from seatrial.target import Target

PIECE = 65_536
MAX_MESSAGE = 2 * 1024 * 1024
"""Bytes of one message; what Socket.IO says in one is the text of a reply at most."""


class WebSocketRefused(Exception):
    """No WebSocket came about, or it said what none should. The message says why."""


class WebSocket:
    """One connection to `path` below the target, made within `seconds`.

    Raises `WebSocketRefused`, and `OSError` when nothing is there or it takes too long.
    """

    def __init__(self, target: Target, path: str, seconds: float) -> None:
        parts = urlsplit(target.url)
        secure, until = parts.scheme == "https", time.monotonic() + seconds
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._sending = threading.Lock()
        self._text: list[str] = []
        self._size = 0
        host = parts.hostname or ""
        self._socket = socket.create_connection((host, parts.port or (443 if secure else 80)), seconds)
        try:
            self._socket.settimeout(_left(until))
            if secure:  # the plain one is no longer of use then: what is to be closed is the other
                self._socket = tls_context(target).wrap_socket(self._socket, server_hostname=host)
            sent = NAMED | dict(target.headers)
            headers = [(name.encode(), value.encode()) for name, value in sent.items()]
            self._write(Request(host=parts.netloc, target=parts.path + path, extra_headers=headers), until)
            event = self._event(until)
        except BaseException:
            self._socket.close()
            raise
        if not isinstance(event, AcceptConnection):
            self.close()
            answer = event.status_code if isinstance(event, RejectConnection) else type(event).__name__
            raise WebSocketRefused(f"the handshake was answered {answer}")

    def receive(self, until: float) -> str:
        """The next whole text message. Raises `TimeoutError` at that moment, `WebSocketRefused` at the end."""
        while True:
            event = self._event(until)
            if isinstance(event, TextMessage):
                self._text.append(event.data)
                self._size += len(event.data)
                if self._size > MAX_MESSAGE:
                    raise WebSocketRefused(f"a message of more than {MAX_MESSAGE:,} characters")
                if event.message_finished:
                    text, self._text, self._size = "".join(self._text), [], 0
                    return text
            elif isinstance(event, Ping):
                self._write(event.response(), until)
            elif isinstance(event, CloseConnection):
                raise WebSocketRefused(f"the server closed it ({event.code})")

    def send(self, text: str, until: float) -> None:
        self._write(TextMessage(data=text), until)

    def close(self) -> None:
        with contextlib.suppress(OSError, ProtocolError):
            self._write(CloseConnection(code=1000), time.monotonic() + 1)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # whoever reads in another thread wakes up
        self._socket.close()

    def _event(self, until: float) -> Event:
        try:
            while (event := next(self._protocol.events(), None)) is None:
                self._socket.settimeout(_left(until))
                piece = self._socket.recv(PIECE)
                self._protocol.receive_data(piece or None)
        except ProtocolError as error:
            raise WebSocketRefused(f"it speaks something else: {error}") from None
        return event

    def _write(self, event: Event, until: float) -> None:
        with self._sending:
            data = self._protocol.send(event)
            self._socket.settimeout(_left(until))
            self._socket.sendall(data)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left
