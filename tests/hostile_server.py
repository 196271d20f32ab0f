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
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
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
