"""How findings come about: one per rule, operation and instance; known ones and waived ones hide nothing else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from contract_tests.known import Acceptance, known_defects
from contract_tests.log import Log
from contract_tests.stream import read
from seatrial.contract import Contract
from seatrial.exchange import Call, Reply
from seatrial.settings import Waiver
from seatrial.target import Account

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


def test_a_token_never_reaches_a_finding_and_an_answer_that_shows_it_is_one() -> None:
    call = CONTRACT.call("getVersion")
    heard = log()
    heard.hear(SOMEBODY, call, answer(call, 200, {"version": SOMEBODY.token, "deployment_id": ""}))
    assert "no-secrets" in {finding.rule for finding in heard.findings.values()}
    assert SOMEBODY.token is not None
    for finding in heard.findings.values():
        assert SOMEBODY.token not in json.dumps([finding.received, finding.curl, list(finding.steps)])


def chunk(text: str | None = None, finish: str | None = None) -> str:
    choice = {"delta": {"content": text} if text else {}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


WORDS = [chunk(f"word{number} ") for number in range(12)]
WHOLE = [*WORDS, chunk(finish="stop"), "data: [DONE]\n\n"]


def timed(events: list[str], gap: float, start: float = 0.3) -> list[tuple[float, bytes]]:
    return [(start + gap * number, event.encode()) for number, event in enumerate(events)]


def test_a_whole_stream_has_no_fault_and_is_no_burst() -> None:
    reading = read(timed(WHOLE, 0.02))
    assert list(reading.faults()) == []
    assert reading.text == "".join(f"word{number} " for number in range(12))
    assert not reading.is_burst


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
    assert (rule, where) in [fault[:2] for fault in read(timed(events, 0.02)).faults()]


def test_a_burst_is_many_tokens_at_once_after_a_time_and_not_a_short_answer() -> None:
    assert read(timed(WHOLE, 0.0005, start=1.0)).is_burst
    assert not read(timed(WHOLE[:3], 0.0005, start=1.0)).is_burst
    assert not read(timed(WHOLE, 0.0005, start=0.01)).is_burst
