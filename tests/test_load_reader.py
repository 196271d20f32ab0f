"""The journey of somebody who reads what the account was filled with: what is gone is noticed, listed or not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from load.journeys import JOURNEYS
from load.part import Line, Part, Visit
from load.seeding import Seed
from seatrial.actor import Actor
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.openwebui import PAGE, OpenWebUIVerbs
from seatrial.samples import Integrity
from seatrial.sessions import SessionVerbs
from seatrial.trees import tree

CONTRACT = Contract.load()
MARKER = "seatrial-0a1b2c3d"
SEED = Seed(3, 8)
SEEDED = {f"c{number}": SEED.texts(MARKER, number) for number in range(3)}
VERBS: Mapping[str, Any] = {OPENWEBUI: OpenWebUIVerbs(CONTRACT, "m"), SESSIONS: SessionVerbs(CONTRACT)}
MISSING = {OPENWEBUI: 401, SESSIONS: 404}


@dataclass
class Account:
    """What a deployment has of an account: the texts of its conversations, or the status that refuses one (0: no
    answer); and what it lists, None for all of them. `asked` are the operations that were asked for."""

    api: str = OPENWEBUI
    held: dict[str, Sequence[str] | int] = field(default_factory=lambda: {**SEEDED})
    listed: list[str] | None = None
    list_status: int = 200
    asked: list[str] = field(default_factory=list)

    def send(self, call: Call) -> Reply:
        self.asked.append(call.operation)
        if call.operation in ("listChats", "listSessions"):
            return self._list(call)
        texts = self.held.get(call.values[0], MISSING[self.api])
        if texts == 0:
            raise NoAnswer(call, "no answer within 5 s")
        if isinstance(texts, int):
            return answer(call, {"detail": "no"}, texts)
        if self.api == OPENWEBUI:
            return answer(call, {"id": call.values[0], "chat": tree("t", list(texts), "m")})
        rows = [{"role": "user", "content": text, "created_at": 1} for text in texts]
        return answer(call, {"session_id": call.values[0], "messages": rows})

    def _list(self, call: Call) -> Reply:
        if self.list_status != 200:
            return answer(call, {"detail": "no"}, self.list_status)
        ids = list(self.held) if self.listed is None else self.listed
        rows = [{"id": one, "title": "t", "updated_at": 1, "created_at": 1} for one in ids]
        if self.api == SESSIONS:
            return answer(call, {"sessions": rows})
        start = (int(dict(call.params)["page"]) - 1) * PAGE
        return answer(call, rows[start : start + PAGE])


def answer(call: Call, document: Any, status: int = 200) -> Reply:
    return Reply(call, status, {"content-type": "application/json"}, json.dumps(document).encode())


def read(
    account: Account,
    turns: int = 1,
    sleep: Callable[[float], None] = lambda _: None,
    send: Callable[[Call], Reply] | None = None,
    seeded: Mapping[str, Sequence[str]] = SEEDED,
) -> Integrity:
    """One visit to the account, which was filled with `SEEDED`."""
    actor, line = Actor(VERBS[account.api], send or account.send, lambda _: None), cast("Line", None)
    visit, chance = Visit("4-2", MARKER, "", turns), random.Random(0)
    return JOURNEYS["reader"](
        Part(visit, actor, line, CONTRACT, "m", lambda: True, sleep, lambda: 1.0, chance, seeded=seeded)
    )


def without(*names: str) -> dict[str, Sequence[str] | int]:
    return {name: texts for name, texts in SEEDED.items() if name not in names}


@pytest.mark.parametrize("api", [OPENWEBUI, SESSIONS])
def test_what_is_whole_is_listed_once_and_opened_as_often_as_a_session_has_turns(api: str) -> None:
    account = Account(api)
    found = read(account, turns=5)
    assert (found.turns, found.lost, found.detail, found.verified) == (0, 0, "", True)
    assert found.acknowledged == found.stored == 24
    assert len(account.asked) == 6


def others(number: int) -> list[str]:
    """Conversations that the account has besides."""
    return [f"o{n}" for n in range(number)]


def changed(change: Callable[[list[str]], list[str]]) -> dict[str, Sequence[str] | int]:
    return {name: change(texts) for name, texts in SEEDED.items()}


def test_a_message_that_is_missing_cut_or_another_conversations_is_found() -> None:
    assert read(Account(held=changed(lambda texts: texts[:6]))).lost == 2
    assert read(Account(held=changed(lambda texts: [texts[0][:-9], *texts[1:]]))).truncated == 1
    swapped = read(Account(held={**SEEDED, "c0": SEEDED["c1"], "c1": SEEDED["c2"], "c2": SEEDED["c0"]}))
    assert swapped.foreign > 0


@pytest.mark.parametrize(("messages", "last"), [(1, 1), (5, 1), (5, 2), (5, 3)])
def test_of_an_odd_number_of_messages_each_that_is_lost_is_found_and_nothing_is_invented(
    messages: int, last: int
) -> None:
    seeded = {"c0": Seed(1, messages).texts(MARKER, 0)}
    whole, short = (read(Account(held={"c0": texts}), seeded=seeded) for texts in (seeded["c0"], seeded["c0"][:-last]))
    assert (whole.lost, whole.doubled, whole.acknowledged) == (0, 0, messages + 1)
    assert (short.lost, short.doubled, short.foreign, short.acknowledged) == (last, 0, 0, messages + 1)


def test_what_is_lost_is_counted_once_in_a_visit_however_often_it_is_opened() -> None:
    held = {**SEEDED, "c0": SEEDED["c0"][:6]}
    account = Account(held=held, listed=[*others(PAGE), "c1", "c2"])  # on no page: it is opened first
    assert (read(account, turns=3).lost, account.asked.count("getChat")) == (2, 9)


def test_a_message_counts_as_lost_after_three_looks_over_three_seconds() -> None:
    account = Account(held=changed(lambda texts: texts[:6]))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        account.held.update(SEEDED)

    assert read(account, sleep=sleep).lost == 0
    assert slept == [1.0]


@pytest.mark.parametrize("api", [OPENWEBUI, SESSIONS])
def test_a_conversation_that_is_gone_has_lost_all_its_messages(api: str) -> None:
    everything = read(Account(api, held={}))
    assert (everything.lost, everything.acknowledged, everything.stored) == (24, 24, 0)
    one = read(Account(api, held=without("c1")))
    assert one.lost == 8
    assert "c1" in one.detail


def test_an_empty_list_is_no_pass_although_all_can_be_read() -> None:
    found = read(Account(listed=[]))
    assert found.lost == 24
    assert "missing on the list" in found.detail


def test_a_list_is_looked_at_three_times_before_anything_is_missing_on_it() -> None:
    account, slept = Account(listed=[]), list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        account.listed = None if len(slept) == 2 else []

    assert read(account, sleep=sleep).lost == 0
    assert slept == [1.0, 2.0]
    assert account.asked.count("listChats") == 3


def test_what_a_list_of_several_pages_skips_is_opened_and_only_lost_if_it_is_gone() -> None:
    skipped = Account(listed=[*others(PAGE), "c0", "c1"])
    found = read(skipped)
    assert (found.lost, found.stored, skipped.asked) == (0, 8, ["listChats", "listChats", "getChat"])
    gone = Account(held=without("c2"), listed=[*others(PAGE), "c0", "c1"])
    found = read(gone)
    assert (found.lost, found.verified) == (8, True)
    assert "it is gone (status 401)" in found.detail


@pytest.mark.parametrize("status", [503, 403, 0])
def test_a_conversation_that_is_refused_otherwise_is_not_known_to_be_whole(status: int) -> None:
    account = Account(held=dict.fromkeys(SEEDED, status))
    found = read(account)
    assert (found.verified, found.lost, found.acknowledged, found.stored) == (False, 0, 8, 0)
    assert account.asked.count("getChat") == 3


def test_what_is_refused_as_gone_and_stands_on_the_list_is_not_known_to_be_lost() -> None:
    found = read(Account(held=dict.fromkeys(SEEDED, 401)))
    assert (found.verified, found.lost) == (False, 0)
    assert "it is on the list" in found.detail


def test_a_reader_whose_credentials_are_refused_says_nothing_of_what_is_stored() -> None:
    account = Account(listed=[*others(PAGE), *SEEDED], held={})

    def expire(call: Call) -> Reply:
        account.list_status = 401 if call.operation == "getChat" else account.list_status
        return account.send(call)

    found = read(account, send=expire)
    assert (found.verified, found.lost) == (False, 0)
    assert "nor the list" in found.detail


def test_nobody_opens_anything_where_the_list_does_not_come() -> None:
    account = Account(list_status=503)
    found = read(account)
    assert account.asked == ["listChats"]
    assert (found.lost, found.verified) == (0, True)
    assert found.detail.startswith("not listed")
