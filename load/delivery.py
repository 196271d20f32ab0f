"""What a streamed reply came to: its text, when its tokens came, and how it ended.

    delivery = read(client.stream(call))
    delivery.ended        # "done", "cut", "aborted", "error" or "deadline"; see `seatrial.samples.Turned`

Tools that look at the status alone take a stream that just stops for a success, and one that tells of an error inside
a 200 as well. It is read when it is over: its pieces have their moments from the kernel, so that nothing is lost by
waiting, and others are not kept from theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from seatrial.exchange import Reply
from seatrial.streams import read as read_stream


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed answer: its pieces, each with the seconds from when the request had left, and how it ended.

    `broke` says why the body has no end: the connection broke, or the time was up (`late`); "" where it has one.
    """

    reply: Reply
    pieces: list[tuple[float, bytes]]
    broke: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """A reply. Times are milliseconds since the request had left; `first` is None where no token came."""

    text: str
    ended: str
    ms: float
    first: float | None
    gaps: tuple[float, ...]
    why: str = ""


def read(streamed: Streamed) -> Delivery:
    """How a stream ended, and at what pace it came."""
    reading = read_stream(streamed.pieces)
    moments = [round(moment * 1000, 3) for moment in reading.token_times]
    ended, why = _end(streamed, bool(reading.done), reading.errors)
    return Delivery(
        reading.text,
        ended,
        round(streamed.reply.seconds * 1000, 3),
        moments[0] if moments else None,
        tuple(round(later - earlier, 3) for earlier, later in pairwise(moments)),
        why,
    )


def _end(streamed: Streamed, done: bool, errors: list[str]) -> tuple[str, str]:
    if streamed.reply.status != 200:
        return "refused", str(streamed.reply)
    if errors:
        return "error", errors[0]
    if done:  # what breaks after that, nobody misses
        return "done", ""
    if streamed.late:
        return "deadline", streamed.broke
    return ("aborted", streamed.broke) if streamed.broke else ("cut", "it ended without [DONE]")
