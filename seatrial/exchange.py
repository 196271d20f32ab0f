"""A request and its answer, as values that know no HTTP library.

A verb is a generator of `Call`s: it yields a call, is sent the `Reply`, and returns what it was
asked for. `perform` drives it with any function that sends: httpx in the contract suite, Locust's
client under load, a dictionary in a test.

    steps = verbs.get_history(session_id)
    messages = perform(steps, client.send)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from seatrial.parsing import parse

Result = TypeVar("Result")
EXCERPT = 300
"""Characters of a body that an error shows."""


class _NoBody:
    """The absence of a body; `None` is JSON's null."""

    def __repr__(self) -> str:
        return "NO_BODY"


NO_BODY: Final = _NoBody()

_ENCODER = json.JSONEncoder(ensure_ascii=False)
"""Kept: `json.dumps` makes one for each value."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request for one operation of the contract.

    `path` is filled in and percent-encoded; `values` are what fills it, in the path's order.
    """

    operation: str
    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    json: Any = NO_BODY
    headers: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    raw: bytes | None = None

    def body(self) -> bytes | None:
        """The body as bytes, UTF-8 as browsers send it; lone surrogates stay escaped. `raw` goes as it is."""
        if self.raw is not None:
            return self.raw
        if self.json is NO_BODY:
            return None
        try:
            return _ENCODER.encode(self.json).encode()
        except UnicodeEncodeError:
            return json.dumps(self.json).encode()


@dataclass(frozen=True, slots=True)
class Wait:
    """A verb asks for time to pass before its next call."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a call. `headers` have lower-case names, `seconds` runs from send to last byte.

    `cut` says why the body is not whole: "deadline", "size", "closed" or "encoding" (it cannot be unpacked); None
    when it is. `repeated`: after this answer the call was sent once more, so that nobody but listeners sees it.
    """

    call: Call
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    cut: str | None = None
    repeated: bool = False

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "")[:200].split(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    @property
    def is_html(self) -> bool:
        return self.media_type == "text/html" or self.body[:64].lstrip().lower().startswith(
            (b"<!doctype html", b"<html")
        )

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def document(self) -> Any:
        """The body read as JSON. Raises `Unexpected` when it is something else."""
        if not self.is_json:
            raise Unexpected(self, "a JSON body", f"{self.media_type or 'no content type'}: {self.excerpt()}")
        try:
            return parse(self.body)
        except ValueError as error:
            raise Unexpected(self, "a JSON body", f"unreadable JSON ({error}): {self.excerpt()}") from None

    def excerpt(self, length: int = EXCERPT) -> str:
        if self.is_html:
            return "an HTML page"
        # Characters have at most four bytes; a body of megabytes is not decoded for a line of it.
        text = self.body[: 4 * length + 4].decode("utf-8", "replace")[: length + 1]
        return text if len(text) <= length else text[:length] + "…"

    def __str__(self) -> str:
        return f"{self.call.method} {self.call.path} -> {self.status} {self.excerpt()}"


class Unexpected(Exception):
    """An answer that a verb cannot use: valid use was refused, or the answer has another shape."""

    def __init__(self, reply: Reply, expected: str, received: str | None = None, where: str | None = None) -> None:
        self.reply, self.expected = reply, expected
        self.received = received or f"{reply.status} {reply.excerpt()}"
        self.where = where or f"status {reply.status}"
        super().__init__(f"{reply.call.method} {reply.call.path}: expected {expected}, received {self.received}")


class Unfinished(Unexpected):
    """What was begun has not ended within the time that it gets."""


class NoAnswer(Exception):
    """The call brought no answer at all: refused, reset, or silent until the deadline.

    `reached`: the target may have received it; False when no connection was made. `seconds` is how long it was
    waited for.
    """

    def __init__(self, call: Call, reason: str, reached: bool = True, seconds: float = 0.0) -> None:
        self.call, self.reason, self.reached, self.seconds = call, reason, reached, seconds
        super().__init__(f"{call.method} {call.path}: {reason}")


Steps = Generator[Call | Wait, Reply, Result]
"""What a verb is: yields calls and waits, is sent replies, returns its result."""


def perform(
    steps: Steps[Result],
    send: Callable[[Call], Reply],
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Run a verb to its result; what `send` raises ends it."""
    reply: Any = None
    try:
        while True:
            step = steps.send(reply)
            if isinstance(step, Wait):
                sleep(step.seconds)
                reply = None
            else:
                reply = send(step)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        steps.close()


def repeated(ask: Callable[[], Result], attempts: int = 3) -> Result:
    """What it says, asked for again where it is refused: one in fifty may be, by what stands in front."""
    for _ in range(attempts - 1):
        with suppress(Unexpected):
            return ask()
    return ask()
