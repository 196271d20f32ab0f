"""Answers kept under load: few, without secrets, and held to the contract when the load is over."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from clocks import Clock

from contract_tests.log import Log
from load.capacity import Capacity
from load.conformance import check
from load.objectives import parse
from load.outcome import conclude
from load.progress import FILE, Ended, Mustered
from load.sampling import FIRST, KEPT, MOST_BODY, Answer, Sampling
from seatrial.contract import OPENWEBUI, Contract
from seatrial.exchange import NoAnswer, Reply
from seatrial.known import Acceptance
from seatrial.records import Finding, Recorder, Run, RunFolder
from seatrial.samples import Integrity, Sample
from seatrial.schemas import MOST_PLACE
from seatrial.settings import Settings
from seatrial.target import Account
from seatrial.waivers import Waiver

CONTRACT = Contract.load()
TOKEN = "token-that-nobody-may-see"
SOMEBODY = Account("somebody", TOKEN)
LIST: dict[str, Any] = {"sessions": [{"id": "a", "created_at": 1767225600}]}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(str(tmp_path / "run"), "load")


def reply(body: Any, status: int = 200, operation: str = "listSessions", media: str = "application/json") -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(CONTRACT.call(operation), status, {"content-type": media}, content)


def kept(folder: RunFolder, *replies: Reply) -> None:
    sampling = Sampling(folder.path / KEPT / "load.jsonl", Clock())
    for one in replies:
        sampling.hear(SOMEBODY, one.call, one)
    sampling.close()


def answers(folder: RunFolder) -> list[Answer]:
    return list(folder.rows(f"{KEPT}/*.jsonl", Answer))


def test_the_first_of_each_kind_are_kept_then_fewer_and_fewer(folder: RunFolder) -> None:
    clock = Clock()
    sampling = Sampling(folder.path / KEPT / "load.jsonl", clock)
    for number in range(200 * 3600):  # 200 a second, for an hour
        clock.now = number / 200
        call = CONTRACT.call("listSessions")
        sampling.hear(SOMEBODY, call, Reply(call, 200, {}, b"{}"))
    call = CONTRACT.call("listSessions")
    sampling.hear(SOMEBODY, call, Reply(call, 404, {}, b"{}"))
    sampling.close()
    moments = [answer.at for answer in answers(folder)]
    assert moments[:FIRST] == [0.0, 0.005, 0.01]
    assert 100 < len(moments) < 1_000
    assert moments[-2] > 3_500  # also of the last minute there is one
    assert answers(folder)[-1].status == 404


def test_bytes_are_bounded_and_a_huge_answer_is_none_of_them(folder: RunFolder) -> None:
    kept(folder, reply(b"x" * (MOST_BODY + 1)), *(reply(b"x" * MOST_BODY, status) for status in range(400, 420)))
    assert 0 < sum(len(answer.body) for answer in answers(folder)) <= 1024 * 1024


def test_no_answer_is_kept_of_a_call_that_brought_none(folder: RunFolder) -> None:
    sampling, call = Sampling(folder.path / KEPT / "load.jsonl", Clock()), CONTRACT.call("listSessions")
    sampling.hear(SOMEBODY, call, NoAnswer(call, "refused"))
    sampling.close()
    assert not (folder.path / KEPT).exists()


def test_no_secret_is_written(folder: RunFolder) -> None:
    kept(folder, reply({"echo": f"Bearer {TOKEN}", "token": "of-somebody", "api_key": "sk-1"}), reply(b"\xff\xfe"))
    text = "".join(path.read_text("utf-8") for path in (folder.path / KEPT).iterdir())
    assert TOKEN not in text
    assert "of-somebody" not in text
    assert "sk-1" not in text
    assert answers(folder)[1].body.encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_masking_leaves_json_as_it_was(folder: RunFolder) -> None:
    kept(folder, reply({"key": 'a "quoted" \\ one', "said": '"token": "in words"'}))
    assert json.loads(answers(folder)[0].body) == {"key": "***", "said": '"token": "in words"'}


def test_a_departure_is_found_named_and_counted_and_the_answers_go(folder: RunFolder) -> None:
    wrong = {"sessions": [{"id": 7, "created_at": 1767225600}]}
    kept(folder, reply(LIST), reply(wrong), reply(wrong))
    checked = check(folder, CONTRACT, Acceptance(None))
    (finding,) = checked.findings
    assert (finding.rule, finding.severity, finding.operation) == ("load-conformance", "break", "listSessions")
    assert (finding.where, finding.count) == ("200 $.sessions[*].id", 2)
    assert "string" in finding.expected
    assert finding.received == "7"
    assert checked.counts == {"answers_checked": 3, "answers_wrong": 2, "answers_unusable": 2}
    assert not (folder.path / KEPT).exists()


def test_bytes_that_are_no_text_are_no_json(folder: RunFolder) -> None:
    kept(folder, reply(b'{"sessions": "\xff\xfe"'))
    assert [finding.where for finding in check(folder, CONTRACT, Acceptance(None)).findings] == ["200 $"]


def test_a_refusal_that_nobody_documented_is_drift_and_a_server_error_is_counted_elsewhere(folder: RunFolder) -> None:
    kept(folder, reply({}, 418), reply(b"oops", 500, media="text/plain"))
    checked = check(folder, CONTRACT, Acceptance(None))
    assert [(finding.severity, finding.where) for finding in checked.findings] == [("drift", "status 418")]
    assert checked.failing == []


@pytest.mark.parametrize("rule", ["load-conformance", "answer-conforms"])
def test_what_is_waived_for_the_contract_suite_is_waived_here(folder: RunFolder, rule: str) -> None:
    kept(folder, reply({"sessions": 5}))
    waiver = Waiver(rule, "listSessions", "200 $.sessions", "it is so", date(2999, 1, 1))
    checked = check(folder, CONTRACT, Acceptance(None, [waiver]))
    assert [bool(finding.waived) for finding in checked.findings] == [True]
    assert checked.failing == []


def run_of(folder: RunFolder) -> Run:
    progress = Recorder(folder.path / FILE)
    progress.write(Mustered("sessions", None, None, "openapi.yaml", None, "seatrial-0a", [], []))
    progress.write(Ended(finished=True, seconds=60.0))
    progress.close()
    samples = Recorder(folder.path / "samples" / "1.jsonl")
    for _ in range(200):
        samples.write(Sample(0.5, "sendMessage", 12.0, 200, True, 1, "1-1"))
    samples.write(Integrity(1.0, "1-1", 3, 6, 0, 6, 0, 0, 0, 0, 0, deleted=True))
    samples.close()
    return conclude(Settings(url="http://localhost:9", users=20), folder, "2026-01-01T00:00:00Z")


def test_a_departure_fails_a_load_in_which_all_else_is_well(folder: RunFolder) -> None:
    kept(folder, reply({"sessions": 5}))
    run = run_of(folder)
    assert (run.verdict, run.exit_code) == ("fail", 1)
    assert "listSessions answered otherwise than the contract says, at 200 $.sessions" in run.sentence
    assert [finding.rule for finding in folder.rows("findings.jsonl", Finding)] == ["load-conformance"]


def test_drift_is_told_and_passes(folder: RunFolder) -> None:
    kept(folder, reply({}, 418))
    assert run_of(folder).verdict == "pass"
    assert [finding.severity for finding in folder.rows("findings.jsonl", Finding)] == ["drift"]


def test_a_level_with_answers_that_nobody_can_use_fails(folder: RunFolder) -> None:
    def play(level: int, seconds: float) -> tuple[Run, RunFolder]:
        counts = {"requests": 10, "turns": 5, "refused_turns": 0, "answers_unusable": 2}
        return Run("load", "http://x", OPENWEBUI, counts=counts, verdict="fail"), folder

    search = Capacity(parse(["turn p95 < 1s"]), (), play, folder, budget=3_000, look=1)
    search.search(1, 1)
    assert {(row.outcome, row.limit) for row in search.tried} == {("fails", "server")}
    assert "2 of the answers that were held to the contract departed from it" in search.tried[0].why


def test_a_place_has_the_name_that_the_contract_suite_gives_it(folder: RunFolder) -> None:
    call = CONTRACT.call("getChat", "c1")
    document = {"chat": {"history": {"messages": {"m" * 2 * MOST_PLACE: {"role": 7}}}}}
    one = Reply(call, 200, {"content-type": "application/json"}, json.dumps(document).encode())
    kept(folder, one)
    log = Log(CONTRACT, "http://target.invalid", Acceptance(None))
    log.hear(SOMEBODY, call, one)
    places = {finding.where for finding in check(folder, CONTRACT, Acceptance(None)).findings}
    assert places == {finding.where for finding in log.findings.values()}
    assert max(map(len, places)) == MOST_PLACE
