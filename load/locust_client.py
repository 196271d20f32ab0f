"""Sends calls with the HTTP client under Locust's FastHttpUser, and tells Locust and the recorder of each.

The client is used without the layers above it: those keep cookies, follow redirects and raise for a
status. A call is recorded when its verb has read the answer, since a 200 with a useless body is a failure.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode, urlsplit

from geventhttpclient.response import HTTPParseError

from load.arrival import clock_of
from load.bounded_response import BoundedResponse
from load.connection import connection, reason
from load.deadline import Deadline, Late
from load.delivery import Streamed
from load.part import Settle
from load.prompts import nonces
from load.recorder import LoadRecorder, Silent
from load.token_line import MAX_HEARD, TokenLine
from seatrial.actor import Actor
from seatrial.client import MAX_BODY, NAMED, Gate, Listener
from seatrial.exchange import Call, NoAnswer, Reply, Steps, Unexpected
from seatrial.samples import Resent, Turned
from seatrial.target import Account, Target
from seatrial.verbs import Session, Turn, Verbs

if TYPE_CHECKING:  # importing Locust patches the whole process, which tests do not want
    from locust.event import EventHook

Result = TypeVar("Result")


class LoadClient:
    """One user's connection. `send` is what an actor needs; `settle` closes the record of the last call.

    Where it is not `stamped`, bytes have come when they are read, and not when the kernel had them.
    """

    def __init__(
        self,
        target: Target,
        account: Account,
        user: int,
        recorder: LoadRecorder | Silent,
        fired: EventHook,
        *,
        tls: ssl.SSLContext | None = None,
        before: tuple[Gate, ...] = (),
        after: tuple[Listener, ...] = (),
        stamped: bool = True,
    ) -> None:
        self.target, self.account, self.user = target, account, user
        self.session, self.journey = "", "session"
        self._recorder, self._fired, self._before, self._after = recorder, fired, before, after
        self._open: tuple[float, Reply] | None = None
        self._prefix = urlsplit(target.url).path.rstrip("/")
        self._headers = NAMED | {"Accept": "application/json", "Accept-Encoding": "gzip"}
        self._headers |= dict(target.headers) | account.headers
        self._with_json = self._headers | {"Content-Type": "application/json"}
        self._tls = tls
        self._stamped = stamped
        self._http = connection(target, tls, stamped=stamped)
        self._clock = clock_of(self._http)
        self._deadline = Deadline(target.timeout)

    def send(self, call: Call) -> Reply:
        """The whole answer. Raises `NoAnswer` when none came."""
        self.settle()
        for gate in self._before:
            gate(self.account, call)
        at = self._recorder.now()
        try:
            reply = self._deliver(call)
        except NoAnswer as failure:
            self._tell(call, failure)
            self._record(at, call, time.perf_counter() - self._clock.began, failure, failure.reason)
            raise
        self._tell(call, reply)
        self._open = (at, reply)
        return reply

    def stream(self, call: Call) -> Streamed:
        """The answer in pieces as they came. Raises `NoAnswer` when not even its headers did."""
        self.settle()
        for gate in self._before:
            gate(self.account, call)
        pieces: list[tuple[float, bytes]] = []
        at, broke, late = self._recorder.now(), "", False
        size, response = 0, None
        try:
            with self._deadline:
                response = self._request(call)
                for moment, piece in response.unpacked():
                    pieces.append((moment - self._clock.left, piece))
                    size += len(piece)
                    if size > MAX_HEARD:
                        broke = f"more than {MAX_HEARD:,} bytes"
                        break
        except (Late, TimeoutError):
            broke, late = f"no end within {self.target.timeout:g} s", True
        except HTTPParseError as error:
            broke = f"the connection broke before the end ({error})"
        except ValueError as error:
            broke = str(error)
        except OSError as error:
            broke = reason(error)
        seconds = self._clock.arrived - self._clock.left
        if response is None:
            try:
                raise NoAnswer(call, broke, reached=not broke.startswith("connection refused"))
            except NoAnswer as failure:
                self._tell(call, failure)
                self._record(at, call, time.perf_counter() - self._clock.began, failure, broke)
                raise
        _drop(response)
        whole = b"".join(piece for _, piece in pieces)
        reply = Reply(call, response.get_code(), response.fields, whole, seconds, "closed" if broke else None)
        self._tell(call, reply)
        self._open = (at, reply)
        return Streamed(reply, pieces, broke, late)

    def settle(self, error: Unexpected | None = None) -> None:
        """The verb has read the last answer: record it, as a failure when it was of no use."""
        kept, self._open = self._open, None
        if kept is not None:
            self._close(*kept, error)

    def defer(self) -> Settle:
        """What settles the last answer later: other calls come before it is known whether it was of use."""
        kept, self._open = self._open, None

        def settle(error: Unexpected | None = None) -> None:
            nonlocal kept
            if kept is not None:
                once, kept = kept, None
                self._close(*once, error)

        return settle

    def listen(self) -> TokenLine:
        """A new socket of this user. One that does not come about is recorded as a turn that was not answered."""
        self.settle()
        at = self._recorder.now()
        self._clock.begin()
        try:
            return TokenLine(self.target, self.account, self._tls, stamped=self._stamped)
        except NoAnswer as failure:
            self._record(at, failure.call, failure.seconds, failure, failure.reason)
            raise

    def turned(
        self, way: str, ended: str, ms: float, first: float | None = None, gaps: Sequence[float] = (), nonce: str = ""
    ) -> None:
        """A turn is over: it is recorded as begun so many milliseconds ago."""
        at = round(max(0.0, self._recorder.now() - ms / 1000), 4)
        self._recorder.tell(
            Turned(at, self.session, self.user, self.journey, way, round(ms, 3), ended, first, tuple(gaps), nonce)
        )

    @property
    def left(self) -> float:
        """When the last request had left, on `time.perf_counter`."""
        return self._clock.left

    @property
    def patience(self) -> float:
        return self.target.timeout

    @property
    def waited(self) -> float:
        """Milliseconds from when the last request had left to the end of its answer, or until now."""
        ended = self._clock.arrived if self._open is not None else time.perf_counter()
        return (ended - self._clock.left) * 1000

    def close(self) -> None:
        self._http.close()
        self._deadline.close()

    def _request(self, call: Call) -> BoundedResponse:
        body = call.body()
        headers = self._headers if body is None else self._with_json
        if call.headers:
            headers = headers | dict(call.headers)
        path = self._prefix + call.path + (f"?{urlencode(call.params)}" if call.params else "")
        self._clock.begin()
        return self._http.ask(call.method, path, body, headers)

    def _deliver(self, call: Call) -> Reply:
        limit = self.target.timeout
        response: BoundedResponse | None = None
        try:
            with self._deadline:
                response = self._request(call)
                content, cut = _body(response)
        except (Late, TimeoutError):
            _drop(response)
            raise NoAnswer(call, f"no answer within {limit:g} s") from None
        except HTTPParseError as error:
            raise NoAnswer(call, f"the connection broke before the whole answer ({error})") from None
        except OSError as error:  # before those of values, of which a certificate's is one
            raise NoAnswer(call, reason(error), reached=not isinstance(error, ConnectionRefusedError)) from None
        except ValueError as error:
            _drop(response)
            raise NoAnswer(call, f"the body cannot be unpacked ({error})") from None
        seconds = self._clock.arrived - self._clock.left
        return Reply(call, response.get_code(), response.fields, content, seconds, cut)

    def _close(self, at: float, reply: Reply, error: Unexpected | None) -> None:
        why = "" if error is None else f"expected {error.expected}, received {error.received}"
        self._record(at, reply.call, reply.seconds, reply, why)

    def _tell(self, call: Call, outcome: Reply | NoAnswer) -> None:
        for listener in self._after:
            listener(self.account, call, outcome)

    def _record(self, at: float, call: Call, seconds: float, outcome: Reply | NoAnswer, why: str) -> None:
        self._recorder.request(
            at, self.user, self.session, call.operation, seconds, outcome, why, self._clock.connected_in, self.journey
        )
        if self._clock.again:
            self._recorder.tell(Resent(at, call.operation, self.session))
        self._fired.fire(  # type: ignore[no-untyped-call]
            request_type=call.method,
            name=call.operation,
            response_time=seconds * 1000,
            response_length=len(outcome.body) if isinstance(outcome, Reply) else 0,
            exception=LoadFailure(_summary(outcome)) if why else None,
            context={},
        )


class LoadFailure(Exception):
    """What Locust's own list of failures shows: without ids and texts, so that equal failures are one line."""


