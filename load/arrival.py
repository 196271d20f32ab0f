"""When a request left and when its answer arrived, as the kernel saw it: true also while this process is busy.

A user of hundreds is woken when its turn comes, milliseconds after its bytes did. Linux stamps what arrives on a TCP
socket (SO_TIMESTAMPNS, `man 7 socket`); elsewhere, and under TLS, the moment of reading has to do.

    clock = clock_of(http)                # of one of geventhttpclient's clients, after `install()`
    clock.begin(); http.ask(...)
    clock.left, clock.arrived, clock.connected_in
"""

from __future__ import annotations

import math
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import gevent.socket
from geventhttpclient import HTTPClient, client
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool

TIMESTAMP = getattr(socket, "SO_TIMESTAMPNS", 35) if sys.platform == "linux" else None
"""The option, and the kind of the message that brings the stamp. Python names it from 3.14 on."""

_STAMP = struct.Struct("@ll")
_ROOM = socket.CMSG_SPACE(_STAMP.size) if hasattr(socket, "CMSG_SPACE") else 0
MOST_LATE = 60.0
"""Seconds beyond which a stamp is not believed: somebody has set the clock."""
CLOSE = 20e-6
"""Seconds between the two clocks that are good enough."""


class Clock:
    """The moments of one connection, on `time.perf_counter`. `connected_in` are seconds, None for a kept connection."""

    left = arrived = 0.0
    connected_in: float | None = None
    stamped = False
    """Whether the socket itself says when its bytes came."""

    def begin(self) -> None:
        """A request comes next."""
        self.left = self.arrived = time.perf_counter()
        self.connected_in = None


def _now() -> tuple[float, float]:
    """This moment on `time.perf_counter` and on `time.time`, which the kernel stamps with.

    Between two clocks read in turn others may get the processor; the closest of a few readings is taken.
    """
    closest = (math.inf, 0.0, 0.0)
    for _ in range(3):
        before, wall, after = time.perf_counter(), time.time(), time.perf_counter()
        closest = min(closest, (after - before, after, wall))
        if closest[0] < CLOSE:
            break
    return closest[1], closest[2]


class _Stamped(gevent.socket.socket):  # type: ignore[misc]
    """A TCP socket that notes when the last bytes were handed over and when what it reads had come."""

    clock: Clock

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        data, extra, _, _ = self.recvmsg(bufsize, _ROOM, flags)
        now, wall = _now()
        for level, kind, stamp in extra:
            if level == socket.SOL_SOCKET and kind == TIMESTAMP and len(stamp) >= _STAMP.size:
                seconds, nanoseconds = _STAMP.unpack_from(stamp)
                late = wall - seconds - nanoseconds * 1e-9
                if 0 < late < MOST_LATE:
                    now -= late
        self.clock.arrived = max(now, self.clock.left)
        return bytes(data)

    def send(self, data: Any, flags: int = 0, **named: Any) -> int:
        # Before the call: it wakes whoever is to answer, on a busy machine in our place, and returns after the answer.
        self.clock.left = time.perf_counter()
        return int(super().send(data, flags, **named))


class TimedPool(ConnectionPool):
    """Connections whose moments are on `clock`; there is one at a time."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.clock = Clock()
        super().__init__(*arguments, **named)

    def _create_tcp_socket(self, family: int, socktype: int, protocol: int) -> gevent.socket.socket:
        if TIMESTAMP is None:
            return super()._create_tcp_socket(family, socktype, protocol)
        sock = _Stamped(family, socktype, protocol)
        sock.clock = self.clock
        sock.setsockopt(socket.SOL_SOCKET, TIMESTAMP, 1)
        self.clock.stamped = True
        return sock

    def _create_socket(self) -> gevent.socket.socket:
        return _timed(self.clock, super()._create_socket)


class TimedSSLPool(SSLConnectionPool):
    """The same under TLS, where the kernel sees records and not what is in them: only connecting is timed here."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.clock = Clock()
        super().__init__(*arguments, **named)

    def _create_socket(self) -> gevent.socket.socket:
        return _timed(self.clock, super()._create_socket)


def _timed(clock: Clock, create: Callable[[], gevent.socket.socket]) -> gevent.socket.socket:
    started = time.perf_counter()
    sock = create()
    clock.left = time.perf_counter()  # it has not: it may leave from now on
    clock.connected_in = clock.left - started
    return sock


def install() -> None:
    """From now on every client made in this process has a clock. The library has no setting for it."""
    vars(client)["ConnectionPool"] = TimedPool
    vars(client)["SSLConnectionPool"] = TimedSSLPool


def clock_of(http: HTTPClient) -> Clock:
    return http._connection_pool.clock  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001
