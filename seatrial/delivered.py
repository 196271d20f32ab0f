"""What Open WebUI's socket tells of one reply, put together over the ways in which its releases tell it.

    delivered = Delivered()
    delivered.take(event["data"])     # of each event; says whether it brought text
    delivered.pieces, delivered.whole, delivered.done, delivered.errors

From 0.11 on a reply comes in pieces (`response:completion`). 0.9 and 0.10 tell all of it so far each time
(`chat:completion`), as text or as items. What a model thought before is no part of a reply; 0.9 tells and stores it
inside the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from seatrial.openwebui import output_text

SOCKET_PATH = "/ws/socket.io"
"""Where the socket is, below the deployment's address; no operation of HTTP, so that no contract names it."""

_THOUGHT = re.compile(r"""<details type="reasoning".*?(?:</details>\n?|\Z)""", re.DOTALL)


class Delivered:
    """What the socket told of one reply: the text put together, and whether it was told to be done."""

    def __init__(self) -> None:
        self.deltas: list[str] = []
        self.whole: str | None = None
        self.done = False
        self.errors: list[str] = []
        self.events = 0

    @property
    def pieces(self) -> str | None:
        """The pieces put together, None where none came."""
        return "".join(self.deltas) if self.deltas else None

    @property
    def texts(self) -> tuple[str, ...]:
        """The reply in each of the ways in which it was told: in pieces, as a whole, or both."""
        return tuple(text for text in (self.pieces, self.whole) if text is not None)

    def take(self, data: dict[str, Any]) -> bool:
        """One event's `data`. True where it brought text that was not there before."""
        self.events += 1
        body = data.get("data")
        body = body if isinstance(body, dict) else {}
        known, before = len(self.deltas), self.whole
        match data.get("type"):
            case "response:completion":
                if body.get("type") == "response.output_text.delta" and isinstance(body.get("delta"), str):
                    self.deltas.append(body["delta"])
            case "chat:completion" | "chat:message":
                self._complete(body)
            case "chat:message:error" | "chat:tasks:cancel":
                self.errors.append(str(body)[:300])
        told_whole = bool(self.whole) and self.whole != before
        return any(self.deltas[known:]) or (told_whole and not self.deltas)

    def _complete(self, body: dict[str, Any]) -> None:
        self.deltas += pieces(body.get("choices"))
        if isinstance(body.get("content"), str):
            self.whole = spoken(body["content"])
        if body.get("output"):  # how 0.10 tells the text: as items, the whole of it each time
            self.whole = output_text(body["output"])
        if body.get("error"):
            self.errors.append(str(body["error"])[:300])
        self.done = self.done or body.get("done") is True


def spoken(text: str) -> str:
    """A text of a release that writes a model's thoughts into it, without them."""
    return _THOUGHT.sub("", text)


def pieces(choices: Any) -> Iterator[str]:
    """The pieces of text in the `choices` of an event, whatever else may stand there."""
    for choice in choices if isinstance(choices, list) else ():
        match choice:
            case {"delta": {"content": str(piece)}} if piece:
                yield piece
