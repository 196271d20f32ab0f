"""A server that works like the one behind it, and answers some operations in a way meant to do harm.

    with hostile(upstream, {"getHistory": Nastiness("endless body", ...)}) as server:
        ... server.url, server.elsewhere ...

It speaks HTTP by hand, one thread a connection, so that it can also say what no HTTP library would.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from urllib.parse import urlsplit

from seatrial.contract import Contract

LONGEST = 20.0
"""Seconds after which even the most patient nastiness ends, should nobody leave."""

Writes = Callable[["Peer"], None]
"""What a nastiness does with the connection; it closes when it returns."""


@dataclass
class Peer:
    """One request, and the socket on which it is answered."""

    socket: socket.socket
    server: Hostile
    headers: Mapping[str, str] = field(default_factory=dict)
    until: float = field(default_factory=lambda: time.monotonic() + LONGEST)

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def wait(self, seconds: float) -> bool:
        """False once it is time to end."""
        return not self.server.ended.wait(seconds) and time.monotonic() < self.until

    def flood(self, piece: bytes, head: bytes = b"") -> None:
        self.say(head)
        while self.wait(0):
            self.say(piece)

    def drip(self, piece: bytes, head: bytes = b"", every: float = 0.05) -> None:
        self.say(head)
        for byte in iter(lambda: piece, None):
            for one in byte:
                self.say(bytes([one]))
                if not self.wait(every):
                    return

    def reset(self) -> None:
        """Leave with a RST instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


class Hostile:
    """`nasty` is by operationId; `elsewhere` is another server, which writes down the requests that it got.

    `asked` counts the operations, `heard` are the headers of all requests.
    """

    def __init__(self, upstream: str, nasty: Mapping[str, Writes], after: int = 0, most: int | None = None) -> None:
        self.nasty, self.after, self.most = nasty, after, most
        self.times_nasty = 0
        self.asked: Counter[str] = Counter()
        self.elsewhere_got: list[bytes] = []
        self.heard: list[dict[str, str]] = []
        self.ended = threading.Event()
        self._upstream = urlsplit(upstream)
        self._routes = _routes()
        self._listeners = [socket.create_server(("127.0.0.1", 0), backlog=200) for _ in range(2)]
        self.url, self.elsewhere = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in self._listeners)

    def start(self) -> None:
        for listener, serve in zip(self._listeners, (self._serve, self._note), strict=True):
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    def stop(self) -> None:
        self.ended.set()
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        while not self.ended.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(peer, serve), daemon=True).start()

    def _guarded(self, peer: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException), peer:
            peer.settimeout(LONGEST)
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(peer)

    def _note(self, peer: socket.socket) -> None:
        self.elsewhere_got.append(peer.recv(65_536))
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    def _serve(self, peer: socket.socket) -> None:
        """Requests of one connection, until one is answered nastily."""
        buffered = b""
        while not self.ended.is_set():
            request = _request(peer, buffered)
            if request is None:
                return
            method, target, headers, body, buffered = request
            self.heard.append(headers)
            operation = self._operation(method, target.partition("?")[0])
            self.asked[operation] += 1
            enough = self.most is not None and self.times_nasty >= self.most
            if operation in self.nasty and self.asked[operation] > self.after and not enough:
                self.times_nasty += 1
                self.nasty[operation](Peer(peer, self, headers))
                return
            peer.sendall(self._passed_on(method, target, headers, body))

    def _operation(self, method: str, path: str) -> str:
        path = path.removeprefix(self._upstream.path)
        return next((name for verb, route, name in self._routes if verb == method and route.fullmatch(path)), "")

    def _passed_on(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=LONGEST)
        with contextlib.closing(connection):
            kept = {name: value for name, value in headers.items() if name not in ("host", "connection")}
            connection.request(method, target, body or None, kept | {"accept-encoding": "identity"})
            answer = connection.getresponse()
            content = answer.read()
            told = [(n, v) for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding", "content-length")]
            head = "".join(f"{name}: {value}\r\n" for name, value in told)
            return f"HTTP/1.1 {answer.status} X\r\n{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


@cache
def _routes() -> list[tuple[str, re.Pattern[str], str]]:
    operations = sorted(Contract.load().operations.values(), key=lambda one: one.path.count("{"))
    return [(one.method, re.compile(re.sub(r"\{[^}]*\}", "[^/]+", one.path)), one.id) for one in operations]


def _request(peer: socket.socket, read: bytes) -> tuple[str, str, dict[str, str], bytes, bytes] | None:
    while b"\r\n\r\n" not in read:
        more = peer.recv(65_536)
        if not more:
            return None
        read += more
    head, _, rest = read.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", 0))
    while len(rest) < length:
        rest += peer.recv(65_536)
    return method, target, headers, rest[:length], rest[length:]


@contextlib.contextmanager
def hostile(upstream: str, nasty: Mapping[str, Writes], after: int = 0, most: int | None = None) -> Iterator[Hostile]:
    """`after`: so many answers of each nasty operation are what they should be. `most`: so many are nasty, in all."""
    server = Hostile(upstream, nasty, after, most)
    server.start()
    try:
        yield server
    finally:
        server.stop()


# --- what it can do

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


def body(content: bytes, kind: bytes = b"application/json", more: bytes = b"") -> Writes:
    """A whole answer with this body."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n" % (kind, more, len(content))
    return lambda peer: peer.say(head, content)


def steps(*done: Writes) -> Writes:
    """One after the other."""

    def act(peer: Peer) -> None:
        for one in done:
            one(peer)

    return act


def in_turn(*ways: Writes) -> Writes:
    """Another one each time, from the first again after the last."""
    counter = count()

    def act(peer: Peer) -> None:
        ways[next(counter) % len(ways)](peer)

    return act


def late(seconds: float) -> Writes:
    """No answer for so long, then an empty one."""

    def act(peer: Peer) -> None:
        peer.wait(seconds)
        body(b"{}")(peer)

    return act


def said(*pieces: bytes) -> Writes:
    return lambda peer: peer.say(*pieces)


def silent(peer: Peer) -> None:
    peer.wait(LONGEST)


def bomb(megabytes: int = 1_024) -> bytes:
    """So many megabytes of white space, as gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(b" " * 1_048_576) for _ in range(megabytes)) + packer.flush()


