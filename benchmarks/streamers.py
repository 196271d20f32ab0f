"""Clients that read streams of the server of known timing, each in a process of its own, as its users would write it.

    python benchmarks/streamers.py seatrial '{"url": ..., "starts": [0, 0, 0.2], "queries": ["first=0.2&...", ...]}'

Every stream has a connection of its own, made before by a small request, so that nobody is charged for connecting;
it is asked for at its moment and no earlier. What comes is stamped and kept; all is parsed when the last has ended,
so that nobody is charged for that either. Printed is JSON: for each stream the first token and the gaps in
milliseconds as the client has them and as the server sent them, how it ended, and the share of a core that was used.

The clock starts where each client's users can start it: before the call. Seatrial's starts when the request has left.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from known_streams import PATIENCE, Heard, Plan, Stream, Window, result, told

from seatrial.lifeline import watch


def seatrial(plan: Plan) -> dict[str, Any]:
    """The client of `seatrial load`, with its records, as a user of hundreds in one process."""
    from gevent import monkey

    monkey.patch_all()
    import gevent
    from locust.event import EventHook

    from load import collecting
    from load.delivery import Delivery, read
    from load.locust_client import LoadClient
    from load.recorder import LoadRecorder
    from seatrial.exchange import Call, NoAnswer
    from seatrial.target import ANONYMOUS, Target

    target, connects = Target(plan.url, timeout=PATIENCE), []
    with tempfile.TemporaryDirectory() as scratch:
        recorder = LoadRecorder(Path(scratch) / "samples.jsonl")
        clients = [
            LoadClient(target, ANONYMOUS, number, recorder, EventHook())  # type: ignore[no-untyped-call]
            for number in range(len(plan.starts))
        ]
        for client in clients:
            client.send(Call("connect", "GET", "/answer"))
            connects.append((client._clock.connected_in or 0.0) * 1000)  # noqa: SLF001
        collecting.rarely()  # as a load does before it begins
        window = Window()

        def one(client: LoadClient, start: float, path: str) -> tuple[Delivery | None, bytes, str]:
            gevent.sleep(window.wait(start))
            try:
                streamed = client.stream(Call("known", "GET", path))
            except NoAnswer as failure:
                return None, b"", failure.reason
            delivery = read(streamed)
            client.settle()
            client.turned("sse", delivery.ended, delivery.ms, delivery.first, delivery.gaps)
            return delivery, streamed.reply.body, delivery.ended

        greenlets = [gevent.spawn(one, client, *where) for client, where in zip(clients, plan.paths, strict=True)]
        gevent.sleep(window.wait(0.0))
        window.open()
        gevent.joinall(greenlets)
        share = window.share()
        recorder.close()
    streams = []
    for delivery, body, word in (greenlet.value for greenlet in greenlets):
        true = result(Heard([(0.0, line) for line in body.split(b"\n")]))
        first, gaps = (delivery.first, list(delivery.gaps)) if delivery else (None, [])
        streams.append(Stream(first, gaps, true.true_first, true.true_gaps, "" if word == "done" else word))
    connects.sort()
    return told(streams, share) | {"connect": connects[len(connects) // 2]}


def fast_http_user(plan: Plan) -> dict[str, Any]:
    """Locust's FastHttpUser with the `iter_lines` of its client."""
    from gevent import monkey

    monkey.patch_all()
    from locust import FastHttpUser
    from locust.env import Environment

    class User(FastHttpUser):
        host = plan.url

    environment = Environment(user_classes=[User])

    def lines(client: Any, path: str) -> Iterator[bytes]:
        for line in client.iter_lines(path, name="known"):
            yield line.encode()

    return _locust(plan, lambda: User(environment).client, lines)


def http_user(plan: Plan) -> dict[str, Any]:
    """Locust's HttpUser, which is requests, with the `iter_lines` of its response."""
    from gevent import monkey

    monkey.patch_all()
    from locust import HttpUser
    from locust.env import Environment

    class User(HttpUser):
        host = plan.url

    environment = Environment(user_classes=[User])

    def lines(client: Any, path: str) -> Iterator[bytes]:
        with client.get(path, stream=True, catch_response=True, name="known") as response:
            response.raise_for_status()
            yield from response.iter_lines()

    return _locust(plan, lambda: User(environment).client, lines)  # type: ignore[no-untyped-call]


