"""A WebSocket to the fault proxy's upstream: wsproto over asyncio, message by message.

What the server sends together with its handshake counts too; Socket.IO servers speak first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

PIECE = 65_536
NO_STATUS, BROKEN = 1005, 1006


class WireRefused(Exception):
    """The upstream does not take a WebSocket there."""


class Wire:
    """One open WebSocket. `closed` is the code that it ended with, once `messages` ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self.subprotocol: str | None = None
        self.closed = BROKEN

    @classmethod
    async def connect(
        cls, url: str, headers: Sequence[tuple[bytes, bytes]] = (), subprotocols: Sequence[str] = ()
    ) -> Wire:
        """Raises `WireRefused`, and `OSError` when nothing is there."""
        parts = urlsplit(url)
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or (443 if secure else 80), ssl=secure
        )
        wire = cls(reader, writer)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        wire._write(Request(host=host, target=target, subprotocols=list(subprotocols), extra_headers=list(headers)))
        try:
            while (event := next(wire._protocol.events(), None)) is None:
                await wire._read()
        except (RemoteProtocolError, EOFError) as error:
            writer.close()
            raise WireRefused(str(error)) from None
        if not isinstance(event, AcceptConnection):
            writer.close()
            status = event.status_code if isinstance(event, RejectConnection) else "nothing"
            raise WireRefused(f"the handshake was answered {status}")
        wire.subprotocol = event.subprotocol
        return wire

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Whole messages, until the connection ends."""
        text: list[str] = []
        data = bytearray()
        with contextlib.suppress(RemoteProtocolError, EOFError, OSError):
            while True:
                for event in self._protocol.events():
                    if isinstance(event, TextMessage):
                        text.append(event.data)
                        if event.message_finished:
                            yield "".join(text)
                            text.clear()
                    elif isinstance(event, BytesMessage):
                        data += event.data
                        if event.message_finished:
                            yield bytes(data)
                            data.clear()
                    elif isinstance(event, Ping):
                        self._write(event.response())
                    elif isinstance(event, CloseConnection):
                        self.closed = int(event.code)
                        with contextlib.suppress(LocalProtocolError):
                            self._write(event.response())
                        return
                await self._read()

    async def send(self, message: str | bytes) -> None:
        self._write(TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message))
        await self._writer.drain()

    def close(self, code: int) -> None:
        with contextlib.suppress(LocalProtocolError):
            self._write(CloseConnection(code=1000 if code in (NO_STATUS, BROKEN) else code))
        self._writer.close()

    async def _read(self) -> None:
        piece = await self._reader.read(PIECE)
        if not piece:
            raise EOFError("the connection ended")
        self._protocol.receive_data(piece)

    def _write(self, event: Event) -> None:
        self._writer.write(self._protocol.send(event))
