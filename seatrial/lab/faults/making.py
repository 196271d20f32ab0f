"""What a fault is, and what faults are made of: the verbs' operations, places in documents, and small makers.

A fault's `make` gives a function from a request and what stands behind to an answer; whatever it remembers is its own.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.verbs import VERB_OPERATIONS

Kind = Literal["shape", "status", "access", "durability", "listing", "stream", "time", "leak", "availability"]
Break = Callable[[Asked, Behind], Awaitable[Answer]]
Tell = Callable[[str], list[str]]
Change = Callable[[Any, Asked], Any]

BOTH = (SESSIONS, OPENWEBUI)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is broken. `words` say what a user would notice; `rules` are those that should turn red (any).

    `make` breaks requests, `told` the texts that a socket tells; each call of them gives a function with a memory of
    its own. With a `chance` the fault shows in that share of the requests that are `of` its kind, and the others pass
    unchanged (see `Dice`). With `credentials` it shows only where requests bring some: it needs a second person, or a
    token to tell.
    """

    name: str
    kind: Kind
    apis: tuple[str, ...]
    words: str
    rules: tuple[str, ...]
    make: Callable[[], Break] | None = None
    told: Callable[[], Tell] | None = None
    chance: float | None = None
    of: Callable[[Asked], bool] | None = None
    credentials: bool = False


class Dice:
    """Breaks a share of the requests of some kind, by a seed; `calls` and `struck` count both."""

    def __init__(self, fault: Fault, breaking: Break, seed: int) -> None:
        assert fault.chance is not None
        assert fault.of is not None
        self.calls = self.struck = 0
        self._chance, self._of, self._break = fault.chance, fault.of, breaking
        self._random = random.Random(f"{seed} {fault.name}")

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        if self._of(asked) and behind.caller(asked) is not None:
            self.calls += 1
            if self._random.random() < self._chance:
                self.struck += 1
                return await self._break(asked, behind)
        return await behind.answer(asked)


def _verb(name: str) -> frozenset[str]:
    return frozenset(operations[name] for operations in VERB_OPERATIONS.values())


CREATE, SEND, LIST = _verb("create_session"), _verb("send_message"), _verb("list_sessions")
HISTORY, DELETE, MODEL = _verb("get_history"), _verb("delete_session"), _verb("get_model_info")
CHAT = frozenset({"getChat", "updateChat", "editMessage", "deleteMessage"})
"""What answers with a whole chat of Open WebUI."""

WRITE = SEND | {"updateChat", "editMessage", "deleteMessage"}
READ_MISTAKES = frozenset({"sendMessage", "createChat"})
"""Where a body that is wrong is refused with a 422."""


# ------------------------------------------------------------------ places in documents


def rows(document: Any) -> list[Any]:
    """The rows of a list, on either API: the very list, so that changing it changes the document."""
    found = document.get("sessions") if isinstance(document, dict) else document
    return found if isinstance(found, list) else []


def messages(document: Any) -> list[dict[str, Any]]:
    """The messages of a history, oldest first, on either API: the very messages."""
    if not isinstance(document, dict):
        return []
    if isinstance(document.get("messages"), list):
        return list(document["messages"])
    history = tree_of(document)
    nodes, current, walked = history.get("messages") or {}, history.get("currentId"), []
    while isinstance(node := nodes.get(current), dict) and node not in walked:
        walked.append(node)
        current = node.get("parentId")
    return walked[::-1]


def tree_of(document: dict[str, Any]) -> dict[str, Any]:
    """The message tree of an Open WebUI chat."""
    history = (document.get("chat") or {}).get("history")
    return history if isinstance(history, dict) else {}


def put_messages(document: dict[str, Any], kept: list[dict[str, Any]]) -> dict[str, Any]:
    """The document with these messages as its conversation, linked up as they should be."""
    if isinstance(document.get("messages"), list):
        return document | {"messages": kept}
    history = tree_of(document)
    ids = [str(message.get("id")) for message in kept]
    history["messages"] = {
        one: message | {"parentId": ids[i - 1] if i else None, "childrenIds": ids[i + 1 : i + 2]}
        for i, (one, message) in enumerate(zip(ids, kept, strict=True))
    }
    history["currentId"] = ids[-1] if ids else None
    return document


# ------------------------------------------------------------------ makers


def with_credentials(faults: Sequence[Fault]) -> list[Fault]:
    """The same faults, marked as such that show only where requests bring credentials."""
    return [replace(fault, credentials=True) for fault in faults]


def changed(operations: Collection[str], change: Change, status: int = 200) -> Callable[[], Break]:
    """Answers of these operations with this status, their JSON changed."""

    async def fault(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in operations and answer.status == status:
            document = await answer.document()
            if document is not None:
                answer.put(change(document, asked))
        return answer

    return lambda: fault


def conversing(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[], Break]:
    """Histories whose messages are changed, as a list that is oldest first."""

    def apply(document: Any, _asked: Asked) -> Any:
        found = messages(document)
        return put_messages(document, change(found)) if found else document

    return changed(HISTORY, apply)


def listing(change: Callable[[list[Any]], list[Any]]) -> Callable[[], Break]:
    """Lists whose rows are changed."""

    def apply(document: Any, _asked: Asked) -> Any:
        found = rows(document)
        found[:] = change(list(found))
        return document

    return changed(LIST, apply)


def every(number: int, operations: Collection[str], instead: Break) -> Callable[[], Break]:
    """Every so many-th request for these operations goes another way."""

    class Counting:
        def __init__(self) -> None:
            self.seen = 0

        async def __call__(self, asked: Asked, behind: Behind) -> Answer:
            if asked.operation in operations and behind.caller(asked) is not None:
                self.seen += 1
                if self.seen % number == 0:
                    return await instead(asked, behind)
            return await behind.answer(asked)

    return Counting


def always(operations: Collection[str], instead: Break) -> Callable[[], Break]:
    """Requests for these operations go another way."""

    async def fault(asked: Asked, behind: Behind) -> Answer:
        return await (instead(asked, behind) if asked.operation in operations else behind.answer(asked))

    return lambda: fault


class Register:
    """Who made what, as it is seen passing by.

    With `anonymous`, those who need no credentials are somebody, too: one and the same, called "". Without, nothing is
    noted of them, since nobody can be taken for them.
    """

    def __init__(self, *, anonymous: bool = False) -> None:
        self._anonymous = anonymous
        self.makers: dict[str, None] = {}
        self.seen: set[str] = set()
        self.owner: dict[str, str] = {}
        self.made: dict[str, dict[str, Any]] = {}

    async def ask(self, asked: Asked, behind: Behind) -> Answer:
        """The upstream's own answer, noted."""
        answer = await behind.answer(asked)
        who = behind.caller(asked) if self._anonymous else asked.token
        if answer.status != 200 or who is None:
            return answer
        if asked.operation in CREATE | LIST | HISTORY | MODEL | {"getCurrentUser"}:
            self.seen.add(who)
        if asked.operation in CREATE | SEND:
            document = await answer.document() or {}
            made = document.get("id" if asked.operation in CREATE else "chat_id")
            if made:
                self.makers.pop(who, None)
                self.makers[who] = None
                self.owner.setdefault(str(made), who)
                self.made.setdefault(str(made), document)
        return answer

    def others(self, who: str) -> Iterator[str]:
        return (maker for maker in self.makers if maker != who)

    def of(self, who: str) -> list[str]:
        """What somebody made, the newest last."""
        return [session for session, owner in self.owner.items() if owner == who]
