"""The fault proxy passes on what it is not told to break: requests, streams, sockets, ends."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import websocket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from seatrial.contract import Contract
from seatrial.errors import WrongUse
from seatrial.lab.proxy import Proxy
from seatrial.lab.serving import free_port, running

ROOT = Path(__file__).parents[1]
CONTRACT = Contract.load()
HANDFUL = ("message-lost", "deleted-still-listed", "others-read", "trace-shown")
"""Durability, listing, access, leak."""


def upstream(*routes: Route | WebSocketRoute) -> Starlette:
    return Starlette(routes=list(routes))


def test_a_request_and_its_answer_pass_unchanged() -> None:
    async def told(request: Request) -> Response:
        seen = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "body": (await request.body()).decode(),
            "accept-encoding": request.headers.get("accept-encoding"),
            "twice": request.headers.getlist("x-twice"),
            "agent": request.headers.get("user-agent"),
        }
        response = PlainTextResponse(json.dumps(seen), 418)
        response.set_cookie("one", "1")
        response.set_cookie("two", "2")
        response.headers["connection"] = "x-hop"
        return response

    app = upstream(Route("/base/{rest:path}", told, methods=["PATCH"]))
    with running(app) as url, running(Proxy(url + "/base/", CONTRACT)) as proxy:
        answer = httpx.request(
            "PATCH",
            proxy + "/a%2Fb/c?x=%20y&x",
            content=b"body",
            headers=[("x-twice", "a"), ("x-twice", "b"), ("accept-encoding", "identity;q=0.5"), ("user-agent", "me")],
        )
    assert answer.status_code == 418
    assert answer.headers.get_list("set-cookie") == ["one=1; Path=/; SameSite=lax", "two=2; Path=/; SameSite=lax"]
    assert len(answer.headers.get_list("date")) == 1
    assert answer.json() == {
        "method": "PATCH",
        "path": "/base/a%2Fb/c",
        "query": "x=%20y&x",
        "body": "body",
        "accept-encoding": "identity;q=0.5",
        "twice": ["a", "b"],
        "agent": "me",
    }


def test_a_stream_passes_piece_by_piece() -> None:
    go_on = threading.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"data: one\n\n"
        await asyncio.to_thread(go_on.wait, 5)
        yield b"data: two\n\n"

    async def stream(_: Request) -> Response:
        return StreamingResponse(pieces(), media_type="text/event-stream")

    with running(upstream(Route("/s", stream))) as url, running(Proxy(url, CONTRACT)) as proxy:
        with httpx.stream("GET", proxy + "/s") as answer:
            body = answer.iter_raw()
            assert next(body) == b"data: one\n\n"
            go_on.set()
            assert b"".join(body) == b"data: two\n\n"


def test_a_client_that_leaves_is_gone_for_the_upstream_too() -> None:
    left = threading.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0.01)
        finally:
            left.set()

    async def stream(_: Request) -> Response:
        return StreamingResponse(endless())

    with running(upstream(Route("/s", stream))) as url, running(Proxy(url, CONTRACT)) as proxy:
        with httpx.stream("GET", proxy + "/s") as answer:
            next(answer.iter_raw())
        assert left.wait(5)


def test_a_socket_passes_both_ways_and_closes() -> None:
    async def echo(socket: WebSocket) -> None:
        await socket.accept(subprotocol="chat")
        await socket.send_text("first word")  # Socket.IO's server speaks before it is spoken to
        assert socket.headers["cookie"] == "a=b"
        assert socket.url.query == "transport=websocket"
        await socket.send_text("heard " + await socket.receive_text())
        await socket.send_bytes(await socket.receive_bytes() * 20_000)
        await socket.close()

    with running(upstream(WebSocketRoute("/ws/{rest:path}", echo))) as url, running(Proxy(url, CONTRACT)) as proxy:
        address = proxy.replace("http", "ws") + "/ws/socket.io/?transport=websocket"
        client = websocket.create_connection(address, timeout=5, subprotocols=["chat"], header={"Cookie": "a=b"})
        assert client.recv() == "first word"
        client.send("ahoy")
        assert client.recv() == "heard ahoy"
        client.send_binary(b"12345")
        assert client.recv() == b"12345" * 20_000
        assert client.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_CLOSE, (1000).to_bytes(2))
        assert client.subprotocol == "chat"
        client.shutdown()


def test_a_socket_that_the_upstream_refuses_is_refused() -> None:
    with running(upstream()) as url, running(Proxy(url, CONTRACT)) as proxy:
        with pytest.raises(websocket.WebSocketBadStatusException):
            websocket.create_connection(proxy.replace("http", "ws") + "/ws", timeout=5)


def test_an_upstream_that_is_not_there_is_told() -> None:
    with running(Proxy(f"http://127.0.0.1:{free_port()}", CONTRACT)) as proxy:
        answer = httpx.get(proxy + "/anything")
    assert answer.status_code == 502
    assert "does not answer" in answer.text


@pytest.mark.parametrize("upstream", ["localhost:9090", "http://localhost:9090/?page=1", "http://localhost:9090/#top"])
def test_only_an_address_will_do_as_upstream(upstream: str) -> None:
    with pytest.raises(WrongUse, match="an address like"):
        Proxy(upstream, CONTRACT)
