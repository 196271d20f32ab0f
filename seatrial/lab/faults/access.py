"""Doors that stand open: for strangers, for other accounts, for those who are no administrators.

They remember whose token made what, and lend it to others: so the upstream does for one what it would do for another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import (
    BOTH,
    DELETE,
    HISTORY,
    LIST,
    MODEL,
    WRITE,
    Break,
    Fault,
    Register,
    rows,
    with_credentials,
)


class _Lent:
    """What the upstream refuses to another account is done with the owner's credentials.

    With `denied`, the refusal is answered all the same.
    """

    def __init__(self, operations: Collection[str], denied: bool = False) -> None:
        self.operations, self.denied = operations, denied
        self.register = Register()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        if asked.operation not in self.operations or answer.status < 400 or asked.token not in self.register.seen:
            return answer
        owner = self.register.owner.get(asked.session or "")
        if owner is None or owner == asked.token:
            return answer
        done = await behind.answer(asked.by(owner))
        return answer if self.denied else done


def _lent(operations: Collection[str], *, denied: bool = False) -> Callable[[], Break]:
    return lambda: _Lent(operations, denied)


class _Open:
    """Strangers get in as the account that made something last: all of them, or those who bring no credentials."""

    def __init__(self, operations: Collection[str], anonymous: bool) -> None:
        self.operations, self.anonymous = operations, anonymous
        self.register = Register()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        stranger = asked.token is None if self.anonymous else asked.token is not None
        if answer.status not in (401, 403) or not stranger or asked.token in self.register.seen:
            return answer
        if self.operations and asked.operation not in self.operations:
            return answer
        host = next(reversed(self.register.makers), None)
        return answer if host is None else await behind.answer(asked.by(host))


def _open(*operations: str, anonymous: bool) -> Callable[[], Break]:
    return lambda: _Open(operations, anonymous)


class _EverybodysRows:
    """What the others made is listed, or found, as well."""

    def __init__(self, operations: Collection[str]) -> None:
        self.operations = operations
        self.register = Register()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        if asked.operation in self.operations and answer.status == 200 and asked.token is not None:
            document = await answer.document()
            for other in self.register.others(asked.token):
                theirs = await behind.answer(asked.by(other))
                if theirs.status == 200:
                    rows(document).extend(rows(await theirs.document()))
            answer.put(document)
        return answer


class _Outlives:
    """An account that was removed is answered what it was answered before."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], object] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation not in LIST | MODEL | {"getCurrentUser"} or asked.token is None:
            return answer
        key = (asked.token, asked.operation)
        if answer.status == 200:
            self.answers[key] = await answer.document()
        elif key in self.answers:
            return Answer.of(200, self.answers[key])
        return answer


class _KeyOutlives:
    """An API key that was deleted still opens what it opened."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation == "createApiKey" and answer.status == 200 and asked.token is not None:
            document = await answer.document() or {}
            self.keys[str(document.get("api_key"))] = asked.token
        elif answer.status in (401, 403) and asked.token in self.keys:
            return await behind.answer(asked.by(self.keys[asked.token]))
        return answer


class _AnybodyAdministers:
    """What only administrators may do is done for everybody who has an account, or for everybody."""

    def __init__(self, operations: Collection[str], strangers: bool) -> None:
        self.operations, self.strangers = operations, strangers
        self.admin: str | None = None

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation == "addUser" and answer.status == 200:
            self.admin = self.admin or asked.token
        if asked.operation not in self.operations or answer.status not in (401, 403) or self.admin is None:
            return answer
        return await behind.answer(asked.by(self.admin)) if (asked.token is None) == self.strangers else answer


def _administers(*operations: str, strangers: bool = False) -> Callable[[], Break]:
    return lambda: _AnybodyAdministers(operations, strangers)


FAULTS = with_credentials([
    Fault("anybody-reads", "access", (OPENWEBUI,), "Whoever knows the address of a chat reads it, without an account.",
          ("anonymous-refused",), _open("getChat", anonymous=True)),
    Fault("anybody-lists", "access", (OPENWEBUI,), "Without an account one sees somebody's list of chats.",
          ("anonymous-refused",), _open("listChats", anonymous=True)),
    Fault("anybody-asks", "access", (OPENWEBUI,), "Without an account one asks the model, at the owner's cost.",
          ("anonymous-refused",), _open("createChatCompletion", anonymous=True)),
    Fault("any-token-works", "access", BOTH, "A made-up token opens somebody's account.",
          ("wrong-credentials-refused",), _open(anonymous=False)),
    Fault("any-token-names-the-model", "access", BOTH, "A made-up token is enough to ask for the model.",
          ("wrong-credentials-refused",), _open("getModelInfo", "listModels", anonymous=False)),
    Fault("any-token-sends", "access", (SESSIONS,), "A made-up token is enough to ask the model, at the owner's cost.",
          ("wrong-credentials-refused",), _open("sendMessage", anonymous=False)),
    Fault("strangers-read", "access", (SESSIONS,), "Whoever knows the id of a session reads it, without credentials.",
          ("anonymous-refused",), _open("getHistory", anonymous=True)),
    Fault("removed-account-gets-in", "access", (OPENWEBUI,), "Who was removed still reads what there was.",
          ("wrong-credentials-refused",), _Outlives),
    Fault("deleted-key-works", "access", (OPENWEBUI,), "A key that was deleted still opens the account.",
          ("wrong-credentials-refused",), _KeyOutlives),
    Fault("others-read", "access", BOTH, "Whoever has an account reads everybody's conversations.",
          ("other-cannot-read",), _lent(HISTORY)),
    Fault("others-write", "access", BOTH, "Whoever has an account writes into everybody's conversations.",
          ("other-cannot-write",), _lent(WRITE)),
    Fault("others-delete", "access", BOTH, "Whoever has an account deletes everybody's conversations.",
          ("other-cannot-delete",), _lent(DELETE)),
    Fault("everybody-listed", "access", BOTH, "Other people's conversations are in the list.",
          ("other-cannot-list",), lambda: _EverybodysRows(LIST)),
    Fault("everybody-found", "access", (OPENWEBUI,), "Search finds other people's chats.",
          ("other-cannot-list",), lambda: _EverybodysRows({"searchChats"})),
    Fault("refused-but-written", "access", BOTH, "Somebody is told no, and the conversation changes all the same.",
          ("owner-unharmed",), _lent(WRITE, denied=True)),
    Fault("refused-but-deleted", "access", BOTH, "Somebody is told no, and the conversation is gone all the same.",
          ("owner-unharmed",), _lent(DELETE, denied=True)),
    Fault("anybody-adds-accounts", "access", (OPENWEBUI,), "Every account can add accounts.",
          ("administration-closed",), _administers("addUser")),
    Fault("anybody-removes-accounts", "access", (OPENWEBUI,), "Every account can remove accounts.",
          ("administration-closed",), _administers("deleteUser")),
    Fault("strangers-find-people", "access", (OPENWEBUI,), "Without an account one reads everybody's address.",
          ("administration-closed",), _administers("searchUsers", strangers=True)),
])  # fmt: skip
