"""Sends calls with httpx, as one account, within limits of its own.

One deadline is over the whole of a call, from connecting to the last byte (`transport`); a size limit ends bodies
that never stop, counted as unpacked; redirects are not followed and cookies not kept (Open WebUI's sign-in sets one,
and it authenticates). Whoever listens (`on_exchange`) sees every call with what came back.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx

from seatrial.errors import Inconclusive, WrongUse
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.target import ANONYMOUS, Account, Target
from seatrial.transport import DeadlineTransport
from seatrial.unpacking import ACCEPTED, Unpacker

NAMED = {"User-Agent": "seatrial"}
"""Who asks: what stands in front may refuse who says no name."""

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a body that are read, as unpacked; what is longer is cut and marked."""

Listener = Callable[[Account, Call, "Reply | NoAnswer"], None]
Gate = Callable[[Account, Call], None]
Again = Callable[[Account, "Reply", int], "float | None"]
"""Of the answer to the nth try (from 1): seconds after which the call is sent again, None where the answer stands."""


class Untrusted(Inconclusive):
    """The target's certificate does not verify."""


def tls_context(target: Target) -> ssl.SSLContext:
    """One per target: making one takes 20 ms, which a client per user would pay again and again."""
    if target.ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=target.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise WrongUse(f"--ca-file {target.ca_file}: {getattr(error, 'strerror', None) or error}") from None