def _locust(plan: Plan, user: Callable[[], Any], lines: Callable[[Any, str], Iterator[bytes]]) -> dict[str, Any]:
    import gevent

    clients = [user() for _ in plan.starts]
    for client in clients:
        client.get("/answer")
    window = Window()

    def one(client: Any, start: float, path: str) -> Heard:
        heard = Heard()
        gevent.sleep(window.wait(start))
        began = time.perf_counter()
        try:
            for line in lines(client, path):
                heard.lines.append((time.perf_counter() - began, line))
        except Exception as error:  # noqa: BLE001 - whatever a client raises is its word for a failure
            heard.failed = type(error).__name__
        return heard

    greenlets = [gevent.spawn(one, client, *where) for client, where in zip(clients, plan.paths, strict=True)]
    gevent.sleep(window.wait(0.0))
    window.open()
    gevent.joinall(greenlets)
    share = window.share()
    return told([result(greenlet.value) for greenlet in greenlets], share)


def aiohttp(plan: Plan) -> dict[str, Any]:
    """aiohttp: one session, lines as its StreamReader gives them."""
    return asyncio.run(_aiohttp(plan))


async def _aiohttp(plan: Plan) -> dict[str, Any]:
    from aiohttp import ClientSession, ClientTimeout, TCPConnector

    limit = ClientTimeout(total=PATIENCE)
    async with ClientSession(
        plan.url, connector=TCPConnector(limit=0, keepalive_timeout=2 * PATIENCE), timeout=limit
    ) as session:

        async def connect() -> None:
            async with session.get("/answer?after=0.5") as response:  # all at once, or they would share connections
                await response.read()

        async def one(start: float, path: str) -> Heard:
            heard = Heard()
            await asyncio.sleep(window.wait(start))
            began = time.perf_counter()
            try:
                async with session.get(path) as response:
                    async for line in response.content:
                        heard.lines.append((time.perf_counter() - began, line))
                    response.raise_for_status()
            except Exception as error:  # noqa: BLE001
                heard.failed = type(error).__name__
            return heard

        await asyncio.gather(*(connect() for _ in plan.starts))
        window = Window()
        tasks = [asyncio.create_task(one(*where)) for where in plan.paths]
        await asyncio.sleep(window.wait(0.0))
        window.open()
        heard = await asyncio.gather(*tasks)
        share = window.share()
    return told([result(one) for one in heard], share)


def sockets(plan: Plan) -> dict[str, Any]:
    """The floor: sockets and epoll, no HTTP library; what comes is stamped after `recv`."""
    parts = urlsplit(plan.url)
    where, host = (parts.hostname or "", parts.port or 80), parts.netloc
    selector, heard = selectors.DefaultSelector(), [Heard() for _ in plan.starts]
    open_: list[socket.socket] = []
    for number in range(len(plan.starts)):
        sock = socket.create_connection(where)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(f"GET /answer HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        sock.recv(65_536)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, number)
        open_.append(sock)
    window = Window()
    due = sorted((start, number, path) for number, (start, path) in enumerate(plan.paths))
    began, left, opened = [0.0] * len(due), len(due), False
    rest = [b""] * len(due)
    while left and time.perf_counter() < window.zero + plan.starts[-1] + PATIENCE:
        while due and window.wait(due[0][0]) == 0.0:
            if not opened:
                window.open()
                opened = True
            _, number, path = due.pop(0)
            began[number] = time.perf_counter()
            open_[number].sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        for key, _ in selector.select(window.wait(due[0][0]) if due else 1.0):
            try:
                data = open_[key.data].recv(65_536)
            except OSError as error:
                data, heard[key.data].failed = b"", type(error).__name__
            now = time.perf_counter() - began[key.data]
            *lines, rest[key.data] = (rest[key.data] + data).split(b"\n")
            heard[key.data].lines += [(now, line) for line in lines]
            if not data or data.endswith(b"0\r\n\r\n"):
                selector.unregister(open_[key.data])
                left -= 1
    share = window.share()
    return told([result(one) for one in heard], share)


CLIENTS: dict[str, Callable[[Plan], dict[str, Any]]] = {
    one.__name__: one for one in (seatrial, sockets, aiohttp, fast_http_user, http_user)
}

if __name__ == "__main__":
    watch()
    json.dump(CLIENTS[sys.argv[1]](Plan(**json.loads(sys.argv[2]))), sys.stdout)
