"""The socket over which replies are told, and the load's client, when the other end means harm."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from command_line import seatrial_command
from hostile_server import Peer, Writes, hostile
from nastiness import BIG, BROKEN, ENDLESS, EVERY, OK, in_turn

from contract_tests import token_socket
from contract_tests.token_socket import TokenSocket
from contract_tests.websocket import MAX_MESSAGE
from load import token_line
from load.delivery import Told
from load.token_line import LEAVING, TokenLine
from seatrial.contract import Contract
from seatrial.exchange import NoAnswer
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.target import Account, Target

TIMEOUT = 0.5
ANA = Account("ana", "token-of-ana")
NOWHERE = "http://127.0.0.1:9"
OPENED = '0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
CONNECTED = '40{"sid":"socket-1"}'


def frame(text: str | bytes, opcode: int = 1, *, final: bool = True, length: int | None = None) -> bytes:
    """One frame of a server, which may claim another length than it has."""
    data = text.encode() if isinstance(text, str) else text
    size = len(data) if length is None else length
    first = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        return first + bytes([size]) + data
    return first + (b"\x7e" + size.to_bytes(2, "big") if size < 65_536 else b"\x7f" + size.to_bytes(8, "big")) + data


def event(chat: str, **data: object) -> bytes:
    return frame("42" + json.dumps(["events", {"chat_id": chat, "data": data}]))


def mine(**data: object) -> bytes:
    return frame("42" + json.dumps(["events", {"chat_id": "c", "message_id": "mine", "data": data}]))


def delta(chat: str, text: str) -> bytes:
    return event(chat, type="response:completion", data={"type": "response.output_text.delta", "delta": text})


def accepts(then: Writes, more: str = "") -> Writes:
    """A WebSocket that is taken, with `more` headers, and what follows."""

    def act(peer: Peer) -> None:
        key = peer.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
        peer.say(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept)
        peer.say(f"\r\n{more}\r\n".encode())
        then(peer)

    return act


def greets(then: Writes, more: str = "") -> Writes:
    """Socket.IO's greeting as it should be, and what follows."""

    def act(peer: Peer) -> None:
        peer.say(frame(OPENED))
        peer.socket.recv(65_536)
        peer.say(frame(CONNECTED))
        peer.socket.recv(65_536)
        then(peer)

    return accepts(act, more)


@contextmanager
def socket_to(way: Writes, timeout: float = TIMEOUT) -> Iterator[Target]:
    with hostile(NOWHERE, {"": way}) as server:
        yield Target(server.url, "openwebui", headers={"X-Door": "secret"}, timeout=timeout)
        assert server.elsewhere_got == []


def silent(peer: Peer) -> None:
    peer.wait(20)


REFUSING: dict[str, Writes] = {
    **{name: EVERY[name] for name in (*ENDLESS, *BROKEN) if name != "events without end"},
    "a huge header block": BIG["a huge header block"],
    "an answer that is no WebSocket": lambda peer: peer.say(OK + b"Content-Length: 2\r\n\r\n{}"),
    "accepted, then silent": accepts(silent),
    "accepted, then a byte now and then": accepts(lambda peer: peer.drip(frame("x" * 100))),
    "accepted, then gone": accepts(lambda _: None),
    "accepted, then reset": accepts(Peer.reset),
    "opened, and never connected": accepts(lambda peer: (peer.say(frame(OPENED)), silent(peer))[1]),
    "opened, then pings without end": accepts(lambda peer: peer.flood(frame("2") * 100, frame(OPENED))),
    "refused": accepts(lambda peer: peer.say(frame(OPENED), frame('44{"message":"no"}'))),
    "connected without an id": accepts(lambda peer: peer.say(frame(OPENED), frame("40"), frame("x"))),
    "connected with nested arrays": accepts(lambda peer: peer.say(frame(OPENED), frame("40" + "[" * 50_000))),
    "a frame of an exabyte": accepts(lambda peer: peer.flood(b"x" * 65_536, frame("0", length=1 << 60))),
    "a message of frames without end": accepts(
        lambda peer: peer.flood(frame("x" * 60_000, 0, final=False), frame("0", final=False))
    ),
    "a frame that is none": accepts(lambda peer: peer.say(b"\xff\xff\xff\xff" * 10)),
    "text that is no UTF-8": accepts(lambda peer: peer.say(frame(b"\xff\xfe\xfd"))),
    "another protocol": accepts(lambda peer: peer.flood(frame("hello") * 100)),
}


