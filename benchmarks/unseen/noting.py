"""How the unseen faults are noted down, and the makers that several themes share.

Every fault is first a sentence that a user would say, with where it comes from: an address, or "imagined". The rules
are left empty: whoever wrote these faults had not seen any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from seatrial.lab.crossing import Answer, Asked, Behind, once
from seatrial.lab.faults.making import HISTORY, Break, Fault, Kind, Register, Tell, changed, messages

SOURCES: dict[str, str] = {}
"""Where each fault comes from, by its name."""

PUBLIC = frozenset({"getHealth", "getReadiness", "getVersion", "getConfig", "signIn"})
HTML = "text/html; charset=utf-8"


def fault(
    name: str,
    kind: Kind,
    apis: tuple[str, ...],
    words: str,
    source: str,
    make: Callable[[], Break] | None = None,
    *,
    told: Callable[[], Tell] | None = None,
) -> Fault:
    """A fault, noted with its source."""
    SOURCES[name] = source
    return Fault(name, kind, apis, words, (), make, told)


def page(status: int, title: str) -> Answer:
    """A page of HTML, as gateways answer."""
    answer = Answer(status, [], once(b""))
    text = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    answer.put_bytes(text.encode(), HTML)
    return answer


def prompt_of(asked: Asked) -> str:
    """What the person says in this request; empty when it is none that speaks to a model."""
    document = asked.document()
    said = document.get("prompt")
    given = document.get("messages")
    if isinstance(given, list) and given and isinstance(given[-1], dict):
        said = given[-1].get("content")
    return said if isinstance(said, str) else ""


def everywhere(document: Any, change: Callable[[str], str]) -> Any:
    """The document with all its texts changed; keys stay."""
    if isinstance(document, str):
        return change(document)
    if isinstance(document, list):
        return [everywhere(one, change) for one in document]
    if isinstance(document, dict):
        return {key: everywhere(one, change) for key, one in document.items()}
    return document


# ------------------------------------------------------------------ makers


def instead(when: Callable[[Asked], bool], answer: Callable[[Asked], Answer]) -> Callable[[], Break]:
    """Answers these requests by itself; nothing reaches the server."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        return answer(asked) if when(asked) else await behind.answer(asked)

    return lambda: breaking


def replacing(when: Callable[[Asked, Answer], bool], answer: Callable[[Asked, Answer], Answer]) -> Callable[[], Break]:
    """Puts another answer in the place of these of the server."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        given = await behind.answer(asked)
        return answer(asked, given) if when(asked, given) else given

    return lambda: breaking


def asking(operations: Collection[str], change: Callable[[Asked], Asked]) -> Callable[[], Break]:
    """Passes other requests on than those that were sent."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        return await behind.answer(change(asked) if asked.operation in operations else asked)

    return lambda: breaking


def saying(operations: Collection[str], change: Callable[[str], str]) -> Callable[[], Break]:
    """Changes the texts in what is sent."""

    def apply(asked: Asked) -> Asked:
        document = asked.document()
        return asked.saying(everywhere(document, change)) if document else asked

    return asking(operations, apply)


def rewriting(operations: Collection[str], change: Callable[[bytes], tuple[bytes, str | None]]) -> Callable[[], Break]:
    """Changes the bytes of good JSON answers, and their type where one is given."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in operations and answer.status == 200 and answer.media_type == "application/json":
            answer.put_bytes(*change(await answer.read()))
        return answer

    return lambda: breaking


def in_messages(change: Callable[[dict[str, Any]], None]) -> Callable[[], Break]:
    """Changes the messages of a history where they stand."""

    def apply(document: Any, _asked: Asked) -> Any:
        for message in messages(document):
            change(message)
        return document

    return changed(HISTORY, apply)


def contents(change: Callable[[str], str]) -> Callable[[], Break]:
    """Changes the texts of a history."""

    def apply(message: dict[str, Any]) -> None:
        if isinstance(message.get("content"), str):
            message["content"] = change(message["content"])

    return in_messages(apply)


def as_owner(operations: Collection[str]) -> Callable[[], Break]:
    """What one account asks about a chat of another is done in the other's name."""

    class AsOwner(Register):
        async def __call__(self, asked: Asked, behind: Behind) -> Answer:
            owner = self.owner.get(asked.session or "")
            if asked.operation in operations and asked.token in self.seen and owner and owner != asked.token:
                return await behind.answer(asked.by(owner))
            return await self.ask(asked, behind)

    return AsOwner


def shared(operations: Collection[str], key: Callable[[Asked], str], seconds: float) -> Callable[[], Break]:
    """A cache: one good answer for each key, for so many seconds."""

    class Cache:
        def __init__(self) -> None:
            self.kept: dict[str, tuple[float, list[tuple[bytes, bytes]], bytes]] = {}

        async def __call__(self, asked: Asked, behind: Behind) -> Answer:
            if asked.operation not in operations:
                return await behind.answer(asked)
            until, headers, body = self.kept.get(key(asked), (0.0, [], b""))
            if time.monotonic() < until:
                return Answer(200, list(headers), once(body))
            answer = await behind.answer(asked)
            if answer.status == 200:
                self.kept[key(asked)] = (time.monotonic() + seconds, list(answer.headers), await answer.read())
            return answer

    return Cache
