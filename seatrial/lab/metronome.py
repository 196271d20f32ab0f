"""A server of known timing: streams whose every event says when it was sent, and answers that take as long as asked.

    with metronome() as url: ...                       # a process of its own
    GET {url}/stream?first=0.2&gap=0.02&count=50       # seconds; SSE as completions have it
    GET {url}/stream?...&stall=0.5&at=25&end=abort     # a pause before event 25; done, cut, abort or error at the end
    GET {url}/answer?after=0.05&size=200               # JSON

What measures others is measured against it: the first event carries when the request had come (`received`), and each
when it was sent (`sent`), both on `time.monotonic`, which all processes of a machine share. It is written for the event
loop alone, without a framework, so that it is late by tenths of milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from seatrial.errors import Inconclusive
from seatrial.lab.children import child
from seatrial.lab.serving import bound
from seatrial.lifeline import child_environment, watch

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n"
ENDS = ("done", "cut", "abort", "error")
LINGER = struct.pack("ii", 1, 0)
"""Closing a socket with this sends a reset and no end."""


@contextlib.contextmanager
def metronome() -> Iterator[str]:
    """The server in a process of its own on loopback; yields its base URL."""
    with child([sys.executable, "-P", "-m", "seatrial.lab.metronome"], env=child_environment(), errors=None) as process:
        assert process.stdout is not None
        if not (url := process.stdout.readline().strip()):
            raise Inconclusive(f"the server of known timing ended with code {process.wait()} before it was ready")
        yield url


class Connection(asyncio.Protocol):
    """One client. Requests come one after the other; bodies are read over. `asked` is what follows the head."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._buffer = loop, b""
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        received = time.monotonic()
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        parts = urlsplit(head.split(b" ", 2)[1].decode())
        self.asked(parts.path, dict(parse_qsl(parts.query)), received)

    def asked(self, path: str, query: dict[str, str], received: float) -> None:
        """A whole request is there since `received`."""
        if path == "/answer":
            size = int(query.get("size", 0))
            self._later(received + float(query.get("after", 0)), self.answer, {"text": "x" * size})
        else:
            self.stream(query, received)

    def answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self._transport.write(HEAD % (b"application/json", b"Content-Length: %d\r\n" % len(body)) + body)

    def stream(self, asked: dict[str, str], received: float) -> None:
        self._transport.write(HEAD % (b"text/event-stream", b"Transfer-Encoding: chunked\r\n"))
        self._event(asked, received, 0, received + float(asked.get("first", 0.2)))

    def event(self, number: int, received: float) -> dict[str, Any]:
        """An event that is sent now."""
        token = {"choices": [{"index": 0, "delta": {"content": f"t{number} "}}], "received": received}
        return token | {"sent": time.monotonic()}

    def _later(self, when: float, what: Any, *arguments: Any) -> None:
        self._timer = self._loop.call_later(max(0.0, when - time.monotonic()), what, *arguments)

    def _event(self, asked: dict[str, str], received: float, number: int, due: float) -> None:
        """Event `number` at its time, and then the next one; lateness of one does not move the others."""
        self._later(due, self._send, asked, received, number, due)

    def _send(self, asked: dict[str, str], received: float, number: int, due: float) -> None:
        count, end = int(asked.get("count", 50)), asked.get("end", "done")
        self._transport.write(_chunk(f"data: {json.dumps(self.event(number, received))}\n\n".encode()))
        if number + 1 < count:
            pause = float(asked.get("stall", 0)) if number + 1 == int(asked.get("at", -1)) else 0.0
            self._event(asked, received, number + 1, due + float(asked.get("gap", 0.02)) + pause)
            return
        if end == "abort":
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            self._transport.abort()
            return
        last = {"done": b"data: [DONE]\n\n", "error": b'data: {"error": {"message": "the model broke"}}\n\n'}
        self._transport.write((_chunk(last[end]) if end in last else b"") + b"0\r\n\r\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def serve(connection: Callable[[asyncio.AbstractEventLoop], Connection] = Connection) -> None:
    """Until the process ends; the first line on standard output is the base URL."""
    loop = asyncio.get_running_loop()
    listening = bound("127.0.0.1", 0)
    listening.setblocking(False)
    server = await loop.create_server(lambda: connection(loop), sock=listening, backlog=2048)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    watch()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
