"""Completions that are stored nowhere: plain, and streamed as server-sent events."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contract_tests.check import Checker
from contract_tests.scenes import Made, stored_nowhere
from contract_tests.slowness import skip_too_slow
from contract_tests.stream import faults, is_burst, stall
from contract_tests.streamed import OPERATION, streamed
from contract_tests.unstreamed import REASON, RULES, comes_in_pieces, is_whole
from contract_tests.verification import Verification
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.exchange import Unexpected

pytestmark = pytest.mark.api(OPENWEBUI)
LOOKED_AT = [(rule, OPERATION) for rule in ("stream-framing", "stream-finish", "stream-text", "stream-live")]
BROKEN = "\ufffd"
"""What stands in a text for bytes that are no character: a piece that ended within one was made into text by itself."""


def test_a_stream_is_whole_live_unstored_and_says_what_a_plain_reply_says(
    verification: Verification,
    crew: Crew,
    speaker: Person,
    check: Checker,
    prompt: Callable[..., str],
    full: bool,
    made: Made,
) -> None:
    asked, before = (
        prompt("Count from one to twenty in words, then write 🌊."),
        {row.id for row in speaker.actor.list_sessions()},
    )
    plain = [speaker.actor.send_message(None, asked).reply for _ in range(2)]
    bursts, stalls, texts = [], [], []
    for _ in range(4 if full else 2):
        told = streamed(crew, speaker, asked)
        reply, reading = told.reply, told.reading
        if is_whole(crew, reply):
            stored_nowhere(check, speaker, before, asked, OPERATION, "list: after a stream")
            if not comes_in_pieces(crew, speaker, asked, made):
                for rule in RULES:
                    check.skip(rule, OPERATION, REASON)
                pytest.skip(REASON)
        if reply.status != 200:
            raise Unexpected(reply, "200 and a stream")
        if not check.that(
            "stream-type", OPERATION, reply.media_type == "text/event-stream", "text/event-stream",
            f"{reply.media_type or 'no content type'}: {reply.excerpt(120)}", "content-type",
            reply=reply, account=speaker.account,
        ):  # fmt: skip
            return
        if told.is_too_slow:
            skip_too_slow(check, verification.slowness, LOOKED_AT)
        for rule in ("stream-framing", "stream-finish"):
            check.log.held(rule, OPERATION)
        for rule, where, expected, received in faults(reading):
            check.log.finding(rule, OPERATION, expected, received, where, reply, speaker.account)
        check.that(
            "stream-finish",
            OPERATION,
            reply.cut is None,
            "a stream that ends",
            f"none after {reply.seconds:.1f} s ({reply.cut})",
            "end",
            reply=reply,
        )
        if reply.cut == "deadline":  # once is enough to wait for
            return
        check.that("stream-text", OPERATION, bool(reading.text), "text", "no text at all", "no text", reply=reply)
        whole = BROKEN not in reading.text or BROKEN in "".join(plain)
        check.that(
            "stream-text", OPERATION, whole, "whole characters, as in a plain reply", repr(reading.text[:200]),
            "characters", reply=reply,
        )  # fmt: skip
        texts.append(reading.text)
        bursts.append(is_burst(told.moments, reading.ended))
        stalls.append(stall(reading))
        check.log.held("stream-live", OPERATION)
    stored_nowhere(check, speaker, before, asked, OPERATION, "list: after a stream")
    # A model that answers in its own words each time proves nothing here; where both ways agree with themselves, they
    # must agree with each other. Streams that differ though plain replies agree are told, and fail nothing.
    if plain[0] == plain[1] and len(set(texts)) == 1:
        check.equal("stream-text", OPERATION, plain[0], texts[0], "the deltas together", reply=reply)
    elif plain[0] == plain[1]:
        check.that(
            "stream-text", OPERATION, False, "streams that agree, as plain replies do",
            f"{len(set(texts))} different texts", "streams differ", reply=reply, severity="drift",
        )  # fmt: skip
    if all(stalls):
        check.log.finding(
            "stream-live", OPERATION, "tokens at an even pace",
            f"a pause of {min(stalls):.1f} s in the middle, each time", "stall", reply, speaker.account,
        )  # fmt: skip
    if all(bursts):
        check.log.finding(
            "stream-live", OPERATION, "tokens spread over the time of the reply",
            f"{len(told.moments)} tokens within {told.moments[-1] - told.moments[0]:.3f} s, "
            f"{told.moments[0]:.2f} s after the request: something in between buffers",
            "timing", reply, speaker.account,
        )  # fmt: skip
