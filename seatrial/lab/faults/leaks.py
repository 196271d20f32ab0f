"""Answers that tell too much: the server's insides, tokens, password hashes."""

from __future__ import annotations

import base64
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import BOTH, CREATE, HISTORY, LIST, MODEL, Break, Fault, Register, always, changed, rows

TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/app/backend/chats.py", line 212, in get_chat\n'
    "    return rows[0]\n"
    "IndexError: list index out of range"
)
QUERY = '(sqlite3.OperationalError) near "FROM": syntax error [SQL: SELECT * FROM chat WHERE id = ? AND user_id = ?]'
JAVA = "java.lang.NullPointerException\n\tat org.example.chats.ChatService.find(ChatService.java:88)"
HASH = "$2b$12$" + base64.b64encode(b"a hash that nobody has, made up for this").decode().replace("=", "")[:53]


def _detailed(text: str) -> Break:
    """What is refused says why at length."""

    async def instead(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if answer.status in (401, 404) and behind.caller(asked) is not None:
            answer.put({"detail": text})
        return answer

    return instead


def _own_token(document: Any, asked: Asked) -> Any:
    for row in rows(document) if asked.token is not None else ():
        row["token"] = asked.token
    return document


class _OthersTokens:
    """What somebody makes carries the token of somebody else, who made something before."""

    def __init__(self) -> None:
        self.register = Register()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        if asked.operation in CREATE and answer.status == 200 and asked.token is not None:
            document = await answer.document()
            answer.put(document | {"trace": next(self.register.others(asked.token), None)})
        return answer


async def _in_a_header(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if asked.token is not None:
        answer.headers.append((b"x-debug-token", asked.token.encode("latin-1")))
    return answer


FAULTS = [
    Fault("trace-shown", "leak", BOTH, "Error pages show a stack trace.",
          ("no-internals",), always(HISTORY, _detailed(TRACE))),
    Fault("query-shown", "leak", BOTH, "Error pages show the database query.",
          ("no-internals",), always(HISTORY, _detailed(QUERY))),
    Fault("java-trace-shown", "leak", BOTH, "Error pages of a gateway show its stack trace.",
          ("no-internals",), always(HISTORY, _detailed(JAVA))),
    Fault("token-listed", "leak", BOTH, "The list of conversations holds the caller's token.",
          ("no-secrets",), changed(LIST, _own_token), credentials=True),
    Fault("others-token-shown", "leak", BOTH, "A new conversation holds somebody else's token.",
          ("no-secrets",), _OthersTokens, credentials=True),
    Fault("token-in-a-header", "leak", BOTH, "Every list comes with the caller's token in a header.",
          ("no-secrets",), always(LIST, _in_a_header), credentials=True),
    Fault("hash-with-the-model", "leak", BOTH, "The description of the model holds a password hash.",
          ("no-secrets",), changed(MODEL, lambda document, _asked: document | {"owner_password": HASH})),
    Fault("hash-in-the-profile", "leak", (OPENWEBUI,), "One's own profile holds the hash of one's password.",
          ("no-secrets",), changed({"getCurrentUser"}, lambda document, _asked: document | {"password": HASH})),
]  # fmt: skip
