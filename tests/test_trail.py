"""The steps of a finding: enough to send them again, and nothing secret in them."""

from __future__ import annotations

import json
import shlex
import uuid
from typing import Any

import pytest

from contract_tests.bindings import Bindings
from contract_tests.log import Log
from contract_tests.trail import KEPT_BODY, TRAIL, at, curl
from reports.curl import curl_line
from seatrial.contract import Contract
from seatrial.exchange import Call, Reply
from seatrial.known import Acceptance
from seatrial.records import Finding
from seatrial.target import Account

CONTRACT = Contract.load()
OWNER, ADMIN = Account("throwaway 1", "the-token-of-the-owner"), Account("admin", "the-token-of-the-admin")


def new_log() -> Log:
    log = Log(CONTRACT, "http://target.invalid", Acceptance(None), hidden=["value-of-a-header"])
    log.start("test_changes.py::test_it")
    return log


def hear(log: Log, who: Account, call: Call, status: int = 200, document: Any = None) -> Reply:
    reply = Reply(call, status, {"content-type": "application/json"}, json.dumps(document).encode())
    log.hear(who, call, reply)
    return reply


def only(log: Log, rule: str) -> Finding:
    (found,) = (finding for finding in log.findings.values() if finding.rule == rule)
    return found


def test_a_step_says_which_ids_came_with_an_answer_and_were_used() -> None:
    log, chat = new_log(), str(uuid.uuid4())
    hear(log, OWNER, CONTRACT.call("createChat", json={"chat": {}}), document={"id": chat, "folder_id": "unused"})
    reply = hear(log, OWNER, CONTRACT.call("getChat", chat))
    log.finding("other-cannot-read", "getChat", "401", "200", "status 200", reply, OWNER)
    first, last = only(log, "other-cannot-read").steps
    assert first["brought"] == {"$.id": chat}
    assert (first.get("shows"), last["shows"], last["call"]["values"]) == (None, True, [chat])
    assert only(log, "other-cannot-read").test == "test_changes.py::test_it"


def test_what_brought_an_id_stays_when_it_is_long_ago_and_the_gap_is_told() -> None:
    log, chat = new_log(), str(uuid.uuid4())
    hear(log, OWNER, CONTRACT.call("createChat", json={"chat": {}}), document={"id": chat})
    for _ in range(TRAIL + 7):
        hear(log, OWNER, CONTRACT.call("listModels"))
    reply = hear(log, OWNER, CONTRACT.call("getChat", chat), 418)
    log.finding("valid-use", "getChat", "200", "418", "status 418", reply)
    steps = only(log, "valid-use").steps
    assert [step["call"]["operation"] for step in steps[:2]] == ["createChat", "listModels"]
    assert len(steps) == TRAIL + 1
    assert steps[1]["skipped"] == 8


def test_secrets_are_names_in_the_steps_and_the_same_one_has_one_name() -> None:
    log, password = new_log(), 'pa"ss wörd'
    body = {"email": "x@seatrial.invalid", "password": password, "header": "value-of-a-header"}
    hear(log, ADMIN, CONTRACT.call("addUser", json=body), document={"id": str(uuid.uuid4()), "token": OWNER.token})
    hear(log, OWNER, CONTRACT.call("signIn", json={"email": "x@seatrial.invalid", "password": password}))
    log.finding("valid-use", "signIn", "200", "400", "status 400")
    found = only(log, "valid-use")
    record = json.dumps([found.steps, found.curl, found.received], ensure_ascii=False)
    for secret in (OWNER.token, ADMIN.token, "value-of-a-header", password, json.dumps(password)[1:-1]):
        assert str(secret) not in record
    added, signed = found.steps
    assert added["brought"] == {"$.token": signed["bears"]}
    assert json.loads(added["call"]["body"])["password"] == json.loads(signed["call"]["body"])["password"]


def test_a_body_is_kept_as_it_was_or_said_to_be_left_out() -> None:
    log = new_log()
    path = CONTRACT.call("createChat").path
    bodies = (b'{"chat": {"title": "\xff"}}', b'{"b":  [1,2]}', b'"' + b"x" * KEPT_BODY + b'"')
    for raw in bodies:
        hear(log, OWNER, Call("createChat", "POST", path, raw=raw), 422)
    log.finding("bad-input-refused", "createChat", "a 4xx", "200", "whole")
    binary, odd, long = (step["call"] for step in only(log, "bad-input-refused").steps)
    assert set(binary) & {"body", "body64", "left_out"} == {"body64"}
    assert odd["body"].encode() == bodies[1]
    assert long["left_out"] == KEPT_BODY + 2
    assert "body" not in long


