"""Carries requests for httpx with one deadline over all of an exchange: connecting, TLS, headers and body.

httpx bounds each read on its own, so that a server which sends a header byte now and then is never given up.
Here the timeouts of a request become moments on the monotonic clock, and each step gets what is left until then.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

MAX_CONNECTIONS, MAX_IDLE = 20, 4
IDLE_SECONDS = 3.0
"""A connection is not used again after so long; uvicorn closes its own after five, as one may be on its way."""


class DeadlineTransport(httpx.BaseTransport):
    """`timeout` of a request is for the whole of it. Nothing is decoded, redirected or retried here.

    A name is looked up by the system's resolver, which has limits of its own.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        given = request.extensions.get("timeout", {}).get("read")
        until = None if given is None else time.monotonic() + given
        assert isinstance(request.stream, httpx.SyncByteStream)
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": {"connect": until, "read": until, "write": until, "pool": given}},
        )
        with _as_httpx():
            answer = self._pool.handle_request(sent)
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body as it comes, with the exceptions of httpx."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._pieces

    def close(self) -> None:
        self._pieces.close()


class _Backend(httpcore.SyncBackend):
    """Every `timeout` is the moment until which a step may take; the streams take the same."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError(f"no address for {host}")
        for *_, address in found:
            # One after the other, as socket.create_connection does, but all of them within one limit.
            try:
                stream = super().connect_tcp(str(address[0]), port, _left(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream)
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In pieces: what is left is asked for again before each, so that a slow reader cannot win time.
        for start in range(0, len(buffer), 65_536):
            self._stream.write(buffer[start : start + 65_536], _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(until: float | None, late: type[Exception] = httpcore.ConnectTimeout) -> float | None:
    """Seconds until then. Raises when there are none."""
    if until is None:
        return None
    left = until - time.monotonic()
    if left <= 0:
        raise late("the time is up")
    return left


@contextmanager
def _as_httpx() -> Iterator[None]:
    """The exceptions of httpcore under the same names in httpx."""
    try:
        yield
    except Exception as error:
        for kind in type(error).__mro__:
            known = getattr(httpx, kind.__name__, None)
            if kind.__module__.startswith("httpcore") and isinstance(known, type):
                raise known(str(error)) from error
        raise
