"""When a request left and when its answer arrived, as the kernel saw it: true also while this process is busy.

A user of hundreds is woken when its turn comes, milliseconds after its bytes did. Linux stamps what arrives on a TCP
socket (SO_TIMESTAMPNS, `man 7 socket`); elsewhere, and under TLS, the moment of reading has to do.

    clock = clock_of(http)                # of one of geventhttpclient's clients, after `install()`
    clock.begin(); http.ask(...)
    clock.left, clock.arrived, clock.connected_in
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import struct
import sys
import time
from typing import Any

import gevent.socket
from gevent.monkey import get_original
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

_poll = get_original("select", "poll")


class Clock:
    """The moments of one connection, on `time.perf_counter`. `connected_in` are seconds, None for a kept connection.

    A request `began` before its connection was made, and has `left` with its last byte.
    """

    began = left = arrived = 0.0
    connected_in: float | None = None
    again = False
    """The request was sent a second time."""
    stamped = False
    """Whether the socket itself says when its bytes came."""

    def begin(self) -> None:
        """A request comes next."""
        self.began = self.left = self.arrived = time.perf_counter()
        self.connected_in, self.again = None, False


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
    _more = False
    """The last read was as long as it might be: there may be more, and nobody has to wait for that."""

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        while True:
            # Nobody looks for bytes before the loop says that there are some: an answer is hardly ever there as soon as
            # its request has left, and to be told so costs a system call and an exception. What has come has its stamp.
            if not self._more and self._read_event is not None:  # None: closed meanwhile, and the next line says so
                self._wait(self._read_event)
            try:
                data, extra, _, _ = self._sock.recvmsg(bufsize, _ROOM, flags)
                break
            except BlockingIOError:  # there was no more, or it was woken for nothing
                self._more = False
        self._more = len(data) == bufsize
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

    def sendall(self, data: Any, flags: int = 0) -> None:
        # A request nearly always fits into the socket's buffer: gevent's own asks for the size of that each time.
        self.clock.left = time.perf_counter()
        try:
            sent = self._sock.send(data, flags)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)


class _One:
    """One connection, kept between requests, in place of the library's queue, for which a user of a load has no use.

    Whether it is still there is asked of the system directly. The library asks by gevent's `select`, which gives up its
    turn each time, and calls every descriptor from 1024 on dead: users beyond the thousandth would connect anew for
    each request.
    """

    _kept: Any = None
    _look: Any = None
    _closed: bool

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.clock = Clock()
        super().__init__(*arguments, **named)

    def get_socket(self) -> gevent.socket.socket:
        if self._closed:
            raise RuntimeError("connection pool closed")
        sock, self._kept = self._kept, None
        if sock is not None:
            if not self._look.poll(0):  # an end, or bytes that nobody has asked for
                return sock
            sock.close()
        started = time.perf_counter()
        sock = self._create_socket()  # type: ignore[attr-defined]
        self.clock.left = time.perf_counter()  # it has not: it may leave from now on
        self.clock.connected_in = self.clock.left - started
        self._look = _poll()
        self._look.register(sock.fileno(), select.POLLIN)
        return sock

    def after_connect(self, sock: gevent.socket.socket) -> None:
        """Under TLS a long body leaves in parts, and the last would wait 40 ms for the others to be acknowledged."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def return_socket(self, sock: gevent.socket.socket) -> None:
        if self._closed:
            sock.close()
        else:
            self._kept = sock

    def release_socket(self, sock: gevent.socket.socket) -> None:
        with contextlib.suppress(Exception):
            sock.close()

    def close(self) -> None:
        self._closed = True
        if self._kept is not None:
            self._kept.close()


class TimedPool(_One, ConnectionPool):
    """A connection whose moments are on `clock`."""

    def _create_tcp_socket(self, family: int, socktype: int, protocol: int) -> gevent.socket.socket:
        if TIMESTAMP is None:
            return super()._create_tcp_socket(family, socktype, protocol)
        sock = _Stamped(family, socktype, protocol)
        sock.clock = self.clock
        sock.setsockopt(socket.SOL_SOCKET, TIMESTAMP, 1)
        self.clock.stamped = True
        return sock


class UnstampedPool(TimedPool):
    """A connection of which the kernel does not say when its bytes came, as it cannot under TLS."""

    def _create_tcp_socket(self, family: int, socktype: int, protocol: int) -> gevent.socket.socket:
        return super(TimedPool, self)._create_tcp_socket(family, socktype, protocol)


class TimedSSLPool(_One, SSLConnectionPool):
    """The same under TLS, where the kernel sees records and not what is in them: only connecting is timed here."""


def install() -> None:
    """From now on every client made in this process has a clock. The library has no setting for it."""
    vars(client)["ConnectionPool"] = TimedPool
    vars(client)["SSLConnectionPool"] = TimedSSLPool


def unstamp(http: HTTPClient, seconds: float) -> None:
    """Let a client know of bytes when it reads them, as that of a TLS target does: a busy loop makes them late."""
    assert http.port is not None
    http._connection_pool = UnstampedPool(  # noqa: SLF001 - the library has no setting for it
        http.host, http.port, http.host, http.port, size=1, connection_timeout=seconds, network_timeout=None
    )


def clock_of(http: HTTPClient) -> Clock:
    return http._connection_pool.clock  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001