class Client:
    """`send` delivers a call as `account`; `stream` gives the body as it arrives.

    `before` may refuse a call by raising (the ledger writes its intent there, the budget counts); `on_exchange` hears
    of the outcome; `again` may have a refused call sent once more, of which it sees status and headers. `patience` are
    the seconds of operations that may take longer than the target's timeout.
    """

    def __init__(
        self,
        target: Target,
        account: Account = ANONYMOUS,
        *,
        tls: ssl.SSLContext | None = None,
        before: Gate | None = None,
        on_exchange: Listener | None = None,
        again: Again | None = None,
        patience: Mapping[str, float] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.target, self.account = target, account
        self._before, self._heard, self._again = before, on_exchange, again
        self._patience = patience if patience is not None else {}
        self._tls = tls or (tls_context(target) if target.url.startswith("https") else None)
        self._transport = transport
        self._http = self._connect()

    def _connect(self) -> httpx.Client:
        return httpx.Client(
            headers={
                "Accept": "application/json, text/event-stream",
                "Accept-Encoding": ACCEPTED,
                **NAMED,
            }
            | dict(self.target.headers),
            timeout=self.target.timeout,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            transport=self._transport or DeadlineTransport(self._tls),
            trust_env=False,
        )

    def reconnect(self) -> None:
        """Leave the kept connections: the next call opens a new one."""
        self._http.close()
        self._http = self._connect()

    def send(self, call: Call, timeout: float | None = None) -> Reply:
        """The whole answer. Raises `NoAnswer` when none came."""
        with self.stream(call, timeout) as answer:
            for _ in answer.chunks():
                pass
            return answer.reply()

    @contextmanager
    def stream(self, call: Call, timeout: float | None = None) -> Iterator[Answer]:
        """The answer as it arrives: status and headers now, `chunks()` with their times."""
        with ExitStack() as tries:
            answer, number = tries.enter_context(self._try(call, timeout)), 1
            while self._again and (pause := self._again(self.account, answer.reply(), number)) is not None:
                answer.repeated = True
                tries.close()
                time.sleep(pause)
                answer, number = tries.enter_context(self._try(call, timeout)), number + 1
            yield answer

    @contextmanager
    def _try(self, call: Call, timeout: float | None) -> Iterator[Answer]:
        limit = timeout or self._patience.get(call.operation) or self.target.timeout
        if self._before:
            self._before(self.account, call)
        started = time.monotonic()
        answer: Answer | None = None
        try:
            with self._http.stream(
                call.method,
                self.target.url + call.path,
                params=list(call.params) or None,
                content=call.body(),
                headers=self._headers(call),
                timeout=limit,
            ) as response:
                answer = Answer(call, response, started, started + limit)
                yield answer
        except httpx.HTTPError as error:
            # After an unhandled error the server drops the connection: a kept one is not used again.
            self.reconnect()
            raise self._no_answer(call, error, time.monotonic() - started, limit) from None
        except KeyboardInterrupt:
            if answer is not None:  # what has come of it is no answer to hold against anybody
                answer.cut = answer.cut or "closed"
            raise
        except httpx.InvalidURL as error:
            raise WrongUse(f"{self.target.url}: {error}") from None
        finally:
            if answer is not None:
                self._tell(call, answer.reply())
                if answer.status >= 500 or answer.cut:
                    self.reconnect()

    def _headers(self, call: Call) -> dict[str, str]:
        content = {} if call.body() is None else {"Content-Type": "application/json"}
        return content | self.account.headers | dict(call.headers)

    def _no_answer(self, call: Call, error: httpx.HTTPError, seconds: float, limit: float) -> Exception:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Untrusted(
                    f"the certificate of {self.target.url} does not verify ({cause.verify_message}); "
                    "name the authority that signed it with --ca-file"
                )
            cause = cause.__cause__ or cause.__context__
        failure = NoAnswer(call, reason(error, limit), seconds=seconds)
        self._tell(call, failure)
        return failure

    def _tell(self, call: Call, outcome: Reply | NoAnswer) -> None:
        if self._heard:
            self._heard(self.account, call, outcome)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Answer:
    """An answer under way. Times are seconds since the request was sent."""

    def __init__(self, call: Call, response: httpx.Response, started: float, deadline: float) -> None:
        self.call, self.status = call, response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response, self._started, self._deadline = response, started, deadline
        self._body = bytearray()
        self._ended: float | None = None
        self._whole: Reply | None = None
        self.cut: str | None = None
        self.repeated = False

    def chunks(self) -> Iterator[tuple[float, bytes]]:
        """Pieces of the body with their times, to its end, the deadline, the size limit or a broken connection."""
        unpacker = Unpacker(self.headers.get("content-encoding", ""))
        try:
            assert isinstance(self._response.stream, httpx.SyncByteStream)
            for packed in self._response.stream:  # as it was sent: httpx would unpack without a limit
                for chunk in unpacker.feed(packed):
                    now = time.monotonic()
                    room = MAX_BODY - len(self._body)
                    self._body += chunk[:room]
                    yield now - self._started, chunk[:room]
                    if len(chunk) > room:
                        self.cut = "size"
                    elif now > self._deadline:
                        self.cut = "deadline"
                    if self.cut:
                        break
                if self.cut:
                    break
            else:
                unpacker.finish()
        except httpx.TimeoutException:
            self.cut = "deadline"
        except httpx.HTTPError:
            self.cut = "closed"
        except ValueError:
            self.cut = "encoding"
        self._ended = time.monotonic()

    def reply(self) -> Reply:
        """What has arrived so far, as a value."""
        if self._whole is None:
            seconds = (self._ended or time.monotonic()) - self._started
            reply = Reply(self.call, self.status, self.headers, bytes(self._body), seconds, self.cut, self.repeated)
            if self._ended is None:
                return reply
            self._whole, self._body = reply, bytearray()  # megabytes are kept once
        return self._whole


def reason(error: Exception, timeout: float) -> str:
    """Why no answer came, in words an operator understands."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {timeout:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {timeout:g} s"
    if isinstance(error, httpx.ConnectError):
        text = str(error)
        if "refused" in text:
            return "connection refused: nothing listens there"
        if "Name or service" in text or "getaddrinfo" in text or "nodename" in text:
            return "the host name is not known"
        return f"cannot connect ({text})"
    if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        return f"the connection broke before an answer ({error})"
    return f"{type(error).__name__}: {error}"
