"""Answers of geventhttpclient, within limits: it collects headers and bodies for as long as they come.

And it comes back to its hub only when it has to wait. From a server that never pauses it would read for ever, and no
timeout of gevent's, which the hub delivers, would be heard.
"""

from __future__ import annotations

from typing import Any

import gevent
from geventhttpclient import client
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

MAX_HEAD = 100 * 1024
"""Bytes before the body, as many as the suite's own client takes."""

PIECE = 65_536


class BoundedResponse(HTTPSocketPoolResponse):
    """Raises `HTTPParseError` for headers without end, and lets others run while it reads what is long."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._fed = 0
        super().__init__(*arguments, **named)

    def feed(self, data: str | bytes) -> None:
        self._fed += len(data)
        if self._fed > PIECE:
            gevent.sleep(0)
        if self._fed > MAX_HEAD and (not self.headers_complete or self.get_code() < 200):
            raise HTTPParseError(f"more than {MAX_HEAD:,} bytes of headers")
        super().feed(data)


def install() -> None:
    """From now on every answer in this process is bounded. The library has no setting for it."""
    vars(client)["HTTPSocketPoolResponse"] = BoundedResponse
