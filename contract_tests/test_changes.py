"""Changing what is stored: renaming, editing and removing messages, searching, keys."""

from __future__ import annotations

import pytest

from contract_tests.check import Checker
from contract_tests.deletion import may_delete
from contract_tests.scenes import Made, links_up, search, stored_chat, stored_tree
from contract_tests.trespass import SENT_AWAY, is_sent_away
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.reading import held, member, success
from seatrial.verbs import Message, Session

pytestmark = pytest.mark.api(OPENWEBUI)
TEXTS = ["First question", "First reply", "Second question", "Second reply"]


def test_renaming_a_chat_keeps_its_messages(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    session = stored_chat(crew, owner, made, TEXTS, "changes")
    before = owner.actor.get_history(session.id)
    links_up(crew, owner, check, session.id, "as it was made")
    title = crew.title("renamed")
    document = success(owner.client.send(crew.contract.call("updateChat", session.id, json={"chat": {"title": title}})))
    check.equal("update-keeps", "updateChat", title, held(document, "title"), "$.title")
    read = success(owner.client.send(crew.contract.call("getChat", session.id)))
    check.equal("update-keeps", "getChat", title, held(read, "title"), "$.title")
    check.equal("update-keeps", "getChat", before, owner.actor.get_history(session.id), "messages")
    listed = next((row.title for row in owner.actor.list_sessions() if row.id == session.id), None)
    check.equal("update-keeps", "listChats", title, listed, "title in the list")


def test_an_edit_changes_one_message(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    session = stored_chat(crew, owner, made, TEXTS, "changes")
    history = owner.actor.get_history(session.id)
    if not _is_whole(check, history):
        return
    message = history[1].id or ""
    before = _tree(crew, owner, session)
    success(owner.client.send(crew.contract.call("editMessage", session.id, message, json={"content": "Edited reply"})))
    after = _tree(crew, owner, session)
    check.equal("edit-applies", "editMessage", before | {message: "Edited reply"}, after, "$.chat.history.messages")
    wanted = [TEXTS[0], "Edited reply", *TEXTS[2:]]
    check.equal(
        "edit-applies", "editMessage", wanted, [m.content for m in owner.actor.get_history(session.id)], "what is shown"
    )


def test_removing_a_message_keeps_the_others_linked(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    if "deleteMessage" not in crew.contract.operations:
        pytest.skip("this release has no operation for it")
    session = stored_chat(crew, owner, made, TEXTS, "changes")
    before = owner.actor.get_history(session.id)
    if not _is_whole(check, before):
        return
    removed = before[-1].id or ""
    success(owner.client.send(crew.contract.call("deleteMessage", session.id, removed)))
    after = owner.actor.get_history(session.id)
    check.that(
        "edit-applies",
        "deleteMessage",
        removed not in [m.id for m in after],
        "gone",
        "still there",
        "messages: removed",
    )
    check.equal("edit-applies", "deleteMessage", TEXTS[:3], [m.content for m in after], "messages: the others")
    links_up(crew, owner, check, session.id, "after removing one")


def test_search_finds_a_chat_until_it_is_deleted(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    """By its title and by what was said in it, in any case and with several words.

    Upper case beyond ASCII aside, and words in other scripts beside Latin ones, which Open WebUI leaves out.
    """
    mark = crew.marker[-8:]
    title, word, phrase = f"Pin{mark}", f"needle{mark}", f"needle{mark} café"
    needle = stored_chat(crew, owner, made, ["Where is it?", f"The {phrase} lies in the barn, under 樱桃."], title)
    hay = stored_chat(crew, owner, made, [f"A {word} and no coffee.", "A reply."], "hay")
    both = {needle.id: "the chat", hay.id: "another chat"}
    for view, text, wanted in (
        ("a title", title, [needle]),
        ("a title in small letters", title.lower(), [needle]),
        ("a title in capitals", title.upper(), [needle]),
        ("a word that was said", word, [needle, hay]),
        ("words that were said", phrase, [needle]),
        ("a word in another script", "樱桃", [needle]),
    ):
        found = sorted(both[chat_id] for chat_id in set(search(crew, owner, text)) & both.keys())
        expected = sorted(both[session.id] for session in wanted)
        check.equal("search-finds", "searchChats", expected, found, f"found by {view}")
    if not may_delete(owner, check, ("search-finds", "deleteChat")):
        return
    owner.actor.delete_session(needle.id)
    left = [view for view, text in (("a word", word), ("its title", title)) if needle.id in search(crew, owner, text)]
    told = f"the deleted chat, by {' and '.join(left)}"
    check.that("search-finds", "searchChats", not left, "nothing deleted", told, "found: deleted")


def test_a_key_opens_what_its_owner_may_open_until_it_is_deleted(crew: Crew, owner: Person, check: Checker) -> None:
    if not owner.account.throwaway:
        check.skip("valid-use", "createApiKey", "keys are made for throwaway accounts only: give --admin")
        pytest.skip("needs --admin")
    call = crew.contract.call
    reply = owner.client.send(call("createApiKey"))
    if reply.status == 403:
        check.skip("valid-use", "createApiKey", "the deployment gives its users no keys (403)")
        owner.client.send(call("getApiKey"))
        owner.client.send(call("deleteApiKey"))
        pytest.skip("the deployment gives its users no keys")
    key = member(reply, success(reply), "api_key", str)
    read = owner.client.send(call("getApiKey"))
    check.equal("valid-use", "getApiKey", key, held(success(read), "api_key"), "$.api_key", reply=read)
    holder = crew.stranger(key)
    listed = holder.client.send(call("listChats", query={"page": 1}))
    # A deployment may restrict what a key opens; it says so with 403.
    check.that(
        "valid-use",
        "listChats",
        listed.status in (200, 403),
        "200",
        str(listed),
        f"with a key: status {listed.status}",
        reply=listed,
        account=holder.account,
    )
    success(owner.client.send(call("deleteApiKey")))
    after = holder.client.send(call("listChats", query={"page": 1}))
    check.that(
        "wrong-credentials-refused",
        "listChats",
        after.status in (401, 403),
        "401",
        str(after),
        f"deleted key: status {after.status}",
        reply=after,
        account=holder.account,
    )
    holder.client.close()


def test_the_public_pages_answer_without_credentials(crew: Crew, check: Checker) -> None:
    stranger = crew.stranger()
    for operation in ("getHealth", "getReadiness", "getVersion", "getConfig"):
        if operation not in crew.contract.operations:
            continue
        reply = stranger.client.send(crew.contract.call(operation))
        if is_sent_away(reply):
            check.skip("valid-use", operation, SENT_AWAY)
            continue
        check.that(
            "valid-use", operation, reply.status == 200, "200", str(reply), f"status {reply.status}", reply=reply
        )
    stranger.client.close()


def test_everybody_knows_who_they_are(crew: Crew, check: Checker) -> None:
    for person in crew.people[:2]:
        reply = person.client.send(crew.contract.call("getCurrentUser"))
        if reply.status == 403 and "human session" in reply.text.lower():
            check.skip("valid-use", "getCurrentUser", "an API key may not ask who it belongs to")
            continue
        known = (held(success(reply), "id"), held(success(reply), "role"))
        check.equal(
            "valid-use",
            "getCurrentUser",
            (person.account.id, person.account.role),
            known,
            "$.id",
            reply=reply,
            account=person.account,
        )


def _tree(crew: Crew, owner: Person, session: Session) -> dict[str, str]:
    """Every message of a chat by its id, shown or not."""
    messages, _ = stored_tree(owner.client.send(crew.contract.call("getChat", session.id)))
    return {name: str(row.get("content")) for name, row in messages.items()}


def _is_whole(check: Checker, history: list[Message]) -> bool:
    """Whether a conversation is shown at all as it was stored: of less, nothing can be changed that was meant."""
    told = f"{len(history)} of {len(TEXTS)} messages"
    whole = len(history) >= len(TEXTS)
    return check.that("history-content", "getChat", whole, f"{len(TEXTS)} messages", told, "messages: before a change")
