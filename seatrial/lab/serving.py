"""How the lab's ASGI apps are served: in the foreground for a user, or beside a test.

    serve(app, host="127.0.0.1", port=9090, banner="listening on {url}")    # until Ctrl-C or SIGTERM
    with running(app) as url: ...                                           # a background thread on loopback

The port is bound before anything starts, so an occupied one is a plain error and not a traceback.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from seatrial.errors import WrongUse

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0
DRAIN_SECONDS = 1  # open streams get this long at the end, then they are cut


def bound(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket bound to the address (port 0: any free one), or `WrongUse` that says what to do with the option."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only a socket that says it is TCP gets TCP_NODELAY from asyncio; without, every second answer takes 40 ms more.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # a port in TIME_WAIT is free; on Windows the option would let two servers share it
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)  # two servers may both bind a port with SO_REUSEADDR; only one may listen
    except (OSError, OverflowError) as error:
        sock.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise WrongUse(f"port {port} on {host} is in use; choose another with {option}") from None
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise WrongUse(f"cannot listen on {host} port {port}: {reason or error}") from None
    return sock


def free_port(host: str = LOOPBACK) -> int:
    """A port that is free now. Only for servers that cannot take a bound socket: it may be taken by then."""
    with contextlib.closing(bound(host, 0)) as sock:
        return int(sock.getsockname()[1])


def serve(app: ASGIApp, *, host: str = LOOPBACK, port: int, banner: str = "") -> None:
    """Serve in the foreground and return on Ctrl-C or SIGTERM.

    `banner` is printed on stdout once requests are answered, with `{url}` replaced by the base URL.
    """
    sock = bound(host, port)
    url = _url(sock, host)

    def announce() -> None:
        if banner:
            print(banner.replace("{url}", url), flush=True)

    # uvicorn raises the signal that stopped it once more when it is done; here that is the normal end.
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _Server(app, announce).run(sockets=[sock])
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def running(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve in a background thread on loopback and yield the base URL, without a slash at the end."""
    sock = bound(LOOPBACK, port)
    started = threading.Event()
    server = _Server(app, started.set)

    def run() -> None:
        try:
            server.run(sockets=[sock])
        finally:
            started.set()  # whoever waits must also wake up when the start failed

    thread = threading.Thread(target=run, name="seatrial-lab", daemon=True)
    thread.start()
    try:
        if not started.wait(START_SECONDS) or not server.started:
            raise RuntimeError("the lab server did not start: its own start-up failed")
        yield _url(sock, LOOPBACK)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


class _Server(uvicorn.Server):
    """uvicorn without its log lines, which says when requests are answered."""

    def __init__(self, app: ASGIApp, on_started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="error",
                access_log=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                server_header=False,
                # Who passes on what another server answers passes on its date, too.
                date_header=not getattr(app, "dates_answers", False),
            )
        )
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()


def _url(sock: socket.socket, host: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{sock.getsockname()[1]}"