def test_a_curl_line_sends_what_was_sent_or_there_is_none() -> None:
    odd = {"text": "it's \x7f\x85 \u202e \U0001f680 é \ud800\x00"}
    for body in (odd, {"text": "\x7f\x85 \U0001f680 é"}, {"text": "x'" * 9_000}):
        line = curl("http://target.invalid", CONTRACT.call("createChat", json=body), OWNER)
        assert json.loads(shlex.split(line)[-1]) == body
        assert line.isprintable()
    path = CONTRACT.call("createChat").path
    for raw in (b"\xff", b"{\x00}", b"no JSON: \xc2\x85", b'"' + b"x" * KEPT_BODY + b'"'):
        assert curl("http://target.invalid", Call("createChat", "POST", path, raw=raw), OWNER) == ""


@pytest.mark.parametrize("label", ["stranger", "short-lived"])
def test_a_credential_that_no_account_has_gets_no_curl_line_with_that_of_an_account(label: str) -> None:
    log, call = new_log(), CONTRACT.call("listChats")
    account = Account(label, "a-token-that-nobody-has")
    hear(log, account, call)
    log.finding("wrong-credentials-refused", "listChats", "401", "200", "status 200")
    found = only(log, "wrong-credentials-refused")
    assert curl_line(found) == ("", "it was sent with a credential that no account has, and replaying makes another")
    assert "Authorization" not in curl("http://target.invalid", call, Account(label))


def test_a_password_with_characters_that_cannot_be_shown_is_masked_in_a_curl_line() -> None:
    log = new_log()
    hear(log, OWNER, CONTRACT.call("signIn", json={"email": "x@seatrial.invalid", "password": "pä\x80ss-wörd"}))
    log.finding("valid-use", "signIn", "200", "400", "status 400")
    assert "***" in only(log, "valid-use").curl
    assert "ss-w" not in only(log, "valid-use").curl


def test_polls_are_one_step() -> None:
    log, chat = new_log(), str(uuid.uuid4())
    for _ in range(9):
        hear(log, OWNER, CONTRACT.call("listChatTasks", chat), document={"task_ids": ["t"]})
    log.finding("valid-use", "listChatTasks", "an end", "none", "$.task_ids")
    (step,) = only(log, "valid-use").steps
    assert step["times"] == 9


def test_ids_are_bound_anew_wherever_they_stand_and_others_are_made_up() -> None:
    chat, message, plain = str(uuid.uuid4()), str(uuid.uuid4()), "session/7"
    bindings = Bindings({"seatrial-0a1b2c3d": "seatrial-ffffffff", "0a1b2c3d": "ffffffff"})
    bindings.bind(chat, "new-chat")
    bindings.bind(plain, "session-8")
    bindings.bind("<key 2>", "sk-new")
    assert bindings.path(f"/api/v1/chats/{chat}") == "/api/v1/chats/new-chat"
    assert bindings.path("/api/v1/sessions/session%2F7/history") == "/api/v1/sessions/session-8/history"
    text = json.dumps({"id": message, "chat_id": chat, "of": plain, "in": f"see {plain}", "t": "[seatrial-0a1b2c3d] x"})
    told = json.loads(bindings.body(text))
    assert told["chat_id"] == "new-chat"
    assert (told["of"], told["in"]) == ("session-8", f"see {plain}")
    assert told["t"] == "[seatrial-ffffffff] x"
    assert told["id"] != message
    assert uuid.UUID(told["id"])
    assert json.loads(bindings.body(text))["id"] == told["id"]
    assert bindings.secret("<key 2>") == "sk-new"
    made = bindings.body('{"password": "<secret 9>"}')
    assert "<secret 9>" not in made
    assert made == bindings.body('{"password": "<secret 9>"}')


def test_a_place_in_an_answer_is_found_again_or_not_at_all() -> None:
    document = {"rows": [{"id": "a"}, {"id": "b"}], "n": 5, "dots": ".."}
    assert at(document, "$.rows.1.id") == "b"
    assert [at(document, place) for place in ("$.rows.2.id", "$.rows.x", "$.n", "$.n.m", "$.dots", "$")] == [None] * 6


@pytest.mark.parametrize(
    ("header", "secret"),
    [("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="), ("a=0123456789; b=abcdefghij", "abcdefghij")],
)
def test_what_is_secret_of_a_header_is_masked_by_itself(header: str, secret: str) -> None:
    log = Log(CONTRACT, "http://target.invalid", Acceptance(None), hidden=[header])
    log.start("test_changes.py::test_it")
    hear(log, OWNER, CONTRACT.call("listChats"))
    log.finding("valid-use", "listChats", "200", f"the proxy said {secret}", "status 400")
    assert only(log, "valid-use").received == "the proxy said ***"


def test_words_in_a_header_stay_words() -> None:
    log = Log(CONTRACT, "http://target.invalid", Acceptance(None), hidden=["Staging environment"])
    log.start("test_changes.py::test_it")
    hear(log, OWNER, CONTRACT.call("listChats"))
    log.finding("valid-use", "listChats", "200", "of this environment", "status 400")
    assert only(log, "valid-use").received == "of this environment"