def redirect(peer: Peer) -> None:
    place = peer.server.elsewhere.encode()
    peer.say(b"HTTP/1.1 307 Elsewhere\r\nLocation: " + place + b"/stolen\r\nContent-Length: 0\r\n\r\n")


ENDLESS: dict[str, Writes] = {
    "a body without end": lambda peer: peer.flood(CHUNK, CHUNKED),
    "a body without end or length": lambda peer: peer.flood(b"[" * 65_536, OK + b"\r\n"),
    "a byte now and then": lambda peer: peer.drip(b"1\r\n[\r\n", CHUNKED),
    "headers without end": lambda peer: peer.flood(b"X-More: and more\r\n" * 100, OK),
    "one header without end": lambda peer: peer.flood(b"x" * 65_536, OK + b"X-Long: "),
    "a header byte now and then": lambda peer: peer.drip(b"X-Slow: 1\r\n", OK),
    "a status line that never ends": lambda peer: peer.drip(b"x", b"HTTP/1.1 200 "),
    "interim answers without end": lambda peer: peer.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a trailer without end": lambda peer: peer.drip(b"X-T: 1\r\n", CHUNKED + b"2\r\n{}\r\n0\r\n"),
    "silence": silent,
    "silence in the body": steps(said(CHUNKED + b"1\r\n[\r\n"), silent),
    "events without end": lambda peer: peer.flood(
        b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n' * 50,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    ),
}

BIG: dict[str, Writes] = {
    "100 MB": lambda peer: peer.flood(b'"x",' * 16_384, OK + b"Content-Length: 104857600\r\n\r\n"),
    "a million rows": body(b'{"sessions": [' + b'{"id": "a"},' * 1_000_000 + b'{"id": "a"}]}'),
    "rows that just fit": body(b'{"sessions": [' + b'{"id":"a","created_at":1},' * 80_000 + b'{"id": "a"}]}'),
    "a huge header block": said(OK, b"X-A: " + b"a" * 5_000_000 + b"\r\n\r\n{}"),
    "many headers": said(OK, b"".join(b"X-%d: a\r\n" % n for n in range(200_000)), b"\r\n{}"),
    "one long text": body(b'{"id": "' + "é".encode() * 7_000_000 + b'"}'),
}

ODD: dict[str, Writes] = {
    "nested arrays": body(b"[" * 100_000 + b"]" * 100_000),
    "nested objects": body(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "nested, but not too deep for Python": body(b'{"id": ' + b"[" * 600 + b"]" * 600 + b"}"),
    "a huge integer": body(b'{"id": "a", "created_at": ' + b"9" * 10_000 + b"}"),
    "an integer that is no float": body(
        b'{"id": "a", "created_at": ' + b"9" * 400 + b', "messages": [], "sessions": []}'
    ),
    "NaN": body(b'{"id": "a", "created_at": NaN, "messages": [], "sessions": []}'),
    "Infinity": body(b'{"id": "a", "created_at": -Infinity}'),
    "half a character": body(
        b'{"id": "\\ud800", "name": "\\udfff", "version": "\\ud800", "model": "\\ud800", "reply": "\\ud800",'
        b' "messages": [{"role": "user", "content": "\\ud800", "created_at": 1}], "created_at": 1}'
    ),
    "the same key twice": body(b'{"id": "a", "id": "b", "created_at": 1, "created_at": 2}'),
    "no UTF-8": body(b'{"id": "\xff\xfe", "reply": "\xc3("}'),
    "UTF-16": body('{"id": "a"}'.encode("utf-16"), b"application/json; charset=utf-8"),
    "another charset": body('{"id": "\xe9"}'.encode("latin-1"), b"application/json; charset=nonsense"),
    "null": body(b"null"),
    "a list of nothing": body(b"[null, 1, [], {}]"),
    "an object of nothing": body(b'{"id": null, "sessions": [null], "messages": [[]], "reply": {}, "name": 1}'),
    "an id that is a path": body(b'{"id": "../../api/v1/chats", "created_at": 1}'),
    "control characters": body(
        b'{"id": "a\\u0000\\u001b[2J\\r\\nX: y", "created_at": 1, "reply": "\\u0000\\u001b[31m"}'
    ),
}

BROKEN: dict[str, Writes] = {
    "no answer": lambda _peer: None,
    "a reset before the answer": Peer.reset,
    "a reset in the headers": steps(said(OK), Peer.reset),
    "a reset in the body": steps(said(CHUNKED + b"5\r\n[1,2,\r\n"), Peer.reset),
    "an end in the body": said(OK + b"Content-Length: 100\r\n\r\n{"),
    "no HTTP": said(b"SSH-2.0-OpenSSH_9.6\r\n\x00\xff"),
    "a status that is none": said(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "two lengths": said(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a length below zero": said(OK + b"Content-Length: -1\r\n\r\n{}"),
    "a chunk of a length that is none": said(CHUNKED + b"zz\r\n{}\r\n"),
    "a switch of protocols": lambda peer: peer.say(
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    ),
    "another place": redirect,
    "cookies": body(b"{}", more=b"Set-Cookie: token=stolen; Path=/\r\n" * 500),
    "a bomb": body(bomb(), more=b"Content-Encoding: gzip\r\n"),
    "a bomb in a bomb": body(bomb(64), more=b"Content-Encoding: gzip, gzip\r\n"),
    "an encoding that it is not": body(b"plain", more=b"Content-Encoding: gzip\r\n"),
    "an encoding that nobody knows": body(b"plain", more=b"Content-Encoding: zstd\r\n"),
    "half of a gzip": body(bomb(1)[:500], more=b"Content-Encoding: gzip\r\n"),
}

EVERY = ENDLESS | BIG | ODD | BROKEN
