"""When bytes came: as the kernel saw it, however late they are read."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import gevent
import pytest
from geventhttpclient.response import HTTPParseError

from load import arrival
from load.lean_client import LeanClient

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"
GAP = 0.03


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


@contextmanager
def served(*pieces: bytes) -> Iterator[tuple[int, list[float]]]:
    """A server that answers one request with these pieces; its port, and when each was sent."""
    sent: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.recv(65_536)
                for piece in pieces:
                    time.sleep(GAP)
                    sent.append(time.perf_counter())
                    connection.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], sent
        thread.join(5)


def client(port: int) -> LeanClient:
    arrival.install()
    return LeanClient("127.0.0.1", port, concurrency=1)


def read(port: int, *, busy: float = 0.0) -> tuple[arrival.Clock, list[tuple[float, bytes]]]:
    """The pieces of one answer, by a client that does other things for so long after each."""
    http = client(port)
    clock = arrival.clock_of(http)
    clock.begin()
    pieces = []
    for moment, piece in http.ask("GET", "/", None, {}).pieces():
        pieces.append((moment, piece))
        time.sleep(busy)  # not gevent's: nothing else of this process runs
    http.close()
    return clock, pieces


def late(moments: Sequence[tuple[float, bytes]], sent: Sequence[float]) -> list[float]:
    return [moment - begun for (moment, _), begun in zip(moments, sent, strict=True)]


def test_pieces_come_one_by_one_with_their_moments() -> None:
    with served(HEAD + chunk(b"one"), chunk(b"two"), chunk(b"three"), chunk(b"")) as (port, sent):
        clock, pieces = read(port)
    assert [piece for _, piece in pieces] == [b"one", b"two", b"three"]
    assert clock.left <= sent[0] <= pieces[0][0] + 0.001  # the stamps are of another clock
    assert clock.connected_in is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what arrives")
def test_a_reader_that_is_late_does_not_make_the_answer_late() -> None:
    with served(HEAD + chunk(b"one"), chunk(b"two"), chunk(b"three"), chunk(b"")) as (port, sent):
        _, pieces = read(port, busy=GAP * 0.8)
    # Each is read when the reader is free, most of a gap later than it came.
    assert max(late(pieces, sent[: len(pieces)])) < GAP / 2


def test_connecting_is_timed_apart_and_a_kept_connection_needs_none() -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with listening.accept()[0] as connection:
                while connection.recv(65_536):
                    connection.sendall(body)

        threading.Thread(target=serve, daemon=True).start()
        http = client(listening.getsockname()[1])
        clock = arrival.clock_of(http)
        connects = []
        for _ in range(2):
            clock.begin()
            assert http.ask("GET", "/", None, {}).body == b"ok"
            connects.append(clock.connected_in)
        http.close()
    assert connects[0] is not None
    assert connects[0] > 0
    assert connects[1] is None


def test_a_body_that_ends_too_early_is_told_with_what_had_come() -> None:
    with served(HEAD + chunk(b"one"), chunk(b"two")) as (port, _):
        came: list[bytes] = []
        with pytest.raises(HTTPParseError), gevent.Timeout(5):
            _collect(came, port)
    assert came == [b"one", b"two"]


def _collect(came: list[bytes], port: int) -> None:
    for _, piece in client(port).ask("GET", "/", None, {}).pieces():
        came.append(piece)
