"""The client, and what reads for it, under answers that are meant to do harm: each ends in time, in one of few ways."""

from __future__ import annotations

import json
import time

import pytest
from hostile_server import Writes, hostile
from nastiness import BIG, BROKEN, ENDLESS, EVERY, ODD, body, bomb

from contract_tests.stream import faults
from seatrial.client import MAX_BODY, Client
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected
from seatrial.parsing import MAX_DEPTH, MAX_VALUES, parse
from seatrial.reading import member, names_one, number, shown, success
from seatrial.schemas import MOST_FAULTS
from seatrial.streams import MOST_NOTED, read
from seatrial.target import Account, Target
from seatrial.unpacking import PIECE, Unpacker

TIMEOUT = 0.4
ANA = Account("ana", "token-of-ana")
CONTRACT = Contract.load()
NOWHERE = "http://127.0.0.1:9"


def asked(do: Writes, timeout: float = TIMEOUT) -> tuple[Reply | NoAnswer, float]:
    """What comes of a call that is answered like this, and after how many seconds."""
    with hostile(NOWHERE, {"listSessions": do}) as server, Client(Target(server.url, timeout=timeout), ANA) as client:
        started = time.monotonic()
        try:
            outcome: Reply | NoAnswer = client.send(CONTRACT.call("listSessions"))
        except NoAnswer as failure:
            outcome = failure
        return outcome, time.monotonic() - started


@pytest.mark.parametrize("name", EVERY)
def test_every_answer_ends_in_time_and_is_read_checked_and_shown_without_harm(name: str) -> None:
    outcome, seconds = asked(EVERY[name])
    assert seconds < TIMEOUT + 1  # the deadline, and a busy machine
    assert outcome.seconds <= seconds
    if isinstance(outcome, NoAnswer):
        assert 0 < len(outcome.reason) < 300
        return
    assert len(outcome.body) <= MAX_BODY
    faults = list(CONTRACT.violations(outcome))
    assert len(faults) <= MOST_FAULTS
    assert len(str(outcome)) < 1000


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a header byte now and then", "no answer within 0.4 s"),
        ("a status line that never ends", "no answer within 0.4 s"),
        ("interim answers without end", "no answer within 0.4 s"),
        ("silence", "no answer within 0.4 s"),
        ("headers without end", "the connection broke before an answer"),
        ("one header without end", "the connection broke before an answer"),
        ("a huge header block", "the connection broke before an answer"),
        ("many headers", "the connection broke before an answer"),
        ("no answer", "the connection broke before an answer"),
        ("a reset before the answer", "the connection broke before an answer"),
        ("a reset in the headers", "the connection broke before an answer"),
    ],
)
def test_what_never_becomes_an_answer_says_why(name: str, words: str) -> None:
    outcome, _ = asked(EVERY[name])
    assert isinstance(outcome, NoAnswer)
    assert words in outcome.reason


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("a body without end", "size"),
        ("a body without end or length", "size"),
        ("100 MB", "size"),
        ("a million rows", "size"),
        ("a bomb", "size"),
        ("a byte now and then", "deadline"),
        ("a trailer without end", "deadline"),
        ("silence in the body", "deadline"),
        ("a reset in the body", "closed"),
        ("an end in the body", "closed"),
        ("an encoding that it is not", "encoding"),
        ("half of a gzip", "encoding"),
    ],
)
def test_a_body_that_is_not_whole_says_why(name: str, cut: str) -> None:
    # What comes as fast as this machine sends it has more time: the size is to be the reason, however busy it is.
    outcome, _ = asked(EVERY[name], 10.0 if cut == "size" else TIMEOUT)
    assert isinstance(outcome, Reply)
    assert outcome.cut == cut
    with pytest.raises(Unexpected, match="cut short"):
        success(outcome)


def test_a_body_that_falls_silent_late_has_what_is_left_of_the_time_and_not_all_of_it_again() -> None:
    def late(peer: object) -> None:
        peer.wait(0.3)  # type: ignore[attr-defined]
        ENDLESS["silence in the body"](peer)  # type: ignore[arg-type]

    outcome, seconds = asked(late)
    assert isinstance(outcome, Reply)
    assert (outcome.cut, outcome.body) == ("deadline", b"[")
    assert seconds < TIMEOUT + 0.3


@pytest.mark.parametrize(
    "name", ["nested arrays", "nested objects", "a huge integer", "NaN", "Infinity", "no UTF-8", "UTF-16"]
)
def test_what_is_no_json_for_a_browser_is_none_here(name: str) -> None:
    outcome, _ = asked(ODD[name])
    assert isinstance(outcome, Reply)
    with pytest.raises(Unexpected, match="a JSON body"):
        outcome.document()


