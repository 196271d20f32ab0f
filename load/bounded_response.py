"""Answers as geventhttpclient's parser reads them, within limits: of headers, and of the turns of others.

The library's own classes do more than a load needs with each answer (an index of headers that keeps their case, a
socket that goes back to a queue), and less: they collect headers for as long as they come. And from a server that never
pauses they would read for ever; no timer, which the hub delivers, would be heard.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gevent
from geventhttpclient._parser import HTTPResponseParser
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from load.arrival import Clock
from seatrial.unpacking import Unpacker

MAX_HEAD = 100 * 1024
"""Bytes before the body, as many as the suite's own client takes."""

HEAD, PIECE = 4_096, 65_536
"""Bytes that are read at a time: to the end of the headers, of which most answers bring the whole body, and then."""


class BoundedResponse(HTTPResponseParser):
    """The answer to one request: its headers are read when it is made, the body by `pieces`.

    `fields` are the headers by their names in lower case, those that came several times joined as the suite's client
    joins them. Raises `HTTPParseError` for headers without end, and for an answer that has none.
    """

    is_whole = False
    """The body has come to its end."""

    _headed = _keeps = _in_value = False
    _name = _value = ""
    _fed = 0

    def __init__(self, sock: Any, pool: Any, method: str) -> None:
        super().__init__()
        self._sock, self._pool, self._bodiless = sock, pool, method == "HEAD"
        self._clock: Clock = pool.clock
        self.fields: dict[str, str] = {}
        self.body = bytearray()
        """What has come of the body, and was not handed on yet."""
        try:
            while not self._headed:
                if not self._receive(HEAD):
                    raise HTTPParseError("connection closed before the end of the headers")
        except BaseException:
            self.release()
            raise

    def pieces(self) -> Iterator[tuple[float, bytes]]:
        """The body as it comes: when a piece had arrived, on `time.perf_counter`, and the piece.

        Raises `HTTPParseError` where the connection ends before the body does.
        """
        while True:
            if self.body:
                piece = bytes(self.body)
                self.body.clear()
                yield self._clock.arrived, piece
            if self.is_whole or self._sock is None:
                return
            try:
                if not self._receive(PIECE) and not self.is_whole:
                    raise HTTPParseError("connection closed before the end of the body")
            except BaseException:
                self.release()
                raise

    def unpacked(self) -> Iterator[tuple[float, bytes]]:
        """The same without its packing, in pieces of a bounded size. Raises `ValueError` for a broken one, too."""
        unpacker = Unpacker(self.fields.get("content-encoding", ""))
        for moment, packed in self.pieces():
            for piece in unpacker.feed(packed):
                yield moment, piece
        unpacker.finish()

    def release(self) -> None:
        """The connection serves the next request if this one is over, and is closed if it is not."""
        sock, self._sock = self._sock, None
        if sock is not None:
            (self._pool.return_socket if self.is_whole and self._keeps else self._pool.release_socket)(sock)

    def _receive(self, size: int) -> bytes:
        try:
            data: bytes = self._sock.recv(size)
        except ConnectionResetError:
            if self._fed:
                raise
            data = b""
        if not data and not self._fed:
            raise HTTPConnectionClosed("connection closed.")
        if not self._clock.stamped:
            self._clock.arrived = time.perf_counter()
        self._fed += len(data)
        if self._fed > PIECE:
            gevent.sleep(0)
        if self._fed > MAX_HEAD and not self._headed:
            raise HTTPParseError(f"more than {MAX_HEAD:,} bytes of headers")
        try:
            self.feed(data)
        except BaseException:
            self._keeps = False  # what came behind a whole answer is no start of another
            raise
        if self.is_whole:
            self.release()
        return data

    # What follows, the parser calls. Names and values may come in parts.

    def _on_message_begin(self) -> None:
        if self._headed:
            raise HTTPParseError("another answer came, which nobody had asked for")
        self.fields.clear()  # of an interim answer (1xx), which the final one follows

    def _on_status(self, text: str) -> None:
        """The number is enough."""

    def _on_header_field(self, text: str) -> None:
        if self._headed:  # a trailer, behind the body
            return
        if self._in_value:
            self._add()
        self._name += text

    def _on_header_value(self, text: str) -> None:
        if self._headed:
            return
        self._value += text
        self._in_value = True

    def _on_headers_complete(self) -> bool:
        if self._in_value:
            self._add()
        self._headed = self.get_code() >= 200
        return self._bodiless

    def _on_body(self, piece: bytearray) -> None:
        self.body += piece

    def _on_message_complete(self) -> None:
        self.is_whole = self._headed
        self._keeps = self.should_keep_alive()  # the parser forgets it with the message

    def _add(self) -> None:
        name, value = self._name.lower(), self._value
        earlier = self.fields.get(name)
        self.fields[name] = value if earlier is None else f"{earlier}, {value}"
        self._name = self._value = ""
        self._in_value = False