@pytest.mark.parametrize("name", REFUSING)
def test_a_socket_that_never_comes_about_is_given_up_in_time(name: str) -> None:
    with socket_to(REFUSING[name]) as target:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"the Socket\.IO connection failed"), TokenSocket(target, ANA):
            pass
        assert time.monotonic() - started < TIMEOUT + 1.5


@pytest.mark.parametrize("name", REFUSING)
def test_a_load_gives_up_such_a_socket_in_time_too(name: str) -> None:
    with socket_to(REFUSING[name]) as target:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"the Socket\.IO connection failed: \w"):
            TokenLine(target, ANA, None)
        assert time.monotonic() - started < TIMEOUT + LEAVING + 1.5


def test_a_redirect_gets_neither_token_nor_headers() -> None:
    with hostile(NOWHERE, {"": BROKEN["another place"]}) as server:
        target = Target(server.url, "openwebui", headers={"X-Door": "secret"}, timeout=2)
        with pytest.raises(NoAnswer, match="the handshake was answered 307"), TokenSocket(target, ANA):
            pass
        with pytest.raises(NoAnswer, match="it leads elsewhere, and is not followed"):
            TokenLine(target, ANA, None)
    assert server.elsewhere_got == []


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (silent, None),
        (lambda _: None, "the socket ended"),
        (lambda peer: peer.say(frame(b"\xff")), "the socket ended"),
        (
            lambda peer: peer.flood(frame("x" * (MAX_MESSAGE // 2), 0, final=False), frame("42", final=False)),
            "more than",
        ),
        (lambda peer: peer.flood(delta("another", "x" * 10_000) * 10), "more than"),
        (lambda peer: peer.flood(frame("3") * 10_000), None),
    ],
    ids=["silence", "the end", "no UTF-8", "a message without end", "events without end", "packets that say nothing"],
)
def test_a_socket_that_says_nothing_or_too_much_is_waited_for_no_longer_than_asked(
    then: Writes, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_socket, "MAX_HEARD", 1_000_000)
    with socket_to(greets(then), 5) as target, TokenSocket(target, ANA) as socket:
        assert socket.id == "socket-1"
        started = time.monotonic()
        delivered = socket.wait_for("mine", 1.5)
        assert time.monotonic() - started < 3
        assert not delivered.done
        if told:
            assert told in delivered.errors[-1]


def test_what_is_no_event_is_passed_over_and_the_reply_is_heard() -> None:
    odd = ["null", "[]", '["events"]', '["events", 5]', '["events", {"data": []}]', "[" * 5_000, "{", "NaN"]
    inside: list[object] = [None, 5, [], {"type": "chat:completion", "data": {"choices": 5}},
                            {"type": "chat:completion", "data": {"choices": [None, {"delta": 5}], "output": {"a": 1}}},
                            {"type": "response:completion", "data": "x"}]  # fmt: skip
    frames = [frame("42" + text) for text in odd]
    frames += [frame("42" + json.dumps(["events", {"chat_id": "mine", "data": one}])) for one in inside]
    frames += [frame(b"\x00\x01", 2), frame("ping", 9), frame("2")]
    frames += [delta("mine", "Hel"), delta("mine", "lo"), event("mine", type="chat:completion", data={"done": True})]
    with socket_to(greets(lambda peer: (peer.say(*frames), silent(peer))[1]), 5) as target:
        with TokenSocket(target, ANA) as socket:
            delivered = socket.wait_for("mine", 5)
    assert (delivered.pieces, delivered.done, delivered.errors) == ("Hello", True, [])


def told_to_a_load(frames: Writes, seconds: float = 1.5) -> tuple[TokenLine, Told]:
    """What a load's socket has heard of the reply "mine" after that time, or when it is over."""
    with socket_to(greets(frames), 5) as target:
        line = TokenLine(target, ANA, None)
        told = line.expect("mine")
        line.wait(told, math.inf, line.now() + seconds)
        line.leave()
    return line, told


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (silent, "left"),
        (lambda _: None, "the connection was closed"),
        (Peer.reset, "the connection broke"),
        (lambda peer: peer.flood(frame("x" * 60_000, 0, final=False), frame("42", final=False)), "more than"),
        (lambda peer: peer.flood(delta("another", "x" * 10_000) * 10), "more than"),
        (lambda peer: peer.flood(frame("2") * 10_000), ""),
    ],
    ids=["silence", "the end", "a reset", "a message without end", "events without end", "pings without end"],
)
def test_a_load_waits_no_longer_for_such_a_socket_than_asked(
    then: Writes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_line, "MAX_HEARD", 1_000_000)
    started = time.monotonic()
    line, told = told_to_a_load(then)
    assert time.monotonic() - started < 1.5 + LEAVING + 3
    assert told.over_at is None
    assert line.ended
    assert why in line.ended