class LoadActor(Actor):
    """An actor whose client learns what each verb made of the answer."""

    def __init__(self, verbs: Verbs, client: LoadClient, sleep: Callable[[float], None]) -> None:
        super().__init__(verbs, client.send, sleep)
        self.client = client
        self._took = 0.0

    def send_message(self, session: Session | None, prompt: str) -> Turn:
        """A turn that comes whole; it is told as such."""
        nonce = next((str(one) for one in nonces(prompt)), "")
        try:
            turn = super().send_message(session, prompt)
        except (Unexpected, NoAnswer):
            self.client.turned("plain", "refused", self._took, nonce=nonce)
            raise
        self.client.turned("plain", "done" if turn.reply.strip() else "empty", self._took, nonce=nonce)
        return turn

    def _do(self, steps: Steps[Result]) -> Result:
        self._took = 0.0
        try:
            result = super()._do(steps)
        except Unexpected as error:
            self._took = self.client.waited
            self.client.settle(error)
            raise
        except NoAnswer:
            self._took = self.client.waited
            raise
        self._took = self.client.waited
        self.client.settle()
        return result


def _summary(outcome: Reply | NoAnswer) -> str:
    return f"status {outcome.status}" if isinstance(outcome, Reply) else outcome.reason


def _drop(response: BoundedResponse | None) -> None:
    """An answer that was given up in the middle: its connection is not used again."""
    if response is not None:
        response.release()


def _body(response: BoundedResponse) -> tuple[bytes, str | None]:
    """The body as unpacked, up to a limit, and why there is no more of it. Raises `ValueError` for a broken packing."""
    if not response.fields.get("content-encoding") and response.is_whole and len(response.body) <= MAX_BODY:
        return bytes(response.body), None  # most answers come in one piece
    content = bytearray()
    for _, piece in response.unpacked():
        room = MAX_BODY - len(content)
        content += piece[:room]
        if len(piece) > room:
            _drop(response)
            return bytes(content), "size"
    return bytes(content), None
