"""One request on its way through the fault proxy: as it was asked, as it is answered, and what stands behind.

A fault sees these and nothing of ASGI or httpx: it may change what is asked, ask something else, ask as somebody
else, and change the answer, whole or piece by piece.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from seatrial.contract import Contract
from seatrial.exchange import NO_BODY
from seatrial.verbs import VERB_OPERATIONS

Headers = tuple[tuple[bytes, bytes], ...]

PERSONAL = frozenset(
    name for verbs in VERB_OPERATIONS.values() for verb, name in verbs.items() if verb != "get_model_info"
)
"""What one does with sessions of one's own; many a server tells its model to anybody."""


class ConnectionCut(Exception):
    """The connection ends here, whatever was announced."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `operation` is its operationId ("" when the contract has none), `values` those of its path.

    `target` is path and query as they were sent; `prefix` what stands before the contract's path in it.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    operation: str = ""
    values: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def token(self) -> str | None:
        """The bearer token, None without one."""
        for name, value in self.headers:
            scheme, _, token = value.decode("latin-1").partition(" ")
            if name.lower() == b"authorization" and scheme.lower() == "bearer":
                return token.strip()
        return None

    @property
    def is_bare(self) -> bool:
        """Whether it brings no credentials of any kind."""
        return not any(name.lower() in (b"authorization", b"cookie") for name, _ in self.headers)

    @property
    def session(self) -> str | None:
        """The session or chat that is spoken of, in the path or in the body."""
        if self.values:
            return self.values[0]
        document = self.document()
        found = document.get("session_id" if self.operation == "sendMessage" else "chat_id") if document else None
        return found if isinstance(found, str) else None

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def by(self, token: str) -> Asked:
        """The same, asked by somebody else."""
        others = tuple(pair for pair in self.headers if pair[0].lower() not in (b"authorization", b"cookie"))
        return replace(self, headers=(*others, (b"authorization", b"Bearer " + token.encode("latin-1"))))

    def saying(self, document: Any) -> Asked:
        """The same with another body."""
        others = tuple(pair for pair in self.headers if pair[0].lower() != b"content-length")
        body = json.dumps(document).encode()
        return replace(self, headers=(*others, (b"content-length", str(len(body)).encode())), body=body)

    def at(self, values: tuple[str, ...], contract: Contract) -> Asked:
        """The same with other values in the path."""
        _, mark, query = self.target.partition("?")
        path = self.prefix + contract.call(self.operation, *values).path
        return replace(self, target=path + mark + query, values=values)

    def querying(self, **changes: str) -> Asked:
        return replace(self, target=f"{self.target.partition('?')[0]}?{urlencode(self.query | changes)}")


@dataclass(slots=True)
class Answer:
    """An answer under way. `pieces` is its body as it arrives; whoever reads it whole puts it back."""

    status: int
    headers: list[tuple[bytes, bytes]]
    pieces: AsyncIterator[bytes]

    @classmethod
    def of(cls, status: int, document: Any) -> Answer:
        answer = cls(status, [(b"content-type", b"application/json")], once(b""))
        answer.put(document)
        return answer

    @property
    def media_type(self) -> str:
        found = next((value for name, value in self.headers if name.lower() == b"content-type"), b"")
        return found.decode("latin-1").partition(";")[0].strip().lower()

    @property
    def is_stream(self) -> bool:
        return self.media_type == "text/event-stream"

    async def read(self) -> bytes:
        body = b"".join([piece async for piece in self.pieces])
        self.pieces = once(body)
        return body

    async def document(self) -> Any:
        """The body as JSON; None when it is a stream or no JSON."""
        if self.media_type != "application/json":
            return None
        try:
            return json.loads(await self.read())
        except (ValueError, RecursionError):
            return None

    def put(self, document: Any) -> None:
        self.put_bytes(json.dumps(document).encode())

    def put_bytes(self, body: bytes, media_type: str | None = None) -> None:
        """Another body, its length and type told rightly."""
        self._without(b"content-length", *([b"content-type"] if media_type else []))
        if media_type:
            self.headers.append((b"content-type", media_type.encode()))
        self.headers.append((b"content-length", str(len(body)).encode()))
        self.pieces = once(body)

    def stream(self, pieces: AsyncIterator[bytes]) -> None:
        """A body of a length that nobody knows yet."""
        self._without(b"content-length")
        self.pieces = pieces

    def _without(self, *names: bytes) -> None:
        self.headers = [pair for pair in self.headers if pair[0].lower() not in names]


async def once(body: bytes) -> AsyncIterator[bytes]:
    yield body


class Door:
    """Whether what stands behind serves people who bring no credentials: not before one of them was seen to be served.

    Where credentials are needed it stays shut, so that strangers are nobody to a fault.
    """

    def __init__(self) -> None:
        self.is_open = False

    def saw(self, asked: Asked, answer: Answer) -> None:
        """Learn from an answer of what stands behind; a page for people, whatever its status, is none to this."""
        served = answer.status < 300 and answer.media_type == "application/json"
        if served and asked.operation in PERSONAL and asked.is_bare:
            self.is_open = True


class Behind:
    """What stands behind the proxy, for the time of one request. `send` delivers a request to it."""

    def __init__(self, send: Callable[[Asked], Awaitable[Answer]], contract: Contract, prefix: str, door: Door) -> None:
        self._send, self.contract, self._prefix, self._door = send, contract, prefix, door

    def caller(self, asked: Asked) -> str | None:
        """Whose request it is: a token, "" for everybody where no credentials are needed, None for a stranger."""
        return "" if asked.token is None and asked.is_bare and self._door.is_open else asked.token

    async def answer(self, asked: Asked) -> Answer:
        return await self._send(asked)

    async def call(
        self,
        operation: str,
        *values: str,
        token: str | None,
        json: Any = NO_BODY,
        query: Mapping[str, object] | None = None,
    ) -> Answer:
        """Ask for an operation of the contract."""
        call = self.contract.call(operation, *values, query=query, json=json)
        target = self._prefix + call.path + (f"?{urlencode(call.params)}" if call.params else "")
        headers = tuple(_headers(token, call.body()))
        return await self._send(Asked(call.method, target, headers, call.body() or b"", operation, values))


def _headers(token: str | None, body: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    if token is not None:
        yield b"authorization", b"Bearer " + token.encode("latin-1")
    if body is not None:
        yield b"content-type", b"application/json"
        yield b"content-length", str(len(body)).encode()
