"""Whatever history a server answers: a test of the suite finds something, and never fails by itself."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_openwebui import FakeOpenWebUI
from starlette.responses import JSONResponse, Response

from contract_tests import test_access, test_changes, test_texts, test_times
from contract_tests.check import Checker
from contract_tests.log import Log
from contract_tests.test_conformance import _living
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.known import Acceptance
from seatrial.lab.serving import running
from seatrial.records import Finding
from seatrial.settings import Settings
from seatrial.verbs import VERB_OPERATIONS

Odd = Callable[[dict[str, Any]], Any]


def of_chat(name: str, value: Any) -> Odd:
    return lambda document: document | {"chat": document["chat"] | {name: value}}


def of_history(name: str, value: Any) -> Odd:
    return lambda document: of_chat("history", document["chat"]["history"] | {name: value})(document)


def of_messages(change: Callable[[dict[str, Any]], Any]) -> Odd:
    """Every message changed, `change` gets a copy of it."""

    def odd(document: dict[str, Any]) -> Any:
        messages = document["chat"]["history"]["messages"]
        return of_history("messages", {name: change(dict(row)) for name, row in messages.items()})(document)

    return odd


DOTTED = {
    "." * number: {"role": "user", "content": "Q", "parentId": "." * (number - 1) or None, "childrenIds": []}
    for number in range(1, 5)
}
ODD: dict[str, Odd] = {
    "a forgotten parent": of_messages(lambda row: row | {"parentId": None}),
    "null": lambda _: None,
    "a list": lambda document: [document],
    "text": lambda _: "a chat",
    "no chat": lambda document: {name: value for name, value in document.items() if name != "chat"},
    "null as chat": lambda document: document | {"chat": None},
    "a list as chat": lambda document: document | {"chat": [1]},
    "no times": lambda document: document | {"created_at": None, "updated_at": "now"},
    "no history": of_chat("history", None),
    "a list as history": of_chat("history", [{}]),
    "no messages": of_history("messages", {}),
    "null as messages": of_history("messages", None),
    "a list as messages": of_history("messages", [{"id": "a"}]),
    "nothing shown": of_history("currentId", None),
    "a number as what is shown": of_history("currentId", 5),
    "a list as what is shown": of_history("currentId", [[]]),
    "dots as the ids of messages": of_chat("history", {"messages": DOTTED, "currentId": "...."}),
    "messages of null": of_messages(lambda _: None),
    "messages of text": of_messages(lambda row: row["content"]),
    "a number as children": of_messages(lambda row: row | {"childrenIds": 5}),
    "lists as children": of_messages(lambda row: row | {"childrenIds": [[], {}, None]}),
    "a list as parent": of_messages(lambda row: row | {"parentId": [[]]}),
    "no text": of_messages(lambda row: row | {"content": None}),
}
TESTS = [
    test_changes.test_renaming_a_chat_keeps_its_messages,
    test_changes.test_an_edit_changes_one_message,
    test_changes.test_removing_a_message_keeps_the_others_linked,
    test_changes.test_search_finds_a_chat_until_it_is_deleted,
    test_texts.test_titles_come_back_as_they_were_sent,
    test_texts.test_a_long_conversation_is_kept_whole,
    test_times.test_a_change_is_dated_when_it_was_made,
    test_times.test_a_session_is_dated_when_it_was_made,
    test_access.test_a_second_account_is_kept_out,
]


def _as_it_is(document: dict[str, Any]) -> Any:
    return document


class Editable(FakeOpenWebUI):
    """Chats that can be changed and found; `odd` is what becomes of a chat that is read or changed, and of a list."""

    version = "0.12.4"
    operations = (*FakeOpenWebUI.operations, "updateChat", "editMessage", "deleteMessage", "searchChats")

    def __init__(self) -> None:
        super().__init__()
        self.odd: Odd = _as_it_is
        self.odd_when_made = False

    def _get_chat(self, user: Any, _body: Any, chat_id: str) -> Any:
        chat = self.chats.get(chat_id)
        if chat is None or chat["user_id"] != user["id"]:
            return JSONResponse({"detail": "not found"}, 401)
        return self._answered(chat)

    def _update_chat(self, user: Any, body: Any, chat_id: str) -> Any:
        chat = self.chats.get(chat_id)
        if chat is not None and chat["user_id"] == user["id"]:
            chat["chat"] |= body["chat"]
            chat["title"] = chat["chat"]["title"]
        return self._get_chat(user, body, chat_id)

    def _edit_message(self, user: Any, body: Any, chat_id: str, message_id: str) -> Any:
        chat = self.chats.get(chat_id)
        if chat is not None and chat["user_id"] == user["id"]:
            chat["chat"]["history"]["messages"][message_id]["content"] = body["content"]
        return self._get_chat(user, body, chat_id)

    def _delete_message(self, user: Any, body: Any, chat_id: str, message_id: str) -> Any:
        chat = self.chats.get(chat_id)
        if chat is not None and chat["user_id"] == user["id"]:
            history = chat["chat"]["history"]
            gone = history["messages"].pop(message_id)
            history["currentId"] = gone["parentId"]
            history["messages"][gone["parentId"]]["childrenIds"] = []
        return self._get_chat(user, body, chat_id)

    def _create_chat(self, user: Any, body: Any) -> Any:
        return self.odd(super()._create_chat(user, body)) if self.odd_when_made else super()._create_chat(user, body)

    def _search_chats(self, user: Any, _: Any) -> Any:
        own = [chat for chat in self.chats.values() if chat["user_id"] == user["id"]]
        return self._answered(own[0]) if own else []

    def _answered(self, chat: dict[str, Any]) -> Response:
        times = {"created_at": 1_700_000_000, "updated_at": 1_700_000_000}
        return JSONResponse(self.odd(json.loads(json.dumps(chat)) | times))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Editable, Crew]]:
    fake = Editable()
    with running(fake.app) as url:
        settings = Settings(url=url, admin_token="token-of-boss")
        with Crew.muster(settings, tmp_path_factory.mktemp("run"), people=2) as crew:
            yield fake, crew
            fake.odd = _as_it_is


def found(server: tuple[Editable, Crew], odd: Odd, test: Callable[..., None]) -> list[Finding]:
    """What a test of the suite finds. An answer that it cannot use is one, too."""
    fake, crew = server
    log = Log(crew.contract, crew.target.url, Acceptance(crew.deployment.version))
    crew.listeners.append(log.hear)
    owner, other = crew.people[:2]
    known = {
        "crew": crew, "owner": owner, "speaker": owner, "other": other, "check": Checker(log), "made": [],
        "verb": VERB_OPERATIONS[OPENWEBUI], "full": True,
    }  # fmt: skip
    fake.odd = odd
    try:
        test(**{name: known[name] for name in inspect.signature(test).parameters})
    except (Unexpected, NoAnswer) as error:
        log.finding("valid-use", "getChat", "an answer of use", str(error), "answer")
    finally:
        crew.listeners.remove(log.hear)
        fake.chats.clear()
    return list(log.findings.values())


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.__name__)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_test_of_the_suite_does_not_fail_by_itself(
    server: tuple[Editable, Crew], odd: Odd, test: Callable[..., None]
) -> None:
    assert found(server, odd, test)


def test_a_conversation_that_is_not_shown_is_a_finding_where_it_should_be_changed(
    server: tuple[Editable, Crew],
) -> None:
    odd = ODD["a forgotten parent"]
    findings = found(server, odd, test_changes.test_an_edit_changes_one_message)
    (one,) = [finding for finding in findings if finding.where == "messages: before a change"]
    assert (one.rule, one.severity, one.received) == ("history-content", "break", "1 of 4 messages")


@pytest.mark.parametrize("rows", [None, {"detail": "no"}, [None], [{"id": 5}], "chats"], ids=str)
def test_a_list_that_is_none_is_a_finding(server: tuple[Editable, Crew], rows: Any) -> None:
    for test in (
        test_changes.test_search_finds_a_chat_until_it_is_deleted,
        test_access.test_a_second_account_is_kept_out,
    ):
        assert found(server, lambda _: rows, test)


@pytest.mark.parametrize("made", [{}, {"id": ""}, {"id": ".."}, {"id": 5}, [], "made"], ids=str)
def test_a_new_chat_without_an_id_is_given_to_no_generated_request(server: tuple[Editable, Crew], made: Any) -> None:
    """An empty one would make "all chats of the account" of a deletion."""
    fake, crew = server
    fake.odd, fake.odd_when_made = lambda _: made, True
    try:
        with pytest.raises(Unexpected):
            _living(crew, crew.people[0])
        assert found(server, fake.odd, test_changes.test_an_edit_changes_one_message)
    finally:
        fake.odd_when_made = False
