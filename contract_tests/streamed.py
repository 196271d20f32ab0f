"""A completion asked for as a stream and read to its end, with the moments of its tokens."""

from __future__ import annotations

from dataclasses import dataclass

from contract_tests.quota import refuse
from contract_tests.stream import is_under_way, made_at
from seatrial.completions import Form, completion
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.exchange import Reply
from seatrial.streams import Reading, read
from seatrial.verbs import VERB_OPERATIONS

OPERATION = VERB_OPERATIONS[OPENWEBUI]["send_message"]


@dataclass(frozen=True)
class Streamed:
    """`moments` are those of its tokens, thoughts included, in seconds since the request was sent."""

    reply: Reply
    reading: Reading
    moments: list[float]

    @property
    def is_too_slow(self) -> bool:
        """Left at the deadline while tokens still came: no more can be said than that there were many."""
        return self.reply.cut == "deadline" and is_under_way(self.moments, self.reply.seconds)

    @property
    def is_whole(self) -> bool:
        return self.reply.status == 200 and self.reply.cut is None and self.reading.done > 0 and bool(self.moments)


def streamed(crew: Crew, person: Person, asked: str) -> Streamed:
    """Raises `NoAnswer` where none begins, and `Refused` where it tells that the model's provider takes no more."""
    call = crew.contract.call(OPERATION, json=completion(Form.STREAM, crew.model, asked))
    with person.client.stream(call) as answer:
        chunks = list(answer.chunks())
        reading = read(chunks)
        refuse(reading.errors)
        return Streamed(answer.reply(), reading, made_at(chunks))
