"""The client under servers that redirect, set cookies, never end, break off, or answer nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from seatrial import client as client_module
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.errors import SeatrialError, WrongUse
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.lab.reference import create_app
from seatrial.lab.serving import free_port, running
from seatrial.target import Account, Target

GET = Call("listSessions", "GET", "/sessions")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Pieces(httpx.SyncByteStream):
    """A body that comes as its pieces come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces


def client(
    answer: Callable[[httpx.Request], httpx.Response], *, timeout: float = 5, token: str | None = None
) -> Client:
    target = Target("http://target.example/base/", headers={"X-Front": "door"}, timeout=timeout)
    return Client(target, Account("ana", token), transport=httpx.MockTransport(answer))


@contextmanager
def raw(*writes: bytes | float, hold: bool = False) -> Iterator[str]:
    """A server that writes these bytes to whoever connects; a number is a pause in seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def serve() -> None:
            with listener.accept()[0] as peer:
                peer.recv(65536)
                try:
                    for write in writes:
                        if isinstance(write, float):
                            ended.wait(write)
                        else:
                            peer.sendall(write)
                    ended.wait(20 if hold else 0)
                except OSError:
                    pass  # the client has left, which is what some tests are about

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended.set()
        thread.join(5)


def send(url: str, timeout: float = 5) -> Reply:
    with Client(Target(url, timeout=timeout)) as sender:
        return sender.send(GET)


# --- what is sent


def test_a_call_goes_below_the_base_url_with_credentials_and_the_headers_of_what_stands_in_front() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    call = Call("sendMessage", "POST", "/chat/a%2Fb", (("page", "2"),), {"prompt": "é"}, {"X-Own": "1"})
    with client(answer, token="sk-ana") as sender:
        sender.send(call)
    (request,) = seen
    assert str(request.url) == "http://target.example/base/chat/a%2Fb?page=2"
    assert request.content == '{"prompt": "é"}'.encode()
    sent = {name: request.headers.get(name) for name in ("authorization", "x-front", "x-own", "content-type")}
    assert sent == {
        "authorization": "Bearer sk-ana",
        "x-front": "door",
        "x-own": "1",
        "content-type": "application/json",
    }


def test_a_call_without_a_body_sends_none_and_names_no_content_type() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"body": len(request.content), "type": request.headers.get("content-type")})

    with client(answer) as sender:
        assert sender.send(Call("createSession", "POST", "/sessions")).document() == {"body": 0, "type": None}


def test_proxies_and_logins_of_the_shell_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with running(create_app(Contract.load(), tokens=["ana"])) as url:
        with Client(Target(url)) as sender:
            assert sender.send(Contract.load().call("listSessions")).status == 401


# --- what is not done with answers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(status, headers={"Location": "/login"})

    with client(answer, token="sk-ana") as sender:
        assert sender.send(GET).status == status
    assert asked == ["/base/sessions"]


def test_a_cookie_is_not_kept_because_it_would_authenticate() -> None:
    cookies: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        cookies.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "token=secret; Path=/"}, json={})

    with client(answer) as sender:
        sender.send(GET)
        sender.send(GET)
        sender.reconnect()
        sender.send(GET)
    assert cookies == [None, None, None]


# --- bodies without an end


def test_a_body_that_never_ends_is_cut_at_the_deadline() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        def pieces() -> Iterator[bytes]:
            while True:
                time.sleep(0.02)
                yield b"x"

        return httpx.Response(200, stream=Pieces(pieces()))

    started = time.monotonic()
    with client(answer, timeout=0.3) as sender:
        reply = sender.send(GET)
    assert reply.cut == "deadline"
    assert 0.25 < reply.seconds <= time.monotonic() - started < 2
    assert set(reply.body) == set(b"x")


def test_a_byte_now_and_then_does_not_put_the_deadline_off() -> None:
    body = (item for _ in range(50) for item in (b"x", 0.1))
    with raw(HEAD + b"Content-Length: 1000\r\n\r\n", *body) as url:
        started = time.monotonic()
        assert send(url, 0.5).cut == "deadline"
        assert time.monotonic() - started < 1.5


def test_a_body_that_falls_silent_is_cut_and_what_came_is_kept() -> None:
    with raw(HEAD + b"Content-Length: 100\r\n\r\n", b'{"half": ', hold=True) as url:
        reply = send(url, 0.4)
    assert (reply.status, reply.cut, reply.body) == (200, "deadline", b'{"half": ')


def test_a_body_that_breaks_off_is_marked() -> None:
    with raw(HEAD + b"Content-Length: 100\r\n\r\n", b'{"half": ') as url:
        reply = send(url)
    assert (reply.cut, reply.body) == ("closed", b'{"half": ')


def test_a_body_that_is_too_big_is_cut_at_the_limit() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Pieces(iter(lambda: b"x" * 1_000_000, b"")))

    with client(answer) as sender:
        reply = sender.send(GET)
    assert reply.cut == "size"
    assert len(reply.body) == client_module.MAX_BODY


def test_a_body_that_is_not_what_its_encoding_says_is_marked_and_ends_nothing() -> None:
    with raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain") as url:
        assert send(url).cut == "encoding"


# --- no answer at all


def test_a_port_where_nothing_listens_says_so() -> None:
    with pytest.raises(NoAnswer, match="connection refused: nothing listens there"):
        send(f"http://127.0.0.1:{free_port()}")


def test_a_server_that_says_nothing_is_left_at_the_timeout() -> None:
    with raw(hold=True) as url, pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
        send(url, 0.3)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-"])
def test_a_server_that_speaks_something_else_or_hangs_up_gives_no_answer(said: bytes) -> None:
    with raw(said) as url, pytest.raises(NoAnswer, match="the connection broke"):
        send(url)


@pytest.mark.parametrize(
    "url", ["http://exa mple.org", "http://[::1", "http://host:99999999", "http://a..b", "http://" + "a" * 70]
)
def test_a_url_that_is_none_is_wrong_use_or_no_answer_and_never_a_traceback(url: str) -> None:
    with pytest.raises((WrongUse, NoAnswer)):
        send(url)


def test_plain_http_on_a_tls_port_and_the_other_way_round_is_no_answer() -> None:
    with raw(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url, pytest.raises((NoAnswer, SeatrialError)):
        send(url.replace("http:", "https:"))


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(WrongUse, match=f"--ca-file .*{name}"):
            Client(Target("https://127.0.0.1", ca_file=str(tmp_path / name)))


# --- who listens


def test_listeners_hear_every_outcome_once_and_a_gate_can_refuse_before_anything_is_sent() -> None:
    heard: list[object] = []
    asked: list[str] = []

    def gate(account: Account, call: Call) -> None:
        if call.operation == "createSession":
            raise SeatrialError("budget spent")
        asked.append(call.operation)

    target = Target(f"http://127.0.0.1:{free_port()}", timeout=2)
    ana = Account("ana")
    with Client(target, ana, before=gate, on_exchange=lambda *args: heard.append(args)) as sender:
        with pytest.raises(SeatrialError, match="budget spent"):
            sender.send(Call("createSession", "POST", "/sessions"))
        with pytest.raises(NoAnswer) as failure:
            sender.send(GET)
    assert asked == ["listSessions"]
    assert heard == [(ana, GET, failure.value)]


def test_a_listener_hears_an_answer_that_its_reader_left_early() -> None:
    heard: list[Reply | NoAnswer] = []
    answer = httpx.MockTransport(lambda _: httpx.Response(200, stream=Pieces(iter([b"one", b"two"]))))
    listen = Client(Target("http://target.example"), transport=answer, on_exchange=lambda *args: heard.append(args[2]))
    with listen as sender, sender.stream(GET) as stream:
        next(stream.chunks())
    assert [outcome.body for outcome in heard if isinstance(outcome, Reply)] == [b"one"]


def test_after_a_5xx_the_next_call_takes_a_new_connection() -> None:
    # The server answers 500 and drops the connection a moment later, as an Open WebUI does after an unhandled error.
    accepted = 0
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            nonlocal accepted
            for _ in range(2):
                with listener.accept()[0] as peer:
                    accepted += 1
                    peer.recv(65536)
                    peer.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}")
                    time.sleep(0.05)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with Client(Target(f"http://127.0.0.1:{listener.getsockname()[1]}")) as sender:
            assert [sender.send(GET).status for _ in range(2)] == [500, 500]
        thread.join(5)
    assert accepted == 2
