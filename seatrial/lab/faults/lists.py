"""Lists that lack, repeat or misplace sessions, and deleting that deletes too little or too much."""

from __future__ import annotations

from typing import Any

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import (
    BOTH,
    CREATE,
    DELETE,
    HISTORY,
    LIST,
    Fault,
    Register,
    always,
    changed,
    listing,
    rows,
)

CAP = 10
ROW = {"last_read_at": None, "snippet": None, "active": False, "archived": False}


def _kept_in_sight(document: Any, _asked: Asked) -> Any:
    found = rows(document)
    found[:] = [row for row in found if row.get("title") is not None]
    return document


class _Stale:
    """The list is as it was when it was asked for last."""

    def __init__(self) -> None:
        self.last: dict[tuple[str | None, str], Any] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in LIST and answer.status == 200:
            key, document = (asked.token, asked.target), await answer.document()
            answer.put(self.last.get(key, document))
            self.last[key] = document
        return answer


class _SecondPage:
    """The second page begins with the end of the first, or too late, or is empty."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.first_pages: dict[str | None, list[Any]] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        page = asked.query.get("page") if asked.operation == "listChats" else None
        if answer.status != 200 or page not in ("1", "2"):
            return answer
        document = await answer.document()
        if page == "1":
            self.first_pages[asked.token] = document
        elif document:
            last = self.first_pages.get(asked.token, [])[-1:]
            answer.put({"repeats": [*last, *document], "skips": document[1:], "is empty": []}[self.how])
        return answer


async def _only_said(asked: Asked, behind: Behind) -> Answer:
    """Deleting is answered as if it had been done; a session that is not there is refused as before."""
    if behind.caller(asked) is not None:
        [read] = [name for name in HISTORY if behind.contract.operation(name).api == _api(asked, behind)]
        found = await behind.call(read, asked.values[0], token=asked.token)
        if found.status == 200:
            return _deleted(asked, behind)
    return await behind.answer(asked)


def _api(asked: Asked, behind: Behind) -> str:
    return behind.contract.operation(asked.operation).api


def _deleted(asked: Asked, behind: Behind) -> Answer:
    return Answer.of(200, {"deleted": True, "id": asked.values[0]} if _api(asked, behind) == SESSIONS else True)


class _StillListed:
    """What was deleted is listed; with `back` only once something else was made after it."""

    def __init__(self, back: bool = False) -> None:
        self.back = back
        self.away: dict[str, list[str]] = {}
        self.register = Register(anonymous=True)
        self.gone: dict[str, list[str]] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        who = behind.caller(asked)
        if answer.status != 200 or who is None:
            return answer
        if asked.operation in DELETE and asked.values[0] in self.register.made:
            (self.away if self.back else self.gone).setdefault(who, []).append(asked.values[0])
        elif asked.operation in CREATE:
            self.gone.setdefault(who, []).extend(self.away.pop(who, []))
        elif asked.operation in LIST and asked.query.get("page", "1") == "1":
            document = await answer.document()
            keys = ("id", "title", "created_at", "updated_at")
            for session in self.gone.get(who, []):
                made = self.register.made[session]
                extra = ROW if asked.operation == "listChats" else {}
                rows(document).append({key: made[key] for key in keys if key in made} | extra)
            answer.put(document)
        return answer


class _StillReadable:
    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, Any]] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        who = behind.caller(asked)
        if asked.operation in DELETE and who is not None:
            [read] = [name for name in HISTORY if behind.contract.operation(name).api == _api(asked, behind)]
            found = await behind.call(read, asked.values[0], token=asked.token)
            if found.status == 200:
                self.kept[asked.values[0]] = (who, await found.document())
        answer = await behind.answer(asked)
        if asked.operation in HISTORY and answer.status != 200:
            kept = self.kept.get(asked.values[0])
            if kept is not None and kept[0] == who:
                return Answer.of(200, kept[1])
        return answer


class _DeletedTwice:
    def __init__(self) -> None:
        self.deleted: set[tuple[str | None, str]] = set()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in DELETE:
            key = (asked.token, asked.values[0])
            if answer.status == 200:
                self.deleted.add(key)
            elif key in self.deleted:
                return _deleted(asked, behind)
        return answer


class _TakesAnother:
    """Deleting a session deletes the newest one of the same account as well."""

    def __init__(self) -> None:
        self.register = Register(anonymous=True)

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        who = behind.caller(asked)
        if asked.operation in DELETE and answer.status == 200 and who is not None:
            self.register.owner.pop(asked.values[0], None)
            if others := self.register.of(who):
                self.register.owner.pop(others[-1])
                await behind.call(asked.operation, others[-1], token=asked.token)
        return answer


FAULTS = [
    Fault("newest-not-listed", "listing", BOTH, "A new conversation is not in the list.",
          ("list-complete",), listing(lambda found: found[1:])),
    Fault("oldest-not-listed", "listing", BOTH, "The oldest conversation is not in the list.",
          ("list-complete", "list-pages"), listing(lambda found: found[:-1])),
    Fault("newest-listed-twice", "listing", BOTH, "The newest conversation stands in the list twice.",
          ("list-complete",), listing(lambda found: [*found[:1], *found])),
    Fault("empty-sessions-not-listed", "listing", (SESSIONS,), "A conversation is listed only once something was said.",
          ("list-complete",), changed({"listSessions"}, _kept_in_sight)),
    Fault("list-capped", "listing", BOTH, f"The list ends after {CAP} conversations.",
          ("list-complete", "list-pages"), listing(lambda found: found[:CAP])),
    Fault("list-stale", "listing", BOTH, "The list is a step behind: what was just made or deleted does not show.",
          ("list-complete", "deleted-gone"), _Stale),
    Fault("oldest-first", "listing", BOTH, "The latest conversation is at the bottom.",
          ("list-order",), listing(lambda found: found[::-1])),
    Fault("second-page-repeats", "listing", (OPENWEBUI,), "Scrolling down, a chat comes twice.",
          ("list-pages",), lambda: _SecondPage("repeats")),
    Fault("second-page-skips", "listing", (OPENWEBUI,), "Scrolling down, a chat is missing.",
          ("list-pages",), lambda: _SecondPage("skips")),
    Fault("second-page-empty", "listing", (OPENWEBUI,), "The list ends after its first page.",
          ("list-pages",), lambda: _SecondPage("is empty")),
    Fault("delete-does-nothing", "durability", BOTH, "A deleted conversation is still there.",
          ("deleted-gone",), always(DELETE, _only_said)),
    Fault("deleted-still-listed", "listing", BOTH, "A deleted conversation stays in the list.",
          ("deleted-gone",), _StillListed),
    Fault("deleted-comes-back", "durability", BOTH, "Beginning a conversation brings deleted ones back.",
          ("state-agrees", "deleted-gone"), lambda: _StillListed(back=True)),
    Fault("deleted-still-readable", "durability", BOTH, "A deleted conversation opens by its old address.",
          ("deleted-gone",), _StillReadable),
    Fault("deleting-twice-succeeds", "status", BOTH, "Deleting what is gone says that it was deleted.",
          ("deleted-gone",), _DeletedTwice),
    Fault("delete-takes-another", "durability", BOTH, "Deleting one conversation takes the newest one along.",
          ("siblings-stay",), _TakesAnother),
]  # fmt: skip
