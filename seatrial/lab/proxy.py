"""The fault proxy: passes everything on unchanged, and breaks one thing if it is told to.

    with running(Proxy("http://127.0.0.1:9090", Contract.load(), named("message-lost"))) as url: ...

Bodies pass piece by piece, WebSockets message by message. What a fault breaks is found by operationId, so an edited
contract is followed. The connection to the upstream is never kept: one that it dropped is nobody else's trouble.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

import httpx
from starlette.types import Message, Receive, Scope, Send

from seatrial.contract import GROUPS, Contract
from seatrial.errors import WrongUse
from seatrial.lab.crossing import Answer, Asked, Behind, ConnectionCut, Door
from seatrial.lab.faults.making import Dice, Fault
from seatrial.lab.wire import BROKEN, NO_STATUS, Wire, WireRefused

HOP_BY_HOP = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"proxy-connection",
}  # fmt: skip
OF_A_HANDSHAKE = {b"host", b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions",
                  b"sec-websocket-protocol", b"content-length"}  # fmt: skip


class Proxy:
    """An ASGI app in front of `upstream`. Raises `WrongUse` when that is no URL.

    `seed` decides which requests a fault with a chance breaks; `dice` counts them.
    """

    dates_answers = True

    def __init__(self, upstream: str, contract: Contract, fault: Fault | None = None, seed: int = 0) -> None:
        parts = urlsplit(upstream.rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise WrongUse(f"--upstream {upstream}: an address like http://127.0.0.1:8080 is needed")
        self._base, self._host = f"{parts.scheme}://{parts.netloc}", parts.netloc.rpartition("@")[2].encode()
        self._path = parts.path
        self._contract, self._routes = contract, _Routes(contract)
        self._door = Door()
        self._break = fault.make() if fault and fault.make else None
        self.dice: Dice | None = None
        if fault and fault.chance is not None and self._break is not None:
            self._break = self.dice = Dice(fault, self._break, seed)
        self._told = fault.told() if fault and fault.told else None
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                await self._transport.aclose()
                return

    # ------------------------------------------------------------------ requests

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            return
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        asked = self._routes.named(Asked(scope["method"], target, tuple(scope["headers"]), body))
        # A client that leaves takes its request with it, so that the upstream notices as it would without us.
        serving, leaving = asyncio.create_task(self._serve(asked, send)), asyncio.create_task(_left(receive))
        await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, leaving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _serve(self, asked: Asked, send: Send) -> None:
        started = False
        async with contextlib.AsyncExitStack() as responses:
            try:
                answer = await self._answer(asked, responses)
                headers = [(name, value) for name, value in answer.headers if name.lower() not in HOP_BY_HOP]
                if not any(name.lower() == b"date" for name, _ in headers):
                    headers.append((b"date", formatdate(usegmt=True).encode()))
                started = True
                await send({"type": "http.response.start", "status": answer.status, "headers": headers})
                async for piece in answer.pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            except ConnectionCut:
                if not started:
                    await _hang_up(send)
            except httpx.TransportError as error:
                if not started:
                    kind = [(b"content-type", b"text/plain")]
                    await send({"type": "http.response.start", "status": 502, "headers": kind})
                    text = f"the upstream does not answer: {type(error).__name__} {error}"
                    await send({"type": "http.response.body", "body": text.encode()})

    async def _answer(self, asked: Asked, responses: contextlib.AsyncExitStack) -> Answer:
        async def deliver(asked: Asked) -> Answer:
            answer = await self._deliver(asked, responses)
            self._door.saw(asked, answer)
            return answer

        if self._break is None or not asked.operation:
            return await deliver(asked)
        return await self._break(asked, Behind(deliver, self._contract, asked.prefix, self._door))

    async def _deliver(self, asked: Asked, responses: contextlib.AsyncExitStack) -> Answer:
        """To the upstream and back. The answer is open until the request is served."""
        dropped = HOP_BY_HOP | {b"host"}
        if self._break is not None and asked.operation:
            dropped |= {b"accept-encoding"}  # a fault reads and writes plain bodies
        headers = [(name, value) for name, value in asked.headers if name.lower() not in dropped]
        request = httpx.Request(
            asked.method,
            self._base + self._path + asked.target,
            headers=[(b"host", self._host), *headers],
            content=asked.body or None,
        )
        response = await self._transport.handle_async_request(request)
        responses.push_async_callback(response.aclose)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return Answer(response.status_code, list(response.headers.raw), aiter(response.stream))

    # ------------------------------------------------------------------ sockets

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = [pair for pair in scope["headers"] if pair[0] not in HOP_BY_HOP | OF_A_HANDSHAKE]
        try:
            wire = await Wire.connect(self._base + self._path + target, headers, scope["subprotocols"])
        except (WireRefused, OSError):
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept", "subprotocol": wire.subprotocol})
        inbound, outbound = (
            asyncio.create_task(_inbound(receive, wire)),
            asyncio.create_task(self._outbound(wire, send)),
        )
        await asyncio.wait((inbound, outbound), return_when=asyncio.FIRST_COMPLETED)
        for way in (inbound, outbound):
            way.cancel()
        code, *_ = await asyncio.gather(inbound, outbound, return_exceptions=True)
        wire.close(code if isinstance(code, int) else NO_STATUS)

    async def _outbound(self, wire: Wire, send: Send) -> None:
        """To the client, until the upstream closes."""
        async for said in wire.messages():
            if isinstance(said, bytes):
                await send({"type": "websocket.send", "bytes": said})
                continue
            for text in self._told(said) if self._told else [said]:
                await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close", "code": wire.closed if wire.closed not in (NO_STATUS, BROKEN) else 1000})


async def _inbound(receive: Receive, wire: Wire) -> int:
    """From the client, until it leaves; the code that it left with."""
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await wire.send(text if text is not None else message["bytes"])
    return int(message.get("code") or NO_STATUS)


class _Routes:
    """Which operation a request is for, by the paths of the contract, with the prefix of its servers or without."""

    def __init__(self, contract: Contract) -> None:
        self._patterns: list[tuple[str, re.Pattern[str], str]] = []
        # Paths without parameters first: they are the more exact match.
        for operation in sorted(contract.operations.values(), key=lambda operation: operation.path.count("{")):
            literal = re.split(r"\{[^}]*\}", operation.path)
            prefix = re.escape(contract.prefix(operation.api)) if operation.api in GROUPS else ""
            path = "([^/]+)".join(re.escape(part) for part in literal)
            self._patterns.append((operation.method, re.compile(f"({prefix})?{path}"), operation.id))

    def named(self, asked: Asked) -> Asked:
        """The request with its operation, where the contract has one for it."""
        path = asked.target.partition("?")[0]
        for method, pattern, operation in self._patterns:
            if method == asked.method and (match := pattern.fullmatch(path)):
                prefix, *values = match.groups()
                return replace(
                    asked, operation=operation, values=tuple(unquote(v) for v in values), prefix=prefix or ""
                )
        return asked


async def _body(receive: Receive) -> bytes | None:
    """The whole body of a request; None when the client left before its end."""
    pieces: list[bytes] = []
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang_up(send: Send) -> None:
    """Close the connection without a word: uvicorn does that with an answer that it cannot begin."""
    with contextlib.suppress(Exception):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"no answer", b"")]})
