"""Answers of geventhttpclient, within limits: it collects headers and bodies for as long as they come.

And it comes back to its hub only when it has to wait. From a server that never pauses it would read for ever, and no
timeout of gevent's, which the hub delivers, would be heard.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gevent
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

from load.arrival import Clock

MAX_HEAD = 100 * 1024
"""Bytes before the body, as many as the suite's own client takes."""

PIECE = 65_536


class BoundedResponse(HTTPSocketPoolResponse):
    """Raises `HTTPParseError` for headers without end, and lets others run while it reads what is long."""

    def __init__(self, sock: Any, pool: Any, **named: Any) -> None:
        self._fed = 0
        self._clock: Clock = pool.clock
        super().__init__(sock, pool, **named)

    def pieces(self) -> Iterator[tuple[float, bytes]]:
        """The body as it comes: when a piece had arrived, on `time.perf_counter`, and the piece.

        Raises `HTTPParseError` where the connection ends before the body does.
        """
        while True:
            if self._body_buffer:
                piece = bytes(self._body_buffer)
                self._body_buffer.clear()
                yield self._clock.arrived, piece
            if self.message_complete or self._sock is None:
                return
            try:
                self.feed(self._sock.recv(PIECE))
            except BaseException:
                self.release()
                raise

    def feed(self, data: str | bytes) -> None:
        if not self._clock.stamped:
            self._clock.arrived = time.perf_counter()
        self._fed += len(data)
        if self._fed > PIECE:
            gevent.sleep(0)
        if self._fed > MAX_HEAD and (not self.headers_complete or self.get_code() < 200):
            raise HTTPParseError(f"more than {MAX_HEAD:,} bytes of headers")
        super().feed(data)
