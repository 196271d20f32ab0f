"""The ledger after whatever may happen to a run: a kill in the middle of a line, answers that never came."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.ledger import CREATES, REMOVES, Entry, Ledger, open_entries
from seatrial.target import Account

Open = Callable[[], Ledger]
ANA, RUI = Account("ana"), Account("rui")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    """Opens the ledger, as often as a run and the commands after it would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Ledger(path)))


def create(title: str = "[mark] one") -> Call:
    return Call("createChat", "POST", "/chats/new", json={"chat": {"title": title}})


def delete(chat: str) -> Call:
    return Call("deleteChat", "DELETE", f"/chats/{chat}", values=(chat,))


def answered(call: Call, status: int = 200, **document: object) -> Reply:
    return Reply(call, status, {"content-type": "application/json"}, json.dumps(document).encode())


def test_what_was_made_is_open_until_it_is_removed(path: Path, opened: Open) -> None:
    ledger, call = opened(), create()
    ledger.before(ANA, call)
    ledger.after(ANA, call, answered(call, id="c1"))
    assert open_entries(path) == [Entry("chat", "ana", "c1", "[mark] one")]
    ledger.after(ANA, delete("c1"), answered(delete("c1")))
    assert open_entries(path) == []


def test_the_intent_is_on_disk_before_the_request(path: Path, opened: Open) -> None:
    opened().before(ANA, create())
    (entry,) = open_entries(path)
    assert (entry.id, entry.account, entry.marker) == (None, "ana", "[mark] one")


@pytest.mark.parametrize("status", [400, 401, 422, 429])
def test_a_refused_creation_made_nothing(path: Path, opened: Open, status: int) -> None:
    ledger, call = opened(), create()
    ledger.before(ANA, call)
    ledger.after(ANA, call, answered(call, status, detail="no"))
    assert open_entries(path) == []


def test_a_creation_without_an_answer_or_with_a_broken_one_may_have_happened(path: Path, opened: Open) -> None:
    ledger = opened()
    for outcome in (
        lambda call: NoAnswer(call, "reset"),
        lambda call: answered(call, 500, detail="Internal Server Error"),
        lambda call: Reply(call, 200, {}, b"<html>"),
        lambda call: Reply(call, 200, {}, b"[" * 100_000),
        lambda call: answered(call, id=""),
        lambda call: answered(call, id=".."),
        lambda call: answered(call, id=7),
    ):
        call = create()
        ledger.before(ANA, call)
        ledger.after(ANA, call, outcome(call))
    assert [entry.id for entry in open_entries(path)] == [None] * 7


def test_a_removal_that_was_refused_removed_nothing(path: Path, opened: Open) -> None:
    ledger, call = opened(), create()
    ledger.before(ANA, call)
    ledger.after(ANA, call, answered(call, id="c1"))
    for status in (401, 404, 500):
        ledger.after(ANA, delete("c1"), answered(delete("c1"), status))
    ledger.after(ANA, delete("c1"), NoAnswer(delete("c1"), "reset"))
    assert [entry.id for entry in open_entries(path)] == ["c1"]


@pytest.mark.parametrize("status", [200, 404])
def test_what_somebody_else_is_told_of_it_leaves_it_open(path: Path, opened: Open, status: int) -> None:
    ledger, call = opened(), create()
    ledger.before(ANA, call)
    ledger.after(ANA, call, answered(call, id="c1"))
    ledger.after(RUI, delete("c1"), answered(delete("c1"), status))
    assert [entry.id for entry in open_entries(path)] == ["c1"]
    ledger.removed("chat", "c1")
    assert open_entries(path) == []


