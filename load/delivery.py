"""What a streamed reply came to: its text, when its tokens came, and how it ended.

    delivery = read(client.stream(call))
    delivery.ended        # "done", "cut", "aborted", "error" or "deadline"; see `seatrial.samples.Turned`

Tools that look at the status alone take a stream that just stops for a success, and one that tells of an error inside
a 200 as well. It is read when it is over: its pieces have their moments from the kernel, so that nothing is lost by
waiting, and others are not kept from theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from seatrial.delivered import Delivered
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


@dataclass
class Told:
    """What was heard of one reply: the text, when each piece came, and when it was over, on `time.perf_counter`."""

    delivered: Delivered = field(default_factory=Delivered)
    moments: list[float] = field(default_factory=list)
    over_at: float | None = None

    def take(self, data: dict[str, Any], moment: float) -> None:
        if self.delivered.take(data):
            self.moments.append(moment)
        if self.over_at is None and (self.delivered.done or self.delivered.errors):
            self.over_at = moment


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


def heard(told: Told, left: float, now: float, lost: str, is_running: bool) -> Delivery:
    """How a reply came over the socket whose request had left at that moment; all on `time.perf_counter`.

    `lost` says why the socket is no more; of one that just fell silent, `is_running` says whether its task goes on.
    """
    moments = [round((moment - left) * 1000, 3) for moment in told.moments]
    text = next(iter(told.delivered.texts), "")
    if told.delivered.errors:
        ended, why = "error", told.delivered.errors[0]
    elif told.delivered.done:
        ended, why = ("done", "") if text.strip() else ("empty", "the socket told of no text")
    elif lost:
        ended, why = "aborted", lost
    elif is_running:
        ended, why = "deadline", f"no end within {now - left:.3g} s"
    else:
        ended, why = "cut", "the reply was complete, and the socket never said so"
    over = told.over_at or (now if is_running or not told.moments else told.moments[-1])
    return Delivery(
        text,
        ended,
        round((over - left) * 1000, 3),
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
