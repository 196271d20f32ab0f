"""The socket over which the web app is told its tokens: Open WebUI's Socket.IO, heard in a greenlet.

    line = TokenLine(target, account, tls)          # connected, or `NoAnswer`
    told = line.expect(message_id)                  # before the turn is sent with session_id=line.id
    line.wait(told, quiet=5.0, until=moment)
    line.leave()

The protocol is python-socketio's client's. What it would do in threads is done in greenlets, and a message is taken
where it is read: a task for each would lose the moment at which it came, and with threads the order.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import engineio
import gevent
import socketio
from gevent.event import Event
from gevent.queue import JoinableQueue
from geventhttpclient.response import HTTPParseError
from websocket import WebSocketBadStatusException

from load import wire
from load.connection import connection, reason
from load.delivery import Told
from load.wire import Wire
from seatrial.client import NAMED
from seatrial.delivered import SOCKET_PATH
from seatrial.exchange import Call, NoAnswer
from seatrial.target import Account, Target

MAX_HEARD = 64 * 1024 * 1024
"""Bytes that a socket may say of one turn. Up to 0.10 the text so far comes with every token."""

HEARTBEAT = 30.0
"""Seconds between the web app's signs of life."""

LEAVING = 1.0
"""Seconds that the greenlets of a socket get to end by themselves."""

_QUIET = logging.getLogger("seatrial.socket")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
_QUIET.setLevel(logging.CRITICAL + 1)
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
wire.install()


class TokenLine:
    """One connected socket of an account. Raises `NoAnswer` where none comes about within the target's timeout.

    `id` is what a turn names as its `session_id`; `ended` says why the socket is no more, "" while it is.
    """

    def __init__(self, target: Target, account: Account, tls: ssl.SSLContext | None, *, stamped: bool = True) -> None:
        self.ended = self.id = ""
        self._auth = {"token": account.token}
        self._told: dict[str, Told] = {}
        self._news, self._greeted, self._over = Event(), Event(), Event()
        self._wire: Wire | None = None
        self._client = _Client(
            reconnection=False,
            logger=_QUIET,
            engineio_logger=_QUIET,
            handle_sigint=False,
            request_timeout=target.timeout,
        )
        self._client.on("connect", self._greet)
        self._client.on("connect_error", self._refused)
        self._client.on("disconnect", self._lost)
        self._client.on("events", self._heard)
        self._open(target, tls, stamped)

    def expect(self, message_id: str) -> Told:
        """A turn begins whose reply has this id; of earlier ones nothing is heard any more."""
        if self._wire is not None:
            self._wire.listen_on(MAX_HEARD)
        self._told = {message_id: Told()}
        return self._told[message_id]

    def wait(self, told: Told, quiet: float, until: float) -> bool:
        """Until the reply is over, the socket has ended, or that moment has come; False after `quiet` seconds of
        silence before."""
        while told.over_at is None and not self.ended and (left := until - time.perf_counter()) > 0:
            self._news.clear()
            if not self._news.wait(min(quiet, left)) and quiet < left:
                return False
        return True

    def now(self) -> float:
        return time.perf_counter()

    def leave(self) -> None:
        """As a browser that closes the tab."""
        self._end("left")
        if self._wire is not None:
            self._wire.close()
        gevent.joinall(self._client.eio.loops, timeout=LEAVING)
        gevent.killall(self._client.eio.loops, block=False)

    def _open(self, target: Target, tls: ssl.SSLContext | None, stamped: bool) -> None:
        started = time.perf_counter()
        why, reached = "", True
        try:
            with gevent.Timeout(target.timeout):
                self._wire = Wire(connection(target, tls, stamped=stamped))
                self._connect(target, self._wire)
                for loop in self._client.eio.loops:
                    loop.link(self._silenced)
                self._greeted.wait()
            why = self.ended
        except gevent.Timeout:
            why = f"no greeting within {target.timeout:g} s"
        except socketio.exceptions.ConnectionError as error:
            why = _said(error)
        except (*_MALFORMED, HTTPParseError) as error:
            why = f"it does not greet as Socket.IO does ({type(error).__name__})"
        except OSError as error:
            why, reached = reason(error), not isinstance(error, ConnectionRefusedError)
        finally:
            if not self.id or why:
                self.leave()
        if why:
            call = Call("createChatCompletion", "GET", f"{SOCKET_PATH}/")
            told = f"the Socket.IO connection failed: {why}"[:300]
            raise NoAnswer(call, told, reached, time.perf_counter() - started)

    def _connect(self, target: Target, wire: Wire) -> None:
        parts = urlsplit(target.url)
        self._client.eio.websocket_extra_options = {
            "socket": wire,
            "redirect_limit": 0,  # it would follow with all headers
            "skip_utf8_validation": True,  # it looks at each byte, in Python; decoding looks again
            "suppress_origin": True,  # which origins a browser may come from is not asked here; --header can say one
        }
        self._client.connect(
            f"{parts.scheme}://{parts.netloc}",
            headers=NAMED | dict(target.headers),
            auth=self._auth,
            transports=["websocket"],
            socketio_path=f"{parts.path}{SOCKET_PATH}".strip("/"),
            wait=False,
        )

    def _greet(self) -> None:
        self.id = str(self._client.get_sid() or "")
        if self.id == self._client.eio.sid:  # which the library takes where Socket.IO's own is missing
            self._end("it connects without an id")
            return
        if self._wire is not None:
            self._wire.listen_on(MAX_HEARD)
        self._client.emit("user-join", {"auth": self._auth})
        self._client.eio.loops.append(gevent.spawn(self._beat))
        self._greeted.set()

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT):
            self._client.emit("heartbeat", {})

    def _refused(self, *said: Any) -> None:
        self._end(f"refused: {str(said[0] if said else '')[:200]}")

    def _lost(self, why: Any = "") -> None:
        assert self._wire is not None
        self._end(f"the socket ended: {self._wire.broke or why}")

    def _silenced(self, _: gevent.Greenlet) -> None:
        """One of its loops has ended, and the library tells nobody where Socket.IO had not greeted yet."""
        self._lost("it was closed")

    def _end(self, why: str) -> None:
        self.ended = self.ended or why
        for event in (self._over, self._greeted, self._news):
            event.set()

    def _heard(self, event: Any = None, *_: Any) -> None:
        match event:
            case {"data": dict(data), "message_id": str(message_id)} if message_id in self._told:
                assert self._wire is not None
                self._told[message_id].take(data, self._wire.clock.arrived)
                self._news.set()


