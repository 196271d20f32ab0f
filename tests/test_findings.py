"""How findings come about: one per rule, operation and instance; known ones and waived ones hide nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

from contract_tests.counts import miscounted
from contract_tests.log import Log
from contract_tests.stream import faults, is_burst, is_under_way, made_at, stall
from seatrial.contract import Contract
from seatrial.exchange import Call, Reply
from seatrial.known import Acceptance, known_defects
from seatrial.records import Seen
from seatrial.streams import read
from seatrial.target import Account
from seatrial.waivers import Waiver

CONTRACT = Contract.load()
SOMEBODY = Account("somebody", "a-token-that-is-long-enough")
TODAY = Acceptance(None).today


def log(version: str = "0.12.4", waivers: tuple[Waiver, ...] = ()) -> Log:
    return Log(CONTRACT, "http://target.invalid", Acceptance(version, waivers))


def answer(call: Call, status: int, document: object) -> Reply:
    return Reply(call, status, {"content-type": "application/json"}, json.dumps(document).encode())


def search(text: str) -> Call:
    return CONTRACT.call("searchChats", query={"text": text})


def waiver(where: str, days: int = 30) -> Waiver:
    return Waiver("answer-conforms", "getVersion", where, "ticket 42", TODAY + timedelta(days))


def test_a_waived_missing_field_does_not_hide_another_missing_field() -> None:
    call = CONTRACT.call("getVersion")
    heard = log(waivers=(waiver("200 $.version"),))
    heard.hear(SOMEBODY, call, answer(call, 200, {}))
    found = {finding.where: finding for finding in heard.findings.values()}
    assert found["200 $.version"].waived
    assert not found["200 $.version"].fails
    assert found["200 $.deployment_id"].fails


def test_an_expired_waiver_waives_nothing_and_an_unused_one_is_told() -> None:
    call = CONTRACT.call("getVersion")
    heard = log(waivers=(waiver("200 $.version", days=-1), waiver("200 $.other")))
    heard.hear(SOMEBODY, call, answer(call, 200, {"deployment_id": ""}))
    assert [finding.fails for finding in heard.findings.values()] == [True]
    expired, unused = heard.acceptance.notes()
    assert "expired" in expired
    assert "not needed" in unused


def test_a_known_defect_is_known_by_what_is_odd_in_the_request_and_by_the_release() -> None:
    heard, older = log(), log("0.9.6")
    for one in (heard, older):
        with one.provoking():
            for text in ("  ", "needle"):
                call = search(text)
                one.hear(SOMEBODY, call, Reply(call, 500, {}, b"Internal Server Error"))
    assert sorted(bool(finding.known) for finding in heard.findings.values()) == [False, True]
    assert [finding.known for finding in older.findings.values()] == [None]


def test_valid_use_of_a_verb_that_fails_is_never_known() -> None:
    defect = next(iter(known_defects()))
    heard = log()
    heard.finding("valid-use", "createChat", "200", "500", "status 500", call=CONTRACT.call("createChat", json={}))
    assert [finding.known for finding in heard.findings.values()] == [None]
    assert defect.id


def test_the_same_fault_again_is_counted_and_the_shortest_request_is_shown() -> None:
    heard = log("0.9.6")
    for text in ("a long text to search for", "x"):
        with heard.provoking():
            heard.hear(SOMEBODY, search(text), Reply(search(text), 500, {}, b""))
    (finding,) = heard.findings.values()
    assert finding.count == 2
    assert "text=x" in finding.curl
    assert finding.after_requests == 1


def test_drift_fails_the_test_that_meets_it_only_when_the_run_is_strict() -> None:
    call = search("x")
    relaxed, strict = log(), Log(CONTRACT, "http://target.invalid", Acceptance("0.12.4"), strict=True)
    for one in (relaxed, strict):
        one.hear(SOMEBODY, call, answer(call, 409, {"detail": "no"}))
        assert [finding.severity for finding in one.findings.values()] == ["drift"]
    assert (relaxed.failures_of_test, len(strict.failures_of_test)) == ([], 1)


def test_each_status_has_times_of_its_own_and_none_where_too_few_speak_for_them() -> None:
    heard, call = log(), CONTRACT.call("getVersion")
    good, missing = answer(call, 200, {"version": "1", "deployment_id": ""}), answer(call, 404, {"detail": "no"})
    for number in range(72):
        heard.hear(SOMEBODY, call, replace(good, seconds=(number + 1) / 1000))
    for seconds in (0.0001, 9.0, 9.0, 9.0, 9.0):
        heard.hear(SOMEBODY, call, replace(missing, seconds=seconds))
    heard.hear(SOMEBODY, call, replace(good, seconds=30.0, cut="deadline"))
    rows = [one for one in heard.records("openwebui") if isinstance(one, Seen) and one.operation == "getVersion"]
    told = {one.status: (one.count, one.p50_ms, one.p95_ms) for one in rows}
    assert told[200] == (73, 36.0, 69.0)  # by nearest rank: the 36th of 72, and the 69th
    assert told[404] == (5, None, None)


def test_a_token_never_reaches_a_finding_and_an_answer_that_shows_it_is_one() -> None:
    call = CONTRACT.call("getVersion")
    heard = log()
    heard.hear(SOMEBODY, call, answer(call, 200, {"version": SOMEBODY.token, "deployment_id": ""}))
    assert "no-secrets" in {finding.rule for finding in heard.findings.values()}
    assert SOMEBODY.token is not None
    for finding in heard.findings.values():
        assert SOMEBODY.token not in json.dumps([finding.received, finding.curl, list(finding.steps)])


def test_a_part_of_a_token_does_not_leave_the_rest_of_it_behind() -> None:
    token = SOMEBODY.token
    assert token is not None
    call, heard = CONTRACT.call("getVersion"), log()
    for account in (Account("half", token[:14]), SOMEBODY):
        heard.hear(account, call, answer(call, 200, {"version": f"1.0 {token}", "deployment_id": ""}))
    told = json.dumps([[finding.received, list(finding.steps)] for finding in heard.findings.values()])
    assert token[14:] not in told


PAGE = Reply(search("x"), 401, {"content-type": "text/html"}, b"<html><body>Sign in</body></html>")
RESHAPED = answer(search("x"), 401, {"error": "no"})
STRANGER = Account("stranger")


@pytest.mark.parametrize(
    ("account", "reply", "provoked", "found"),
    [
        (SOMEBODY, RESHAPED, False, ("refusal-conforms", "defect")),
        (SOMEBODY, RESHAPED, True, ("refusal-conforms", "defect")),
        (STRANGER, RESHAPED, False, ("refusal-conforms", "defect")),
        (SOMEBODY, PAGE, False, ("refusal-conforms", "defect")),
        # A proxy's own page for strangers, or for what it takes for an attack, is its business.
        (STRANGER, PAGE, False, ("status-documented", "drift")),
        (SOMEBODY, PAGE, True, ("status-documented", "drift")),
        (SOMEBODY, Reply(search("x"), 500, {}, b"no"), False, ("valid-use", "break")),
        (SOMEBODY, Reply(search("x"), 500, {}, b"no"), True, ("no-server-error", "defect")),
    ],
)
def test_a_refusal_is_held_to_the_contract(
    account: Account, reply: Reply, provoked: bool, found: tuple[str, str]
) -> None:
    heard = log("0.9.6")
    with heard.provoking() if provoked else nullcontext():
        heard.hear(account, reply.call, reply)
    assert {(finding.rule, finding.severity) for finding in heard.findings.values()} == {found}


def test_a_server_that_is_overloaded_may_say_so() -> None:
    heard = log()
    heard.hear(SOMEBODY, search("x"), answer(search("x"), 503, {"detail": "later"}))
    assert not heard.has_failed


def chunk(text: str | None = None, finish: str | None = None) -> str:
    choice = {"delta": {"content": text} if text else {}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


WORDS = [chunk(f"word{number} ") for number in range(12)]
WHOLE = [*WORDS, chunk(finish="stop"), "data: [DONE]\n\n"]


def timed(events: list[str], gap: float, start: float = 0.3) -> list[tuple[float, bytes]]:
    return [(start + gap * number, event.encode()) for number, event in enumerate(events)]


def test_a_whole_stream_has_no_fault_and_is_no_burst() -> None:
    reading = read(timed(WHOLE, 0.02))
    assert list(faults(reading)) == []
    assert reading.text == "".join(f"word{number} " for number in range(12))
    assert not bursts(timed(WHOLE, 0.02))


@pytest.mark.parametrize(
    ("events", "rule", "where"),
    [
        (WHOLE[:-1], "stream-finish", "[DONE]"),
        ([*WHOLE, chunk("more")], "stream-finish", "after [DONE]"),
        ([*WORDS, "data: [DONE]\n\n"], "stream-finish", "finish_reason"),
        ([*WORDS, chunk(finish="stop"), chunk(finish="stop"), "data: [DONE]\n\n"], "stream-finish", "finish_reason"),
        ([*WORDS, 'data: {"error": {"message": "no"}}\n\n'], "stream-finish", "error"),
        ([*WORDS, "data: {not json}\n\n", *WHOLE[-2:]], "stream-framing", "events"),
        ([*WORDS, "data: {"], "stream-framing", "end"),
    ],
)
def test_a_stream_that_is_not_whole_is_told_as_what_it_is(events: list[str], rule: str, where: str) -> None:
    assert (rule, where) in [fault[:2] for fault in faults(read(timed(events, 0.02)))]


def test_a_burst_is_many_tokens_at_once_after_a_time_and_not_a_short_answer() -> None:
    assert bursts(timed(WHOLE, 0.0005, start=1.0))
    assert not bursts(timed(WHOLE[:3], 0.0005, start=1.0))
    assert not bursts(timed(WHOLE, 0.0005, start=0.01))


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_a_model_that_thinks_for_long_and_answers_quickly_is_no_buffer(name: str) -> None:
    words = [chunk(f"w{number} ") for number in range(40)]
    thoughts = [word.replace('"content"', f'"{name}"') for word in words]
    told = [*timed(thoughts, 0.6), *timed(words, 0.025, start=25.0)]
    assert not bursts(told)
    assert bursts([(26.0, event) for _, event in told])  # all of it kept back
    # A provider that keeps the thoughts to itself, and a queue: nothing for long, then token by token.
    assert not bursts(timed(words, 0.025, start=25.0))
    assert bursts([(25.0 + 0.05 * (moment > 0.5), event) for moment, event in timed(words, 0.025)])


def bursts(told: Sequence[tuple[float, bytes]]) -> bool:
    return is_burst(made_at(told), read(told).ended)


def test_a_stream_that_is_cut_is_under_way_while_tokens_come() -> None:
    slow = made_at(timed(WORDS * 10, 0.3))
    assert is_under_way(slow, slow[-1] + 0.3)
    assert not is_under_way(slow, slow[-1] + 5)
    assert not is_under_way([], 30.0)


def test_a_stall_is_a_pause_out_of_proportion_and_not_a_slow_model() -> None:
    quick = timed(WHOLE, 0.02)
    stalled = [(moment + (6 if number >= 7 else 0), event) for number, (moment, event) in enumerate(quick)]
    assert stall(read(stalled)) == pytest.approx(6.02, abs=0.1)
    assert stall(read(quick)) == 0
    assert stall(read(timed(WHOLE, 6.0))) == 0


def test_counts_of_tokens_are_whole_numbers_that_add_up() -> None:
    def places(**usage: Any) -> list[str]:
        return [where for _, _, where in miscounted(usage)]

    assert places(prompt_tokens=8, completion_tokens=2, total_tokens=10) == []
    assert places(prompt_tokens=8, completion_tokens=2, total_tokens=9) == ["total_tokens"]
    assert places(prompt_tokens=8, completion_tokens=-1, total_tokens=7) == ["completion_tokens"]
    assert places(prompt_tokens="8", completion_tokens=2, total_tokens=10) == ["prompt_tokens"]
    # Thought that is counted, but not among what was said; and thought that is not told at all.
    thought = {"reasoning_tokens": 5}
    assert places(prompt_tokens=8, completion_tokens=2, total_tokens=15, completion_tokens_details=thought) == []
    assert places(prompt_tokens=8, completion_tokens=2, total_tokens=15) == ["more in all"]
    assert places(completion_tokens=2) == []


@pytest.mark.parametrize(
    ("operation", "name"), [("createApiKey", "api_key"), ("addUser", "token"), ("signIn", "token")]
)
def test_what_a_stranger_was_given_to_sign_in_with_is_in_no_record(operation: str, name: str) -> None:
    heard, call, given = log(), CONTRACT.call(operation, json={}), "sk-0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    reply = answer(call, 200, {name: given})
    heard.hear(STRANGER, call, reply)
    heard.finding("administration-closed", operation, "401", str(reply), "anonymous: status 200", reply, STRANGER)
    heard.finding("valid-use", "getApiKey", given, "another", "$.api_key")
    told = json.dumps([asdict(finding) for finding in heard.findings.values()])
    assert "***" in told
    assert given not in told


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": float("inf"), "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": 10**400, "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 3, "completion_tokens_details": [1]},
        {
            "prompt_tokens": 1,
            "completion_tokens": 1,
            "total_tokens": 3,
            "completion_tokens_details": {"reasoning_tokens": "1"},
        },
    ],
    ids=range(4),
)
def test_odd_counts_are_told_as_counts_that_do_not_add_up(usage: dict[str, Any]) -> None:
    assert list(miscounted(usage))
