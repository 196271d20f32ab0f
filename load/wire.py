"""A TCP connection as websocket-client reads it: piece by piece, within a limit, and with the moment of each piece.

The library asks for two bytes here and four there. What has come is taken in one go, so that all of it has the moment
at which the kernel saw it (`arrival`).
"""

from __future__ import annotations

import contextlib
import socket
import time
from io import BytesIO
from typing import Any

import gevent
from geventhttpclient import HTTPClient
from websocket import _handshake

from load.arrival import clock_of
from load.bounded_response import MAX_HEAD, PIECE
from load.connection import reason

CEASELESS = 500
"""Reads in a row after which others get their turn; a frame takes two or three."""


class Wire:
    """The connection that `http` makes. `limit` are the bytes that may come until somebody says `listen_on`.

    `broke` says why there is no more to read, once that is so.
    """

    def __init__(self, http: HTTPClient) -> None:
        self.clock = clock_of(http)
        self._socket: Any = http._connection_pool.get_socket()  # noqa: SLF001
        self._come = BytesIO()
        self._heard = self._reads = 0
        self.limit = MAX_HEAD
        self.broke = ""

    def listen_on(self, limit: int) -> None:
        """From here on so many bytes more."""
        self._heard, self.limit = 0, limit

    def recv(self, size: int) -> bytes:
        """Raises `OSError` where the connection breaks, and beyond the limit."""
        self._reads += 1
        if self._reads % CEASELESS == 0:  # a server that never pauses would keep all others from their turn
            gevent.sleep(0)
        if data := self._come.read(size):
            return data
        try:
            come = self._socket.recv(PIECE)
            if self._heard + len(come) > self.limit:
                raise OSError(None, f"more than {self.limit:,} bytes came over the socket")
        except OSError as error:
            self.broke = self.broke or reason(error)
            raise
        if not come:
            self.broke = self.broke or "the connection was closed"
        if not self.clock.stamped:
            self.clock.arrived = time.perf_counter()
        self._heard += len(come)
        self._come = BytesIO(come)
        return self._come.read(size)

    def send(self, data: bytes) -> int:
        return int(self._socket.send(data))

    def gettimeout(self) -> float | None:
        timeout: float | None = self._socket.gettimeout()
        return timeout

    def settimeout(self, seconds: float | None) -> None:
        self._socket.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def fileno(self) -> int:
        return int(self._socket.fileno())

    def close(self) -> None:
        """Whoever reads wakes up, and finds nothing more."""
        self._come = BytesIO()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class _NoCookies:
    """In place of the library's jar, which all connections of a process share: one user's cookie is not another's."""

    def get(self, host: str | None) -> str:
        return ""

    def add(self, set_cookie: str | None) -> None:
        """Nothing is kept."""


def install() -> None:
    """From now on no connection in this process sends another one's cookies. The library has no setting for it.

    Raises `AssertionError` where this release of it keeps them elsewhere: users would then share a sign-in, unseen.
    """
    kept = vars(_handshake).get("CookieJar")
    assert kept is not None, (
        "websocket-client keeps its cookies elsewhere now; pyproject.toml says which releases do not"
    )
    vars(_handshake)["CookieJar"] = _NoCookies()