class _Engine(engineio.Client):  # type: ignore[misc]
    """Engine.IO's client in greenlets, whether the process is patched or not. `loops` are those that it runs."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.loops: list[gevent.Greenlet] = []

    def start_background_task(self, target: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Its two loops beside each other; a message, which comes with arguments, here and now."""
        if not arguments and not named:
            self.loops.append(gevent.spawn(target))
            return self.loops[-1]
        try:
            return target(*arguments, **named)
        except _MALFORMED:  # somebody speaks something else; what follows may be heard
            return None

    def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """Never waits for its loops: it may be one of them that asks."""
        super().disconnect(abort=True, reason=reason)

    def sleep(self, seconds: float = 0) -> None:
        gevent.sleep(seconds)

    def create_queue(self, *arguments: Any, **named: Any) -> JoinableQueue:
        return JoinableQueue(*arguments, **named)

    def create_event(self, *arguments: Any, **named: Any) -> Event:
        return Event()


class _Client(socketio.Client):  # type: ignore[misc]
    """Socket.IO's client over that engine."""

    def _engineio_client_class(self) -> type[_Engine]:
        return _Engine


def _said(error: Exception) -> str:
    """The library says "Connection error"; what it was stands behind."""
    inner = error.__cause__ or error
    cause = inner.__context__ or inner
    if isinstance(cause, WebSocketBadStatusException):
        return f"the handshake was answered {cause.status_code}"
    if "Redirect" in str(cause):
        return "it leads elsewhere, and is not followed"
    if isinstance(cause, ValueError):
        return f"it speaks something else ({type(cause).__name__})"
    if isinstance(cause, OSError) and not isinstance(cause, socketio.exceptions.ConnectionError):
        return reason(cause)
    return str(cause)[:200] or type(cause).__name__