def test_credentials_and_cookies_stay_with_the_target() -> None:
    with hostile(NOWHERE, {"listSessions": BROKEN["another place"], "getModelInfo": BROKEN["cookies"]}) as server:
        target = Target(server.url, timeout=30, headers={"X-Door": "secret"})
        with Client(target, ANA) as client:
            assert client.send(CONTRACT.call("listSessions")).status == 307
            for _ in range(2):
                client.reconnect()  # the server leaves without a word after each answer
                assert client.send(CONTRACT.call("getModelInfo")).status == 200
    assert server.elsewhere_got == []
    assert all("cookie" not in headers for headers in server.heard)


# --- the parts


def test_a_bomb_is_unpacked_piece_by_piece_and_only_as_far_as_somebody_reads() -> None:
    unpacker, read = Unpacker("gzip"), 0
    for piece in unpacker.feed(bomb(64)):
        assert len(piece) <= PIECE
        read += len(piece)
        if read > 1_000_000:
            break
    assert read < 1_000_000 + PIECE


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "GZIP"])
def test_what_is_packed_comes_out_whole(name: str) -> None:
    packed = bomb(2)
    unpacker = Unpacker(name)
    halves = [packed[:700], packed[700:]]
    assert b"".join(piece for half in halves for piece in unpacker.feed(half)) == b" " * 2 * 1_048_576
    unpacker.finish()


def test_deflate_is_unpacked_with_its_header_and_without() -> None:
    import zlib

    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for packed in (zlib.compress(b"hello"), raw.compress(b"hello") + raw.flush()):
        assert b"".join(Unpacker("deflate").feed(packed)) == b"hello"


def test_json_is_bounded_in_depth_values_and_digits() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert parse(deep)
    for text in (
        "[" + deep + "]",
        "[" + "1," * MAX_VALUES + "1]",
        "9" * 5000,
        "[NaN]",
        "[1",
        b'"\xff"',
        b"\xff\xfe1\0",
    ):
        with pytest.raises(ValueError, match=r"."):
            parse(text)
    assert parse(b"\xef\xbb\xbf[1]") == [1]


def test_numbers_ids_and_values_of_any_kind_can_be_read_and_shown() -> None:
    assert number(10**400) is None
    assert number(json.loads("1e999")) == float("inf")
    for odd in ("", ".", "..", "\ud800", "x" * 10_000, None, 5, ["a"]):
        assert not names_one(odd)
    nested: list[object] = []
    for _ in range(5_000):
        nested = [nested]
    assert len(shown(nested)) <= 130
    assert len(shown("x" * 10_000_000)) <= 130
    assert len(shown([{"a": "b" * 1000}] * 100_000)) <= 130
    reply = Reply(Call("listSessions", "GET", "/"), 200, {}, b"")
    with pytest.raises(Unexpected) as failure:
        member(reply, {"id": nested}, "id", str)
    assert len(str(failure.value)) < 500


def test_rows_beyond_a_thousand_are_checked_at_both_ends_and_a_wrong_field_is_told_once() -> None:
    call = CONTRACT.call("listSessions")
    rows = [{"id": f"s{number}", "created_at": 1} for number in range(5_000)]
    rows[-1] = {"id": 7, "created_at": 1}
    sent = Reply(call, 200, {"content-type": "application/json"}, json.dumps({"sessions": rows}).encode())
    assert [fault.where.partition("[")[0] for fault in CONTRACT.violations(sent)] == ["$.sessions"]
    rows = [{"id": number, "created_at": 1} for number in range(5_000)]
    sent = Reply(call, 200, {"content-type": "application/json"}, json.dumps({"sessions": rows}).encode())
    assert len(list(CONTRACT.violations(sent))) == 1


def test_a_small_answer_in_a_big_one_is_still_read() -> None:
    outcome, _ = asked(body(json.dumps({"sessions": []}).encode() + b" " * 1_000_000), 5)
    assert isinstance(outcome, Reply)
    assert success(outcome) == {"sessions": []}
    outcome, _ = asked(BIG["rows that just fit"], 10)
    assert isinstance(outcome, Reply)
    assert len(success(outcome)["sessions"]) > 50_000


def test_a_stream_of_a_million_odd_events_is_read_and_only_its_first_faults_are_kept() -> None:
    odd = ["x", "[" * 50_000, "NaN", "5", '{"choices": 5}', '{"choices": [null]}', '{"choices": [{"delta": "x"}]}',
           '{"error": {"a": "' + "b" * 5_000 + '"}}', '{"choices": [{"delta": {"content": "x"}}]}']  # fmt: skip
    chunk = "".join(f"data: {data}\n\n" for data in odd).encode()
    reading = read((0.1 * number, chunk) for number in range(300))
    assert reading.text == "x" * 300
    assert len(reading.malformed) == len(reading.errors) == MOST_NOTED
    assert all(len(text) <= 1_000 for text in [*reading.malformed, *reading.errors])
    assert next(faults(reading))[0] == "stream-framing"
