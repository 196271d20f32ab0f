"""A server of the Session API that costs next to nothing, so that what is measured against it is the client.

    with null_server() as (url, pid): ...       # a process of its own
    own_rate(url)                               # requests per second that it answers, asked by sockets that just ask

It keeps what was said in a dictionary and answers from ready-made bytes; nothing is checked, nothing is stored. It is
written on epoll alone: an event loop would cost half of its rate.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from seatrial.contract import SESSIONS, Contract
from seatrial.lab.children import child
from seatrial.lab.serving import bound
from seatrial.lifeline import child_environment, watch

REPLY = "Aye."
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
ROOM = 65_536
CONNECTIONS, SECONDS = 32, 3.0


@contextlib.contextmanager
def null_server() -> Iterator[tuple[str, int]]:
    """The server; yields its base URL and its process id."""
    contract = Contract.load()
    calls = {name: contract.call(name) for name in ("createSession", "sendMessage", "getModelInfo", "listSessions")}
    paths = {name: contract.prefix(SESSIONS) + call.path for name, call in calls.items()}
    command = [sys.executable, str(Path(__file__)), json.dumps(paths)]
    with child(command, env=child_environment(), errors=None) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid


def own_rate(url: str, path: str) -> float:
    """Requests per second of a GET, by some kept connections in step."""
    parts = urlsplit(url)
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    poll, socks = select.epoll(), {}
    for _ in range(CONNECTIONS):
        sock = socket.create_connection((parts.hostname or "", parts.port or 80))
        poll.register(sock, select.EPOLLIN)
        socks[sock.fileno()] = sock
        sock.sendall(request)
    answered, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for number, _ in poll.poll():
            socks[number].recv(ROOM)
            answered += 1
            socks[number].sendall(request)
    rate = answered / (time.perf_counter() - began)
    for sock in socks.values():
        sock.close()
    return rate


class _Sessions:
    """What was said, and the bytes that answer."""

    def __init__(self, paths: dict[str, str]) -> None:
        self._create, self._send = paths["createSession"].encode(), paths["sendMessage"].encode()
        self._model = paths["getModelInfo"].encode()
        self._said: dict[str, list[str]] = {}
        self._made = 0
        self._turn = _answer({"reply": REPLY, "model": "null"})
        self._info = _answer({"name": "null", "version": "1"})
        self._none = _answer({"sessions": []})

    def answer(self, method: bytes, path: bytes, body: bytes) -> bytes:
        if method == b"POST" and path == self._send:
            document = json.loads(body)
            said = self._said.get(document.get("session_id"))
            if said is not None:
                said.append(document["prompt"])
            return self._turn
        if method == b"POST" and path == self._create:
            self._made += 1
            self._said[f"s{self._made}"] = []
            return _answer({"id": f"s{self._made}", "created_at": 0})
        if method == b"DELETE":
            key = self._key(path)
            self._said.pop(key, None)
            return _answer({"id": key, "deleted": True})
        if path == self._model:
            return self._info
        said = self._said.get(self._key(path))
        if said is None:
            return self._none
        messages = [
            {"role": role, "content": text, "created_at": 0}
            for prompt in said for role, text in (("user", prompt), ("assistant", REPLY))
        ]  # fmt: skip
        return _answer({"session_id": self._key(path), "messages": messages})

    def _key(self, path: bytes) -> str:
        """The id stands in the path of a history or of a session: it is the part that was made here."""
        return next((part for part in reversed(path.decode().split("/")) if part in self._said), "")


def _answer(document: object) -> bytes:
    body = json.dumps(document).encode()
    return HEAD % len(body) + body


def _serve(paths: dict[str, str]) -> None:
    sessions, listening, poll = _Sessions(paths), bound("127.0.0.1", 0), select.epoll()
    poll.register(listening, select.EPOLLIN)
    socks: dict[int, socket.socket] = {}
    rest: dict[int, bytes] = {}
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    while True:
        for number, _ in poll.poll():
            if number == listening.fileno():
                sock, _ = listening.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                socks[sock.fileno()], rest[sock.fileno()] = sock, b""
                poll.register(sock, select.EPOLLIN)
                continue
            sock = socks[number]
            try:
                data = sock.recv(ROOM)
                if data:
                    rest[number] = _taken(sessions, sock, rest[number] + data)
                    continue
            except OSError:
                pass
            poll.unregister(number)
            sock.close()
            del socks[number], rest[number]


def _taken(sessions: _Sessions, sock: socket.socket, data: bytes) -> bytes:
    """Answer each whole request; what is left has only begun."""
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return data
        length, mark = 0, data.lower().find(b"content-length:", 0, end)
        if mark >= 0:
            length = int(data[mark + 15 : data.find(b"\r\n", mark)])
        whole = end + 4 + length
        if len(data) < whole:
            return data
        method, path, _ = data.split(b" ", 2)
        sock.sendall(sessions.answer(method, path.partition(b"?")[0], data[end + 4 : whole]))
        data = data[whole:]
        if not data:
            return data


if __name__ == "__main__":
    watch()
    with contextlib.suppress(KeyboardInterrupt):
        _serve(json.loads(sys.argv[1]))