@pytest.mark.parametrize("lost", [1, 5, 30])
def test_a_last_line_cut_by_a_kill_costs_only_that_line(path: Path, opened: Open, lost: int) -> None:
    ledger = opened()
    for number in (1, 2):
        call = create(f"[mark] {number}")
        ledger.before(ANA, call)
        ledger.after(ANA, call, answered(call, id=f"c{number}"))
    ledger.close()
    path.write_bytes(path.read_bytes()[: -lost - 1])
    # The id of the second is gone, but that it was intended is known: nothing is forgotten.
    assert {(entry.id, entry.marker) for entry in open_entries(path)} == {("c1", "[mark] 1"), (None, "[mark] 2")}


def test_what_is_written_after_a_kill_is_not_glued_to_the_line_it_cut(path: Path, opened: Open) -> None:
    ledger, call = opened(), create()
    ledger.before(ANA, call)
    ledger.after(ANA, call, answered(call, id="c1"))
    ledger.before(ANA, create())
    ledger.close()
    path.write_bytes(path.read_bytes()[:-9])
    again = opened()
    again.removed("chat", "c1")
    assert open_entries(path) == []


def test_a_ledger_that_is_opened_again_keeps_intents_apart(path: Path, opened: Open) -> None:
    first = opened()
    first.before(ANA, create("[mark] old"))
    first.close()
    again, call = opened(), create("[mark] new")
    again.before(ANA, call)
    again.after(ANA, call, answered(call, id="c2"))
    assert {(entry.id, entry.marker) for entry in open_entries(path)} == {("c2", "[mark] new"), (None, "[mark] old")}


def test_one_call_sent_several_times_at_once_makes_several_things(path: Path, opened: Open) -> None:
    ledger, call = opened(), Call("createSession", "POST", "/sessions")
    for account in (ANA, RUI, ANA):
        ledger.before(account, call)
    for account, made in ((ANA, "s1"), (ANA, "s2"), (RUI, "s3")):
        ledger.after(account, call, answered(call, id=made))
    assert {(entry.account, entry.id) for entry in open_entries(path)} == {("ana", "s1"), ("ana", "s2"), ("rui", "s3")}


def test_accounts_come_first_because_they_take_their_chats_along(path: Path, opened: Open) -> None:
    ledger, chat = opened(), create()
    user = Call("addUser", "POST", "/add", json={"email": "mark-1@seatrial.invalid", "password": "secret-word"})
    for call, made in ((chat, "c1"), (user, "u1")):
        ledger.before(ANA, call)
        ledger.after(ANA, call, answered(call, id=made, token="sk-hidden"))
    assert [entry.kind for entry in open_entries(path)] == ["user", "chat"]
    assert not {"secret-word", "sk-hidden"} & set(re.findall(r"[\w-]+", path.read_text()))


@pytest.mark.parametrize(
    ("body", "makes"),
    [
        ({"parent_id": None, "messages": []}, True),
        ({"parent_id": None, "chat_id": "c1"}, False),
        ({"messages": []}, False),
    ],
)
def test_a_completion_without_a_chat_makes_one_only_when_it_asks_for_it(
    path: Path, opened: Open, body: object, makes: bool
) -> None:
    ledger, call = opened(), Call("createChatCompletion", "POST", "/completions", json=body)
    ledger.before(ANA, call)
    ledger.after(ANA, call, answered(call, chat_id="c9"))
    assert [entry.id for entry in open_entries(path)] == (["c9"] if makes else [])


def test_every_operation_that_creates_or_removes_is_in_the_contract() -> None:
    assert {*CREATES, *REMOVES} <= set(Contract.load().operations)


def test_a_run_that_left_no_ledger_left_nothing(tmp_path: Path) -> None:
    assert open_entries(tmp_path / "none.jsonl") == []


def test_what_was_answered_is_waited_for_no_more(opened: Open) -> None:
    ledger = opened()
    for number in range(50):
        call = create(f"[mark] {number}")
        ledger.before(ANA, call)
        assert ledger.is_waiting
        ledger.after(ANA, call, Reply(call, 200, {"content-type": "application/json"}, b'{"id": "c1"}'))
    assert not ledger.is_waiting
    assert not ledger._pending
