"""Models that an administrator has set to stream never, or always: Open WebUI puts that over what a request asks for.

The setting itself is shown to administrators only. Where a stream was asked for and a whole reply came, the turn of a
browser tells the setting from a fault on the way: with the setting, that comes in one piece too.
"""

from __future__ import annotations

from contextlib import suppress

from contract_tests.budget import BudgetSpent
from contract_tests.scenes import Made, new_session
from contract_tests.stream import faults
from contract_tests.token_socket import TokenSocket
from seatrial.completions import Form, completion
from seatrial.crew import Crew, Person
from seatrial.exchange import NoAnswer, Reply, Unexpected, perform
from seatrial.openwebui import OpenWebUIVerbs, answer
from seatrial.reading import success
from seatrial.streams import read

OPERATION = "createChatCompletion"
EVENTS = "text/event-stream"

RULES = ("stream-type", "stream-framing", "stream-finish", "stream-text", "stream-live")
"""What is not checked of a model that does not stream."""

REASON = "the model is set not to stream"
ALWAYS = "streams whatever is asked, so no reply can be read as it should be; choose another --model"


def is_whole(crew: Crew, reply: Reply) -> bool:
    """Whether an answer is a complete plain reply, as the contract has it."""
    try:
        text = answer(reply, success(reply))
    except Unexpected:
        return False
    return bool(text) and not any(crew.contract.violations(reply))


def comes_in_pieces(crew: Crew, speaker: Person, asked: str, made: Made) -> bool:
    """Whether the model streams to a browser. False also where nothing can be heard over the socket."""
    verbs = speaker.actor.verbs
    if speaker.account.is_key or not isinstance(verbs, OpenWebUIVerbs):
        return False
    session = new_session(crew, speaker, made, "in pieces")
    with suppress(NoAnswer, Unexpected), TokenSocket(crew.target, speaker.account) as socket:
        perform(verbs.send_in_background(session, asked, socket.id), speaker.client.send)
        return socket.wait_for(session.id, crew.target.timeout).came > 1
    return False


def always_streams(crew: Crew, reply: Reply) -> bool:
    """Whether the answer to a request for a plain reply is that of a model which streams whatever is asked.

    A stored turn is then answered null, as one that asks for a stream is; a reply that is stored nowhere decides it.
    """
    body = reply.call.json
    plain = reply.call.operation == OPERATION and isinstance(body, dict) and body.get("stream") is False
    if not plain or reply.status != 200:
        return False
    return _is_stream(reply) or (reply.body.strip() == b"null" and _streams_a_plain_one(crew))


def _streams_a_plain_one(crew: Crew) -> bool:
    speaker = crew.speaker or crew.people[0]
    call = crew.contract.call(OPERATION, json=completion(Form.PLAIN, crew.model, "Say yes."))
    with suppress(NoAnswer, BudgetSpent):
        return _is_stream(speaker.client.send(call))
    return False


def _is_stream(reply: Reply) -> bool:
    """Whether an answer is a stream without a fault: anything else is for the rules to judge."""
    if reply.media_type != EVENTS or reply.cut:
        return False
    reading = read([(0.0, reply.body)])
    return bool(reading.text) and not any(faults(reading))
