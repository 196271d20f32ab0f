"""Tokens that are nearly right and get in, answers that a cache or a cookie hands to the wrong person."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import BOTH, Break, Fault, Register, with_credentials

Alike = Callable[[str, str], bool]


class _Lenient:
    """A token is taken for somebody's when it is like theirs: `alike(theirs, given)`."""

    def __init__(self, alike: Alike) -> None:
        self.alike, self.register = alike, Register()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        given = asked.token
        if answer.status not in (401, 403) or given is None or given in self.register.seen:
            return answer
        meant = next((token for token in self.register.seen if self.alike(token, given)), None)
        return answer if meant is None else await behind.answer(asked.by(meant))


def _lenient(alike: Alike) -> Callable[[], Break]:
    return lambda: _Lenient(alike)


def _same_claims(theirs: str, given: str) -> bool:
    """The part of a signed token that says who it is for; the signature is not looked at."""
    return theirs.count(".") == 2 and theirs.split(".")[1:2] == given.split(".")[1:2]


class _Undefined:
    """What a broken page sends for want of a token opens the account that made something last."""

    def __init__(self) -> None:
        self.register = Register()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        host = next(reversed(self.register.makers), None)
        if asked.token not in ("undefined", "null") or host is None:
            return answer
        return await behind.answer(asked.by(host))


class _SharedSettings:
    """A cache keeps one answer for everybody: the last one that an account was given."""

    def __init__(self) -> None:
        self.kept: object = None

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation == "getConfig" and answer.status == 200:
            if asked.token is not None:
                self.kept = await answer.document()
            elif self.kept is not None:
                return Answer.of(200, self.kept)
        return answer


class _SharedCookie:
    """A cache keeps the cookie of whoever asked last, and gives it to those who have none."""

    def __init__(self) -> None:
        self.last: str | None = None

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.token is not None and answer.status == 200:
            self.last = asked.token
        elif asked.token is None and self.last is not None:
            answer.headers.append((b"set-cookie", f"token={self.last}; Path=/; HttpOnly".encode("latin-1")))
        return answer


class _OthersTasks:
    """Tasks are shown to, or stopped by, whoever knows the chat."""

    def __init__(self, operation: str) -> None:
        self.operation, self.register = operation, Register()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await self.register.ask(asked, behind)
        owner = self.register.owner.get(asked.session or "")
        if asked.operation != self.operation or owner is None or asked.token in (None, owner):
            return answer
        return await behind.answer(asked.by(owner))


FAULTS = with_credentials([
    Fault("token-in-any-case", "access", BOTH, "A token works in other letters too: it is far easier to guess.",
          ("wrong-credentials-refused",), _lenient(lambda theirs, given: theirs.lower() == given.lower())),
    Fault("token-with-more", "access", BOTH, "A token with anything behind it is taken for the token.",
          ("wrong-credentials-refused",), _lenient(lambda theirs, given: given.startswith(theirs))),
    Fault("token-cut", "access", BOTH, "The first half of a token is enough.",
          ("wrong-credentials-refused",),
          _lenient(lambda theirs, given: len(given) >= 8 and theirs.startswith(given))),
    Fault("signature-unchecked", "access", (OPENWEBUI,), "A token with another signature is taken.",
          ("wrong-credentials-refused",), _lenient(_same_claims)),
    Fault("undefined-gets-in", "access", BOTH, "A page that lost its token shows somebody's account.",
          ("wrong-credentials-refused",), _Undefined),
    Fault("settings-shared", "leak", (OPENWEBUI,), "Without an account one is shown the settings of one who has.",
          ("anonymous-refused",), _SharedSettings),
    Fault("cookie-shared", "leak", BOTH, "Opening the page in a fresh browser, I am signed in as a colleague.",
          ("no-secrets",), _SharedCookie),
    Fault("others-see-tasks", "access", (OPENWEBUI,), "Colleagues see when a reply is being written for me.",
          ("other-cannot-read",), lambda: _OthersTasks("listChatTasks")),
    Fault("others-stop-replies", "access", (OPENWEBUI,), "Colleagues can stop my replies.",
          ("other-cannot-write",), lambda: _OthersTasks("stopChatTasks")),
])  # fmt: skip
