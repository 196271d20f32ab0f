"""geventhttpclient's client without what a load cannot use: it sends each request once, and joins headers once.

The library sends a GET again, twice, where its connection ends without an answer, and tells nobody: a deployment that
drops one request in ten would look faultless, and as fast as its last try. And the header fields of a user are the same
from the first request to the last; joining them anew was a tenth of what a request cost.
"""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Mapping
from typing import Any

from geventhttpclient.client import IDEMPOTENT_METHODS, HTTPClient
from geventhttpclient.response import HTTPConnectionClosed

from load.bounded_response import BoundedResponse

_TARGET = re.compile(r"/(?!/)[^\x00-\x20\x7f]*")
_WITH_BODY = ("POST", "PUT", "PATCH")


class LeanClient(HTTPClient):
    """`ask` is what is used of it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._joined: dict[tuple[tuple[str, str], ...], str] = {}

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> BoundedResponse:
        """The answer, its headers read. Raises `ValueError` for what cannot stand in a request.

        A kept connection that the server gives up as the request leaves is replaced, once and where that does no harm
        (RFC 9110, section 9.2.2), as browsers do. The person waits all the while, so the time runs from the first try,
        and `again` on the clock says so: a server that drops requests looks the same.
        """
        whole = self.written(method, path, body, headers)
        clock = self._connection_pool.clock  # type: ignore[attr-defined]
        try:
            return self._exchange(method, whole)
        except HTTPConnectionClosed:
            if clock.connected_in is not None or method not in IDEMPOTENT_METHODS:
                raise
        left, clock.again = clock.left, True
        try:
            return self._exchange(method, whole)
        finally:
            clock.left = left

    def written(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        """The bytes of a request."""
        if not _TARGET.fullmatch(path):
            raise ValueError(f"invalid request target {path!r}")
        key = tuple(headers.items())
        fields = self._joined.get(key)
        if fields is None:
            whole = self._build_request("GET", "/", b"", headers)
            fields = self._joined[key] = whole.partition("\r\n")[2].removesuffix("\r\n")
        length = f"Content-Length: {len(body or b'')}\r\n" if body or method in _WITH_BODY else ""
        return f"{method} {path} HTTP/1.1\r\n{fields}{length}\r\n".encode("latin-1") + (body or b"")

    def _exchange(self, method: str, whole: bytes) -> BoundedResponse:
        pool = self._connection_pool
        sock = pool.get_socket()
        try:
            sock.sendall(whole)
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE) and not isinstance(error, ssl.SSLEOFError):
                pool.release_socket(sock)
                raise
            # It may have been answered before it was read to its end: what is there to read tells.
        except BaseException:
            pool.release_socket(sock)
            raise
        return BoundedResponse(sock, pool, method)
