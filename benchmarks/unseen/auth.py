"""Who is let in, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind, once
from seatrial.lab.faults.making import BOTH, DELETE, LIST, Break, Register, rows

from .noting import PUBLIC, as_owner, fault, instead, replacing

OWUI = (OPENWEBUI,)
PERSONAL = frozenset({"getCurrentUser", "listModels", "listChats"})
"""What is refused with a 401 only when the caller is nobody."""


def _lenient(same: Callable[[str, str], bool]) -> Callable[[], Break]:
    """Takes a token that it does not know for one that it knows, where `same(known, given)`."""

    class Lenient:
        def __init__(self) -> None:
            self.known: dict[str, None] = {}

        async def __call__(self, asked: Asked, behind: Behind) -> Answer:
            token = asked.token
            if token and token not in self.known:
                real = next((known for known in self.known if same(known, token)), None)
                if real is not None:
                    return await behind.answer(asked.by(real))
            answer = await behind.answer(asked)
            if token and answer.status == 200 and asked.operation not in PUBLIC:
                self.known[token] = None
            return answer

    return Lenient


def _unsigned(known: str, given: str) -> bool:
    """The same header and payload; nobody looks at the signature."""
    return known.count(".") == 2 and known.rpartition(".")[0] == given.rpartition(".")[0]


def _still_in() -> Break:
    """A gateway that remembers that a token was good, and what it was shown."""
    kept: dict[tuple[str, str], tuple[list[tuple[bytes, bytes]], bytes]] = {}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in PERSONAL and asked.token:
            key = (asked.token, asked.operation)
            if answer.status == 200:
                kept[key] = (list(answer.headers), await answer.read())
            elif answer.status == 401 and key in kept:
                headers, body = kept[key]
                return Answer(200, list(headers), once(body))
        return answer

    return breaking


def _first_come() -> Break:
    """Whoever is signed in is told to be the one who asked first."""
    first: list[Any] = []

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation == "getCurrentUser" and answer.status == 200:
            first.append(await answer.document())
            answer.put(first[0])
        return answer

    return breaking


def _cookie_for_all() -> Break:
    """A cached start page that hands out the cookie of whoever came last."""
    last: list[tuple[bytes, bytes]] = []

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        cookies = [pair for pair in answer.headers if pair[0].lower() == b"set-cookie" and b"token=" in pair[1]]
        if asked.operation in PUBLIC:
            answer.headers.extend(last)
        elif cookies:
            last[:] = cookies
        return answer

    return breaking


def _search_everybody() -> Break:
    class Everybody(Register):
        async def __call__(self, asked: Asked, behind: Behind) -> Answer:
            answer = await self.ask(asked, behind)
            if asked.operation == "searchChats" and answer.status == 200 and asked.token:
                found: list[Any] = rows(await answer.document())
                for other in self.others(asked.token):
                    theirs = await behind.answer(asked.by(other))
                    found.extend(rows(await theirs.document()) if theirs.status == 200 else [])
                answer.put(found)
            return answer

    return Everybody()


def _nothing_to_see(asked: Asked) -> Answer:
    return Answer.of(200, [] if asked.operation == "listChats" else {"sessions": []})


def _deleted(asked: Asked, _answer: Answer) -> Answer:
    return Answer.of(200, True if asked.operation == "deleteChat" else {"deleted": True, "id": asked.values[0]})


def _any_scheme(asked: Asked) -> Asked:
    """Whatever stands before the token, it is taken for a bearer's."""

    def bearer(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        scheme, _, token = pair[1].partition(b" ")
        return (pair[0], b"Bearer " + (token or scheme)) if pair[0].lower() == b"authorization" else pair

    return replace(asked, headers=tuple(bearer(pair) for pair in asked.headers))


def _scheme_ignored() -> Break:
    async def breaking(asked: Asked, behind: Behind) -> Answer:
        return await behind.answer(_any_scheme(asked))

    return breaking


FAULTS = [
    fault("token-in-any-case", "access", BOTH,
          "My token works in capitals too, so it is much easier to guess.",
          "imagined (a table of tokens with a collation that ignores case)",
          _lenient(lambda known, given: known.lower() == given.lower())),
    fault("token-with-more-behind", "access", BOTH,
          "A token with anything after its end is as good as the token.",
          "imagined (tokens kept in a column that is too short)",
          _lenient(lambda known, given: given.startswith(known))),
    fault("token-unsigned", "access", OWUI,
          "I changed the signature of my token, and it is still taken.",
          "imagined (a gateway that decodes tokens without verifying them)",
          _lenient(_unsigned)),
    fault("token-undefined", "access", BOTH,
          "With 'Bearer undefined', as a broken page sends it, I am in somebody's account.",
          "imagined",
          _lenient(lambda _known, given: given in ("undefined", "null"))),
    fault("any-scheme", "access", (SESSIONS,),
          "'Authorization: Basic <token>' and the bare token get in as well.",
          "imagined",
          _scheme_ignored),
    fault("removed-account-stays", "access", OWUI,
          "A colleague whose account was removed still sees models and the list of chats.",
          "https://github.com/open-webui/open-webui/pull/28655 (sessions outlive what should end them)",
          _still_in),
    fault("first-come-is-everybody", "leak", OWUI,
          "The menu shows the name of a colleague who signed in before me.",
          "https://github.com/openreview/openreview/issues/284",
          _first_come),
    fault("cookie-of-the-last", "leak", OWUI,
          "I open the sign-in page in a fresh browser and am signed in as a colleague.",
          "https://github.com/openstax/webview/issues/955",
          _cookie_for_all),
    fault("search-finds-others", "leak", OWUI,
          "The search shows titles of chats that are not mine.",
          "https://github.com/open-webui/open-webui/issues/15317",
          _search_everybody),
    fault("edit-others", "access", OWUI,
          "With its id, anybody can change the messages of my chat.",
          "imagined",
          as_owner({"editMessage", "deleteMessage"})),
    fault("stop-others", "access", OWUI,
          "A colleague can stop my replies.",
          "imagined",
          as_owner({"stopChatTasks"})),
    fault("see-others-tasks", "leak", OWUI,
          "A colleague can see when a reply is being written for me.",
          "imagined",
          as_owner({"listChatTasks"})),
    fault("nobody-has-an-empty-list", "status", BOTH,
          "Signed out, I see an empty sidebar instead of being sent to sign in, and think that all is lost.",
          "https://github.com/open-webui/open-webui/issues/11269",
          instead(lambda asked: asked.operation in LIST and asked.token is None, _nothing_to_see)),
    fault("deleting-nothing-succeeds", "status", BOTH,
          "Deleting a chat with a wrong id is confirmed as done.",
          "imagined",
          replacing(lambda asked, answer: asked.operation in DELETE and answer.status == 404, _deleted)),
]  # fmt: skip
