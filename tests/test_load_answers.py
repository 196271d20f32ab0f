"""What the load's client makes of answers that come oddly: in parts, twice, without an end, or never."""

from __future__ import annotations

import gc
import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import gevent
import pytest

from load import collecting
from load.arrival import TIMESTAMP
from load.deadline import Deadline, Late
from load.locust_client import LoadClient
from load.recorder import NOBODY, Silent
from seatrial.exchange import Call, NoAnswer
from seatrial.target import ANONYMOUS, Target

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\n{}"
GET = Call("some", "GET", "/")
TIMEOUT = 0.5


@contextmanager
def answering(*answers: tuple[bytes, ...], ends: bool = False) -> Iterator[tuple[LoadClient, list[int]]]:
    """A client of a server that answers each request with the pieces of its answer, and the connections it took."""
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve() -> None:
            left = list(answers)
            while left:
                connection = listening.accept()[0]
                connection.settimeout(5)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                taken.append(len(answers) - len(left))
                with connection, suppress(OSError):  # who has heard enough hangs up
                    while left and connection.recv(65_536):
                        for piece in left.pop(0):
                            connection.sendall(piece)
                            time.sleep(0.01)
                        if ends:
                            break
                    if not left and not ends:
                        connection.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        target = Target(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=TIMEOUT)
        with closing(LoadClient(target, ANONYMOUS, 1, Silent(), NOBODY)) as client:
            yield client, taken
        thread.join(5)


def test_headers_may_come_in_parts_be_empty_and_come_twice() -> None:
    whole = OK + b"X-None:\r\nContent-Type: application/json\r\nVary: a\r\nvary: b\r\n" + TWO
    pieces = tuple(whole[at : at + 7] for at in range(0, len(whole), 7))
    with answering(pieces) as (client, _):
        reply = client.send(GET)
    assert (reply.status, reply.body, reply.cut) == (200, b"{}", None)
    assert dict(reply.headers) == {
        "x-none": "", "content-type": "application/json", "vary": "a, b", "content-length": "2",
    }  # fmt: skip


def test_an_interim_answer_is_not_the_answer() -> None:
    with answering((b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", OK + TWO), (OK + TWO,)) as (client, taken):
        reply = client.send(GET)
        assert (reply.status, dict(reply.headers), reply.body) == (200, {"content-length": "2"}, b"{}")
        client.send(GET)
    assert taken == [0]


def test_a_connection_is_kept_unless_the_answer_says_otherwise() -> None:
    closes = OK + b"Connection: close\r\n" + TWO
    with answering((OK + TWO,), (closes,), (OK + TWO,)) as (client, taken):
        for _ in range(3):
            assert client.send(GET).body == b"{}"
    assert taken == [0, 2]


def test_a_body_may_end_with_its_connection() -> None:
    with answering((OK + b"\r\n", b"whole", b"ness"), ends=True) as (client, _):
        assert client.send(GET).body == b"wholeness"


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ((OK + TWO + OK + TWO,), "another answer came"),
        ((OK + TWO + b"more",), "the connection broke"),
        ((OK + b"Content-Length: 9\r\n\r\n{}",), "the connection broke"),
        ((OK + b"Content-Type: ",), "the connection broke"),
        ((), "connection closed"),
    ],
)
def test_what_is_no_whole_answer_is_none(pieces: tuple[bytes, ...], why: str) -> None:
    with answering(pieces, ends=True) as (client, _), pytest.raises(NoAnswer, match=why):
        client.send(GET)


def test_a_body_that_trickles_is_ended_and_its_connection_with_it() -> None:
    trickle = (OK + b"Content-Length: 1000\r\n\r\n", *[b"."] * 999)
    began = time.perf_counter()
    with answering(trickle) as (client, _), pytest.raises(NoAnswer, match=f"no answer within {TIMEOUT:g} s"):
        client.send(GET)
    assert time.perf_counter() - began < 10 * TIMEOUT


def test_a_connection_that_brought_more_than_its_answer_is_not_used_again() -> None:
    with answering((OK + TWO + b"HTT",), (OK + TWO,)) as (client, taken):
        with pytest.raises(NoAnswer, match="the connection broke"):
            client.send(GET)
        client._http._connection_pool._look = None  # type: ignore[attr-defined]  # nobody asks whether it is there
        assert client.send(GET).body == b"{}"
    assert taken == [0, 1]


def test_trailers_are_no_headers() -> None:
    chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n"
    with answering((chunked,), (OK + TWO,)) as (client, taken):
        reply = client.send(GET)
        assert (dict(reply.headers), reply.body) == ({"transfer-encoding": "chunked"}, b"{}")
        client.send(GET)
    assert taken == [0]


