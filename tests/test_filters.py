"""Replies that an outlet filter changes once they are written: no rule is broken by it, and it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contract_tests.check import Checker
from contract_tests.log import Log
from contract_tests.scenes import FILTERED, holds_what_was_said
from contract_tests.test_turns import _is_what_was_told, _turn_is_stored
from seatrial.contract import Contract
from seatrial.delivered import Delivered
from seatrial.exchange import Reply
from seatrial.known import Acceptance
from seatrial.openwebui import branch
from seatrial.verbs import Message, Turn, filtered, kept, said

CONTRACT = Contract.load()
TURN = Turn("Why do ships float?", "They are lighter than water.", "m", None)
FOOTER = TURN.reply + "\n\n_Answers may be wrong._"
ASKED = Message("user", TURN.prompt, "u1")
REDACTED = Message("assistant", FOOTER, "a1", "u1", original=TURN.reply, done=True)


@pytest.fixture
def log() -> Log:
    return Log(CONTRACT, "http://target.invalid", Acceptance("0.12.4"))


def test_the_text_before_a_filter_is_read_from_where_open_webui_keeps_it() -> None:
    row: dict[str, Any] = {"role": "assistant", "content": FOOTER, "parentId": None}
    document = {"history": {"currentId": "a1", "messages": {"a1": row | {"originalContent": TURN.reply}}}}
    reply = Reply(CONTRACT.call("getChat", "c1"), 200, {}, json.dumps(document).encode())
    assert [(line.content, line.original) for line in branch(reply, document)] == [(FOOTER, TURN.reply)]
    document["history"]["messages"] = {"a1": row | {"originalContent": 5}}
    assert branch(reply, document)[0].original is None


def test_a_filtered_history_holds_what_was_said_and_the_filter_is_told_once(log: Log) -> None:
    for _ in range(2):
        holds_what_was_said(Checker(log), "getChat", [TURN], [ASKED, REDACTED])
    assert (log.findings, log.notes) == ({}, [FILTERED])


@pytest.mark.parametrize(
    "stored",
    [
        Message("assistant", FOOTER, "a1", "u1"),  # nothing says that a filter did it
        Message("assistant", FOOTER, "a1", "u1", original="They are heavier than water."),
        Message("assistant", "", "a1", "u1", original=""),
    ],
)
def test_a_reply_that_was_another_before_the_filter_too_is_found(stored: Message, log: Log) -> None:
    holds_what_was_said(Checker(log), "getChat", [TURN], [ASKED, stored])
    _turn_is_stored(Checker(log), [ASKED, stored], TURN.prompt, TURN.reply, "a1", "stored plain")
    assert {finding.rule for finding in log.findings.values()} == {"history-content", "turn-stored"}
    assert log.notes == []


def test_who_wrote_a_message_counts_and_what_is_stored_as_said_stays() -> None:
    wanted = said([TURN])
    assert kept([ASKED, REDACTED], wanted) == wanted
    assert kept([Message("user", "x", original=TURN.reply)], wanted) == [("user", "x")]
    assert not filtered([Message("assistant", TURN.reply, original="a draft")], wanted)


def told(*, outlet: str | None, pieces: str = TURN.reply) -> Delivered:
    delivered = Delivered()
    delivered.take({"type": "response:completion", "data": {"type": "response.output_text.delta", "delta": pieces}})
    item = {"type": "message", "content": [{"type": "output_text", "text": TURN.reply}]}
    delivered.take({"type": "chat:completion", "data": {"done": True, "output": [item]}})
    if outlet is not None:
        messages = [{"role": "user", "content": TURN.prompt}, {"role": "assistant", "content": outlet}]
        delivered.take({"type": "chat:outlet", "data": {"messages": messages}})
    return delivered


def test_pieces_are_held_to_the_text_before_the_filter_and_the_end_to_the_one_after(log: Log) -> None:
    _is_what_was_told(Checker(log), told(outlet=FOOTER), REDACTED)
    assert (log.findings, log.notes) == ({}, [FILTERED])


@pytest.mark.parametrize(
    ("delivered", "where"),
    [
        (told(outlet=FOOTER, pieces="They are lighter."), "socket: pieces"),
        (told(outlet="Another reply."), "socket: whole"),
        (told(outlet=None), "socket: whole"),
    ],
)
def test_what_is_shown_is_still_what_is_stored(delivered: Delivered, where: str, log: Log) -> None:
    _is_what_was_told(Checker(log), delivered, REDACTED)
    assert [finding.where for finding in log.findings.values()] == [where]
