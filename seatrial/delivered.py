"""What Open WebUI's socket tells of one reply, put together over the ways in which its releases tell it.

    delivered = Delivered()
    delivered.take(event["data"])     # of each event; says whether it brought text
    delivered.pieces, delivered.whole, delivered.done, delivered.errors

From 0.11 on a reply comes in pieces (`response:completion`). 0.9 and 0.10 tell all of it so far each time
(`chat:completion`), as text or as items. What a model thought before is no part of a reply; 0.9 tells and stores it
inside the text. Where a filter changes the reply in the end, `chat:outlet` tells it once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from seatrial.openwebui import item_text, joined, output_text

SOCKET_PATH = "/ws/socket.io"
"""Where the socket is, below the deployment's address; no operation of HTTP, so that no contract names it."""

_THOUGHT = re.compile(r"""<details type="reasoning".*?(?:</details>\n?|\Z)""", re.DOTALL)
_ALOUD = re.compile(
    r"<(think|thinking|reason|reasoning|thought|Thought)>.*?(?:</\1>|\Z)"
    r"|<\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)|◁think▷.*?(?:◁/think▷|\Z)",
    re.DOTALL,
)
"""Thoughts in the text of a reply, as models write them and Open WebUI takes them out (DEFAULT_REASONING_TAGS)."""


class Delivered:
    """What the socket told of one reply: the text put together, and whether it was told to be done.

    `outlet` is the reply as a filter changed it after its end, None where none told of it.
    """

    def __init__(self) -> None:
        self._items: dict[str | int, list[str]] = {}
        """Pieces by the item of the reply that they belong to: between two items there may be a call of a tool."""
        self._in_pieces = False
        self.whole: str | None = None
        self.outlet: str | None = None
        self.done = False
        self.errors: list[str] = []
        self.events = self.came = 0
        """Events, and pieces of text among them."""

    @property
    def pieces(self) -> str | None:
        """The pieces put together, None where none came."""
        return joined("".join(parts) for parts in self._items.values()) if self._in_pieces else None

    @property
    def texts(self) -> tuple[str, ...]:
        """The reply in each of the ways in which it was told: in pieces, as a whole, or both.

        Where a filter changed it in the end, the pieces are of another text, which nobody is shown any more.
        """
        told, pieces = (self.pieces, self.whole), self.pieces
        if self.outlet is not None and pieces is not None and pieces.strip() != self.outlet.strip():
            told = (None, self.whole)
        return tuple(text for text in told if text is not None)

    def take(self, data: dict[str, Any]) -> bool:
        """One event's `data`. True where it brought text that was not there before."""
        self.events += 1
        body = data.get("data")
        body = body if isinstance(body, dict) else {}
        match data.get("type"):
            case "response:completion":
                return self._respond(body)
            case "chat:completion" | "chat:message":
                return self._complete(body)
            case "chat:outlet":
                self._filter(body)
            case "chat:message:error" | "chat:tasks:cancel":
                self.errors.append(str(body)[:300])
        return False

    def _respond(self, body: dict[str, Any]) -> bool:
        match body:
            case {"type": "response.output_text.delta", "delta": str(piece)}:
                return self._add(_key(body.get("item_id"), body.get("output_index")), piece)
            case {"type": "response.output_item.done", "item": dict(item)}:
                key, text = _key(item.get("id"), body.get("output_index")), item_text(item)
                # The white space around an item goes when a tool is called after it. Other text is not what was told:
                # the pieces stay, and show it.
                if key in self._items and "".join(self._items[key]).strip() == text.strip():
                    self._items[key] = [text]
                elif text and key not in self._items:
                    return self._add(key, text)
        return False

    def _add(self, key: str | int, piece: str) -> bool:
        self._in_pieces = True
        self.came += bool(piece)
        self._items.setdefault(key, []).append(piece)
        return bool(piece)

    def _complete(self, body: dict[str, Any]) -> bool:
        came = [self._add("", piece) for piece in pieces(body.get("choices"))]
        content, output, before = body.get("content"), body.get("output"), None
        self.done = self.done or body.get("done") is True
        if body.get("error"):
            self.errors.append(str(body["error"])[:300])
        if isinstance(content, str) or (isinstance(output, list) and output):
            before = self._shown()
        if isinstance(content, str):
            self.whole = spoken(content)
        if isinstance(output, list) and output:  # how 0.10 tells the text: as items, the whole of it each time
            self.whole = output_text(output)
            if body.get("done") is not True:
                self._begin_anew(output)
        return any(came) or (before is not None and bool(shown := self._shown()) and shown != before)

    def _begin_anew(self, output: list[Any]) -> None:
        """In the middle of a reply told in pieces, what counts is the whole that replaces them.

        0.12 sends it when a tag of thought has come, some pieces of which were told as text. At the end the pieces
        stay as they were told, to be held to the whole.
        """
        items = [item for item in output if isinstance(item, dict)]
        self._items = {_key(item.get("id"), index): [item_text(item)] for index, item in enumerate(items)}

    def _shown(self) -> str:
        told = self.pieces
        return (self.whole or "") if told is None else told

    def _filter(self, body: dict[str, Any]) -> None:
        """The conversation after an outlet filter: its last reply is what is shown from now on, and stored."""
        messages = body.get("messages")
        for message in reversed(messages if isinstance(messages, list) else []):
            if isinstance(message, dict) and message.get("role") == "assistant":
                content = message.get("content")
                text = content if isinstance(content, str) and content else output_text(message.get("output"))
                self.whole = self.outlet = spoken(text)
                return


def _key(item_id: Any, index: Any) -> str | int:
    """What tells an item from the others; "" in releases that know of one only."""
    return item_id if isinstance(item_id, str) else index if isinstance(index, int) else ""


def spoken(text: str) -> str:
    """A text of a release that writes a model's thoughts into it, without them."""
    return _THOUGHT.sub("", text)


def without_thoughts(text: str) -> str:
    """A reply as a model wrote it, without the thoughts between tags that Open WebUI takes out of what it stores."""
    return _ALOUD.sub("", text)


def pieces(choices: Any) -> Iterator[str]:
    """The pieces of text in the `choices` of an event, whatever else may stand there."""
    for choice in choices if isinstance(choices, list) else ():
        match choice:
            case {"delta": {"content": str(piece)}} if piece:
                yield piece