@pytest.mark.parametrize("size", [2, 50_000])
def test_what_has_come_in_time_is_not_late_when_the_process_was_held_up(size: int) -> None:
    body = b"Content-Length: %d\r\n\r\n" % size + b"." * size
    soon = (b"",) * 10  # while the process is held up already
    with answering((*soon, OK + body)) as (client, _):

        def hold_up() -> None:
            while client._clock.connected_in is None:  # then the request has left, too
                gevent.sleep(0.001)
            time.sleep(2 * TIMEOUT)

        held_up = gevent.spawn(hold_up)
        assert len(client.send(GET).body) == size
        held_up.join()


def test_a_stream_without_end_is_bounded_and_one_that_is_not_answered_leaves_no_garbage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("load.locust_client.MAX_HEARD", 50)
    with answering((OK + b"\r\n", *[b"." * 20] * 9), ()) as (client, _):
        streamed = client.stream(GET)
        assert streamed.broke == "more than 50 bytes"
        assert len(streamed.reply.body) <= 80
        client.settle()
        gc.collect()
        with suppress(NoAnswer):
            client.stream(GET)
        assert gc.collect() == 0


def test_a_failure_took_as_long_as_the_request_took_in_all() -> None:
    told: list[float] = []

    class Listening(Silent):
        def request(self, *given: object) -> None:
            if len(given) > 4:
                told.append(float(given[4]))  # type: ignore[arg-type]

    with socket.create_server(("127.0.0.1", 0)) as full:  # nobody reads: the body leaves in part
        target = Target(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=TIMEOUT)
        with closing(LoadClient(target, ANONYMOUS, 1, Listening(), NOBODY)) as client, pytest.raises(NoAnswer):
            client.send(Call("some", "POST", "/", json={"text": "." * 5_000_000}))
    assert told[0] > 0.7 * TIMEOUT


def test_a_deadline_that_is_given_up_keeps_its_limit_for_what_is_inside() -> None:
    deadline = Deadline(0.1)
    gevent.spawn_later(0.02, deadline.close)
    with pytest.raises(Late), deadline:
        gevent.sleep(5)


def test_a_deadline_is_for_what_is_inside_and_can_be_had_again() -> None:
    deadline = Deadline(0.05)
    for _ in range(3):
        began = time.perf_counter()
        with pytest.raises(Late), deadline:
            gevent.sleep(5)
        assert 0.04 < time.perf_counter() - began < 2
        for _ in range(4):  # together longer than one may take
            with deadline:
                gevent.sleep(0.02)
    gevent.sleep(0.1)
    deadline.close()


def test_requests_leave_no_garbage_that_has_to_be_searched_for() -> None:
    number = 100
    with answering(*[(OK + TWO,)] * number) as (client, _):
        for _ in range(number // 2):
            client.send(GET)
        gc.collect()
        gc.disable()
        try:
            for _ in range(number // 2):
                client.send(GET)
            assert gc.collect() < number // 2
        finally:
            gc.enable()


def test_garbage_is_searched_for_rarely_and_what_was_there_before_not_at_all() -> None:
    before = gc.get_threshold()
    try:
        for _ in range(2):
            collecting.rarely()
            assert gc.get_threshold() == collecting.THRESHOLDS
            assert gc.get_freeze_count() > len(gc.get_objects())
        circle: list[object] = []
        circle.append(circle)
        del circle
        assert gc.collect() >= 1
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_a_stream_that_is_packed_is_unpacked_as_it_comes() -> None:
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH) for text in (b"data: one\n\n", b"data: two\n\n")]
    head = OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
    with answering((head, *pieces, packer.flush()), ends=True) as (client, _):
        streamed = client.stream(GET)
    assert [piece for _, piece in streamed.pieces] == [b"data: one\n\n", b"data: two\n\n"]
    assert streamed.broke == ""


@pytest.mark.parametrize(
    ("body", "why"), [(b"no gzip", "not gzip"), (gzip.compress(b"data: one", mtime=0)[:-4], "the middle")]
)
def test_a_packing_that_is_broken_is_named(body: bytes, why: str) -> None:
    head = OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
    with answering((head, body), ends=True) as (client, _):
        assert why in client.stream(GET).broke


@pytest.mark.parametrize("stamped", [True, False])
def test_both_targets_of_a_comparison_are_read_in_one_way(stamped: bool) -> None:
    """Under TLS the kernel stamps nothing; where one of the two is, the other one is not stamped either."""
    with answering((OK, TWO)) as (given, _):
        with closing(LoadClient(given.target, ANONYMOUS, 1, Silent(), NOBODY, stamped=stamped)) as client:
            assert client.send(GET).status == 200
            assert client._clock.stamped == (stamped and TIMESTAMP is not None)
