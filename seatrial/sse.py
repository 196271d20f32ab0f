"""Server-sent events, read as they come: https://html.spec.whatwg.org/multipage/server-sent-events.html

    reader = EventReader()
    for moment, chunk in chunks:
        for event in reader.feed(chunk): ...
    reader.close()      # what is left over was cut

It keeps no clock and does no IO; the caller stamps each chunk with the time it arrived.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

DONE = "[DONE]"
MAX_EVENT = 1_000_000
"""Characters one event may have before the reader gives up on it."""

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event. `name` is its `event:` field, "message" where there is none."""

    data: str
    name: str = "message"
    id: str | None = None


class EventReader:
    """Feeds on bytes in any pieces, yields whole events; a piece may end inside a character or a line."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._data: list[str] = []
        self._name: str | None = None
        self._id: str | None = None
        self._start = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Events completed by this piece. Raises `ValueError` for one longer than `MAX_EVENT`."""
        text = self._rest + self._decode(chunk)
        if self._start and text:
            text, self._start = text.removeprefix("\ufeff"), False
        # A CR ends its line at once; an LF that the next piece begins with belongs to it.
        if self._after_cr and text:
            text, self._after_cr = text.removeprefix("\n"), False
        self._after_cr = self._after_cr or text.endswith("\r")
        *lines, self._rest = _LINE_END.split(text)
        if len(self._rest) + sum(map(len, self._data)) > MAX_EVENT:
            raise ValueError(f"an event of more than {MAX_EVENT} characters")
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event

    def close(self) -> str:
        """What had begun when the stream ended, "" when it ended between events."""
        unfinished = "\n".join([*self._data, self._rest]) if self._data or self._rest.strip() else ""
        self._data, self._rest = [], ""
        return unfinished

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):  # a comment, which keeps a connection alive
            return None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id":
            self._id = value
        return None

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name
        self._data, self._name = [], None
        return Event("\n".join(data), name or "message", self._id) if data else None
