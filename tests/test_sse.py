"""Server-sent events come in pieces of any size: what is read must not depend on where they were cut."""

from __future__ import annotations

from itertools import chain, pairwise

import pytest

from seatrial.sse import DONE, MAX_EVENT, Event, EventReader

STREAM = (
    "\ufeff: hello\n"
    "data: plain\n\n"
    "event: note\r\nid: 7\r\ndata: two\r\ndata:  lines 👩‍🚀\r\n\r\n"
    "data: carriage\rdata: returns\r\r"
    "data\n\n"
    "unknown: field\nretry: 5\n\n"
    'data: {"text": "a\u2028b\u0085c"}\n\n'
    "data: [DONE]\n\n"
)
EVENTS = [
    Event("plain"),
    Event("two\n lines 👩‍🚀", "note", "7"),
    Event("carriage\nreturns", id="7"),
    Event("", id="7"),
    Event('{"text": "a\u2028b\u0085c"}', id="7"),
    Event(DONE, id="7"),
]


def read(*pieces: bytes) -> tuple[list[Event], str]:
    reader = EventReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events, reader.close()


def test_a_stream_in_one_piece_yields_its_events_and_leaves_nothing() -> None:
    assert read(STREAM.encode()) == (EVENTS, "")


def test_it_makes_no_difference_at_which_byte_a_stream_is_cut() -> None:
    whole = STREAM.encode()
    for at in range(len(whole) + 1):
        assert read(whole[:at], b"", whole[at:]) == (EVENTS, ""), f"cut at byte {at}"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_small_pieces_make_no_difference(size: int) -> None:
    whole = STREAM.encode()
    cuts = [*range(0, len(whole), size), len(whole)]
    assert read(*(whole[left:right] for left, right in pairwise(cuts))) == (EVENTS, "")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_an_event_is_told_with_its_last_byte_and_does_not_wait_for_the_next(end: str) -> None:
    reader = EventReader()
    assert list(reader.feed(f"data: now{end}{end}".encode())) == [Event("now")]
    assert list(reader.feed(f"data: next{end}{end}".encode())) == [Event("next")]


@pytest.mark.parametrize(
    ("cut", "left"),
    [("data: hal", "data: hal"), ("data: whole line\n", "whole line\n"), ("data: a\n\ndata: b", "data: b")],
)
def test_what_had_begun_when_the_stream_ended_is_no_event_and_is_told(cut: str, left: str) -> None:
    events, unfinished = read(cut.encode())
    assert unfinished == left
    assert all(event.data == "a" for event in events)


def test_white_space_after_the_last_event_is_nothing_unfinished() -> None:
    assert read(b"data: a\n\n\n \n") == ([Event("a")], "")


def test_bytes_that_are_no_utf8_are_shown_and_do_not_end_the_reading() -> None:
    assert read(b"data: \xff\xfe!\n\n") == ([Event("\ufffd\ufffd!")], "")


def test_comments_keep_a_stream_alive_and_say_nothing() -> None:
    assert read(b": ping\n\n: ping\n\n") == ([], "")


@pytest.mark.parametrize("endless", [b"data: " + b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_event_that_never_ends_is_given_up(endless: bytes) -> None:
    reader = EventReader()
    with pytest.raises(ValueError, match="an event of more than"):
        list(chain.from_iterable(reader.feed(endless) for _ in range(MAX_EVENT // 900)))
