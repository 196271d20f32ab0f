"""How a load reaches its target: geventhttpclient's connections, one for each user, with their moments and limits."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from load import arrival
from load.lean_client import LeanClient
from seatrial.target import Target

arrival.install()


def connection(target: Target, tls: ssl.SSLContext | None, *, stamped: bool = True) -> LeanClient:
    """A client of one connection, which is made when it is used first. `tls` where the target wants it.

    Not `stamped`, its moments are those of reading, as under TLS, where there are no others.
    """
    parts = urlsplit(target.url)
    made = LeanClient(
        parts.hostname or "",
        parts.port,
        ssl=parts.scheme == "https",
        # A factory that takes no `cafile` would get the public authorities loaded into our context.
        ssl_context_factory=(lambda **_: tls) if tls else None,
        connection_timeout=target.timeout,
        network_timeout=None,  # whoever sends bounds the whole: a limit for each read is a timer for each
        concurrency=1,
    )
    if not stamped and parts.scheme != "https":
        arrival.unstamp(made, target.timeout)
    return made


def reason(error: OSError) -> str:
    """Why there was no answer, as a report says it."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: nothing listens there"
    if isinstance(error, ConnectionResetError):
        return "the connection broke before an answer (reset)"
    return f"{type(error).__name__}: {error.strerror or error}"
