"""What many tests begin with and compare: sessions, chats made without a model, and what a history must hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from contract_tests.check import Checker
from seatrial.crew import Crew, Person
from seatrial.exchange import Reply
from seatrial.reading import held, identifier, identifiers, member, success
from seatrial.release import Release
from seatrial.trees import tree
from seatrial.verbs import Message, Session, Turn, filtered, kept, said

Made = list[tuple[Person, str]]
"""Sessions to remove when a test ends, with whom they belong to."""


MOST_READ = 20
"""New sessions that are read when somebody else may have made them."""


FILTERED = "an outlet filter changes replies; compared were the texts before it, which the deployment keeps too"
"""Filters are the deployment's own doing: footers, words blacked out."""


FEW = 10
"""Messages that a chat names twice, as a tree and as a list."""


def new_session(crew: Crew, person: Person, made: Made, text: str = "") -> Session:
    session = person.actor.create_session(crew.title(text))
    made.append((person, session.id))
    return session


def stored_chat(crew: Crew, owner: Person, made: Made, texts: Sequence[str], title: str = "stored") -> Session:
    """A chat of Open WebUI with a finished conversation in it, made without a model. `tip` is its last message."""
    chat = tree(crew.title(title), texts, crew.model)
    # As the web app did: up to 0.9 search looks into this list only.
    release = Release.parse(crew.deployment.version)
    twice = len(texts) < FEW and release is not None and release < Release((0, 10))
    chat["messages"] = list(chat["history"]["messages"].values()) if twice else []
    reply = owner.client.send(crew.contract.call("createChat", json={"chat": chat}))
    chat_id = identifier(reply, success(reply))
    made.append((owner, chat_id))
    return Session(chat_id, tip=chat["history"]["currentId"])


def pairs(history: Sequence[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in history]


def held_to(check: Checker, wanted: Sequence[tuple[str, str]], history: Sequence[Message]) -> list[tuple[str, str]]:
    """A history to compare with what was wanted; that a filter of the deployment changes replies is told once."""
    if filtered(history, wanted):
        check.note(FILTERED)
    return kept(history, wanted)


def holds_what_was_said(check: Checker, operation: str, turns: Sequence[Turn], history: Sequence[Message]) -> None:
    wanted = said(turns)
    got = held_to(check, wanted, history)
    if sorted(wanted) == sorted(got):
        check.that("history-content", operation, True, "", "", "messages")
        check.equal("history-order", operation, wanted, got, "messages")
    else:
        check.equal("history-content", operation, wanted, got, "messages")
    hidden = [message for message in history if message.elsewhere and not message.content]
    if hidden:
        told = f"{len(hidden)} of {len(history)} messages have an empty `content`; their text stands in `output` only"
        check.that("history-content", operation, False, "text in `content`, which clients read", told, "content")
    errors = [message.error for message in history if message.error]
    check.that("history-content", operation, not errors, "no error", repr(errors[:1]), "messages: error")


def stored_nowhere(check: Checker, person: Person, before: set[str], asked: str, operation: str, where: str) -> None:
    """No session came of a prompt that was sent without one.

    Others may use an account that is not only ours: there each new session is read, and one with the prompt counts.
    """
    new = [row for row in person.actor.list_sessions() if row.id not in before][:MOST_READ]
    if is_ours(person):
        told = f"{len(new)} new"
        check.that("prompt-unstored", operation, not new, "no session more", told, f"{where}: new ones")
    holding = [row for row in new if any(asked in text for _, text in pairs(person.actor.get_history(row.id)))]
    check.that("prompt-unstored", operation, not holding, "no session that holds it", f"{len(holding)} new", where)


def is_ours(person: Person) -> bool:
    """Whether nobody else works with the account: what is new in it comes of what this run did."""
    return person.account.throwaway or person.account.disposable


def goes_with_its_account(crew: Crew, person: Person) -> bool:
    """Whether what somebody makes needs no request of its own to be removed: it goes when the account does."""
    return person.account.throwaway and crew.admin is not None


def links_up(crew: Crew, person: Person, check: Checker, session_id: str, after: str) -> None:
    """The stored tree is one that the web app can walk: parents and children name each other, to a last one."""
    reply: Reply = person.client.send(crew.contract.call("getChat", session_id))
    faults = list(_link_faults(*stored_tree(reply)))
    told = "; ".join(faults[:3])
    check.that(
        "history-links", "getChat", not faults, "links that lead both ways", told, f"messages: {after}", reply=reply
    )


def stored_tree(reply: Reply) -> tuple[dict[str, dict[str, Any]], Any]:
    """Every message of a chat by its id, shown or not, and the `currentId`. Raises `Unexpected`.

    A chat without a history has no messages; what stands in the messages is for the caller to look at.
    """
    chat = member(reply, success(reply), "chat", dict)
    if not chat.get("history"):
        return {}, None
    history = member(reply, chat, "history", dict, "$.chat")
    if not history.get("messages"):
        return {}, history.get("currentId")
    messages = member(reply, history, "messages", dict, "$.chat.history")
    for name in messages:
        member(reply, messages, name, dict, "$.chat.history.messages")
    return messages, history.get("currentId")


def search(crew: Crew, person: Person, text: str) -> list[str]:
    """The ids of the chats that somebody finds."""
    return identifiers(person.client.send(crew.contract.call("searchChats", query={"text": text})))


def _link_faults(messages: dict[str, dict[str, Any]], current: Any) -> Iterator[str]:
    if not messages:
        return
    if _named(messages, current) is None:
        yield f"currentId names no message ({current})"
    elif _children(_named(messages, current)):
        yield "currentId is not the last message of its branch"
    for name, row in messages.items():
        parent = row.get("parentId")
        if parent is not None and name not in _children(_named(messages, parent)):
            yield f"the parent of a message of the {row.get('role')} does not name it as a child"
        for child in _children(row):
            if held(_named(messages, child), "parentId") != name:
                yield f"a child of a message of the {row.get('role')} does not name it as its parent"


def _named(messages: dict[str, dict[str, Any]], name: Any) -> dict[str, Any] | None:
    """The message that a link names, which may be anything."""
    return messages.get(name) if isinstance(name, str) else None


def _children(row: dict[str, Any] | None) -> list[Any]:
    named = held(row, "childrenIds")
    return named if isinstance(named, list) else []