def test_a_load_passes_over_what_is_no_event_and_hears_the_reply() -> None:
    odd = ["null", "[]", '["events"]', '["events", 5]', '["events", {"data": []}]', "[" * 5_000, "{", "NaN", '{"a":1}']
    frames = [frame("42" + text) for text in odd] + [frame("4" + text) for text in ("9", "", "3[1]", "51-[]")]
    frames += [frame("42" + json.dumps(["events", {"message_id": "other", "data": {"type": "chat:message"}}]))]
    frames += [mine(type="response:completion", data={"type": "response.output_text.delta", "delta": "Hello"})]
    frames += [mine(type="chat:completion", data={"done": True}), frame("2")]
    _, told = told_to_a_load(lambda peer: (peer.say(*frames), silent(peer))[1], 5)
    assert (told.delivered.texts, told.delivered.done, len(told.moments)) == (("Hello",), True, 1)


def test_a_cookie_of_one_user_is_not_sent_by_another() -> None:
    sent: list[str | None] = []

    def noted(peer: Peer) -> None:
        sent.append(peer.headers.get("cookie"))
        silent(peer)

    with socket_to(greets(noted, "Set-Cookie: replica=1; Domain=127.0.0.1\r\n"), 5) as target:
        for number in (1, 2):
            line = TokenLine(target, ANA, None)
            with gevent.Timeout(10):
                while len(sent) < number:
                    gevent.sleep(0.01)
            line.leave()
    assert sent == [None, None]


def test_leaving_a_socket_ends_its_thread() -> None:
    with socket_to(greets(silent), 5) as target:
        before = threading.active_count()
        with TokenSocket(target, ANA):
            pass
        assert not [one for one in threading.enumerate() if one.name == "seatrial-socket"], before


# --- load


def test_a_load_on_a_target_that_means_harm_ends_and_credentials_stay(tmp_path: Path) -> None:
    names = ("a body without end", "one header without end", "interim answers without end", "another place", "a bomb")
    tokens = ["owner-one-0123456789"]
    with running(create_app(Contract.load(), tokens=tokens)) as upstream:
        with hostile(upstream, {"getHistory": in_turn(*map(EVERY.__getitem__, names))}) as server:
            started = time.monotonic()
            options = ("--users", "2", "--duration", "1s", "--think", "0", "--turns", "1", "--timeout", "0.4s")
            ended = seatrial_command(tmp_path, "load", server.url, *options, env={"SEATRIAL_TOKEN": tokens[0]})
            assert time.monotonic() - started < 60
    assert ended.code in (1, 3), ended
    assert "Traceback" not in ended.out + ended.err
    assert server.asked["getHistory"] >= len(names)
    assert server.elsewhere_got == []
