"""What an upgrade, an import or another database made of the list of chats, of ids and of times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import BOTH, CHAT, CREATE, HISTORY, LIST, Break, changed, listing, rows

from .noting import fault, in_messages

OWUI = (OPENWEBUI,)
EVERYTHING = CREATE | LIST | HISTORY | CHAT
STAMPS = ("created_at", "updated_at", "timestamp")


def _stamped(document: Any, change: Callable[[int], Any]) -> Any:
    """The document with another value wherever a time stands, in a conversation too."""
    if isinstance(document, list):
        return [_stamped(one, change) for one in document]
    if isinstance(document, dict):
        return {
            key: change(one) if key in STAMPS and isinstance(one, int) else _stamped(one, change)
            for key, one in document.items()
        }
    return document


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _in_milliseconds(message: dict[str, Any]) -> None:
    for key in STAMPS:
        if isinstance(message.get(key), int):
            message[key] *= 1000


def _each_row(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[], Break]:
    return listing(lambda found: [row | change(row) for row in found])


def _nothing_for_empty(document: Any, _asked: Asked) -> Any:
    if rows(document):
        return document
    return document | {"sessions": None} if isinstance(document, dict) else None


def _first_title() -> Break:
    """The list keeps each chat's first title."""
    first: dict[str, str] = {}

    def remember(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"title": first.setdefault(row["id"], row["title"])}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in CREATE | LIST and answer.status == 200:
            document = await answer.document()
            if asked.operation in CREATE:
                remember(document)
            else:
                rows(document)[:] = [remember(row) for row in rows(document)]
                answer.put(document)
        return answer

    return breaking


def _id_without_dashes() -> Break:
    """The chat's id as createChat and the lists say it is another than it answers to."""

    def undashed(document: Any, asked: Asked) -> Any:
        for row in rows(document) if asked.operation in LIST else [document]:
            row["id"] = row["id"].replace("-", "")
        return document

    return changed(LIST, undashed)()


FAULTS = [
    fault("ids-undashed", "listing", OWUI,
          "Since the move to PostgreSQL, chats in the sidebar do not open.",
          "https://github.com/taylorwilsdon/open-webui-postgres-migration/issues/11 (UUIDs as SQLAlchemy keeps them)",
          _id_without_dashes),
    fault("ids-in-capitals", "listing", BOTH,
          "Clicking a chat in the sidebar says that there is no such chat.",
          "imagined (SQL Server writes GUIDs in capitals)",
          _each_row(lambda row: {"id": row["id"].upper()})),
    fault("times-of-messages-in-ms", "shape", BOTH,
          "My imported messages are from the year 57000.",
          "https://github.com/open-webui/open-webui/issues/11734",
          in_messages(_in_milliseconds)),
    fault("times-as-text", "shape", BOTH,
          "My script sorts chats by date and fails: dates are texts now.",
          "imagined (ISO dates after a change of the serializer)",
          changed(LIST, lambda document, _: _stamped(document, _iso))),
    fault("times-two-hours-ahead", "shape", BOTH,
          "The chat I have just made is from in two hours.",
          "imagined (local time stored as if it were UTC)",
          changed(EVERYTHING, lambda document, _: _stamped(document, lambda at: at + 7200))),
    fault("times-of-import", "listing", BOTH,
          "After the import all my chats are from the same second, and in any order.",
          "https://github.com/open-webui/open-webui/issues/8752",
          listing(lambda found: [
              row | {key: max(one["created_at"] for one in found) for key in row if key in STAMPS} for row in found])),
    fault("ordered-by-creation", "listing", OWUI,
          "A chat that I continue does not move to the top of the sidebar.",
          "https://github.com/willdady/platypus/pull/753",
          listing(lambda found: sorted(found, key=lambda row: -int(row["created_at"])))),
    fault("ordered-by-title", "listing", BOTH,
          "My newest chat is somewhere in the middle: the sidebar is in the order of the alphabet.",
          "imagined",
          listing(lambda found: sorted(found, key=lambda row: str(row["title"] or "").lower()))),
    fault("titles-of-thirty", "listing", BOTH,
          "Long titles end after thirty characters, so half of my chats have the same name.",
          "imagined",
          listing(lambda found: [row | {"title": row["title"] and row["title"][:30]} for row in found])),
    fault("titles-of-the-first-day", "listing", OWUI,
          "I renamed a chat and the sidebar goes on showing its first name.",
          "imagined (a denormalised table of titles)",
          _first_title),
    fault("capped-at-ten", "listing", BOTH,
          "Only my ten newest chats are there.",
          "imagined (a default limit nobody asked for)",
          listing(lambda found: found[:10])),
    fault("null-for-no-chats", "shape", BOTH,
          "For a new colleague the sidebar crashes: the list is null until there is a first chat.",
          "imagined",
          changed(LIST, _nothing_for_empty)),
]  # fmt: skip
