"""The bytes of a request are those that geventhttpclient would send, made faster; and they are sent once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from geventhttpclient.client import HTTPClient

from load.lean_client import LeanClient
from load.locust_client import LoadClient
from load.recorder import NOBODY, Silent
from seatrial.exchange import Call, NoAnswer
from seatrial.samples import Resent
from seatrial.target import ANONYMOUS, Target

HEADERS = {"User-Agent": "seatrial", "Authorization": "Bearer x", "Content-Type": "application/json"}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LATE = 0.2


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("DELETE", None), ("POST", b"{}"), ("POST", None)])
def test_a_request_reads_as_it_would_otherwise(method: str, body: bytes | None) -> None:
    lean, plain = LeanClient("localhost", 9090), HTTPClient("localhost", 9090)
    for path in ("/api/chat?x=1", "/api/sessions/%C3%A9"):
        wanted = plain._build_request(method, path, body or b"", HEADERS).encode() + (body or b"")
        assert sorted(lean.written(method, path, body, HEADERS).split(b"\r\n")) == sorted(wanted.split(b"\r\n"))


def test_what_cannot_stand_in_a_request_is_refused() -> None:
    lean = LeanClient("localhost", 9090)
    for path in ("/a b", "//evil/path", "chats", "/a\r\nX: y"):
        with pytest.raises(ValueError, match="invalid"):
            lean.written("GET", path, None, HEADERS)
    with pytest.raises(ValueError, match="invalid"):
        lean.written("GET", "/", None, {"X": "a\r\nY: b"})


@contextmanager
def dropping(*answered: int, told: list[Any] | None = None) -> Iterator[tuple[LoadClient, list[bytes]]]:
    """A client of a server whose connections answer so many requests each and end at the next, late, without an
    answer; and the methods that came. What the client tells the recorder of goes to `told`."""
    came: list[bytes] = []

    class Telling(Silent):
        def tell(self, record: Any) -> None:  # type: ignore[override]
            (told if told is not None else []).append(record)

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for number in answered:
                with listening.accept()[0] as connection:
                    for _ in range(number):
                        came.append(connection.recv(65_536).split(b" ")[0])
                        connection.sendall(ANSWER)
                    came.append(connection.recv(65_536).split(b" ")[0])
                    time.sleep(LATE)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        target = Target(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=5)
        client = LoadClient(target, ANONYMOUS, 1, Telling(), NOBODY)
        yield client, came
        client.close()
        thread.join(5)


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_request_that_is_dropped_is_not_sent_again_in_silence(method: str) -> None:
    with dropping(0) as (client, came), pytest.raises(NoAnswer, match="connection closed"):
        client.send(Call("some", method, "/"))
    assert came == [method.encode()]


def test_on_a_kept_connection_it_is_sent_again_once_and_the_wait_is_counted() -> None:
    told: list[Any] = []
    with dropping(1, 1, told=told) as (client, came):
        client.send(Call("some", "GET", "/"))
        again = client.send(Call("some", "GET", "/"))
        client.settle()
        assert came == [b"GET"] * 3
        assert again.seconds > LATE
        with pytest.raises(NoAnswer):
            client.send(Call("some", "POST", "/"))
    assert came == [b"GET"] * 3 + [b"POST"]
    assert [(type(one), one.operation) for one in told] == [(Resent, "some")]
