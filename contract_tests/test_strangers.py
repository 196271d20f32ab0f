"""Without credentials, or with wrong ones, nothing that is somebody's is given.

Wrong ones are made up, or nearly right: the owner's own token with something changed. 401, 403 and 404 all refuse.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from contract_tests.check import Checker
from contract_tests.scenes import Made, new_session
from contract_tests.trespass import (
    REFUSED,
    SENT_AWAY,
    attempts,
    chat_now,
    history_now,
    is_sent_away,
    owned_chat,
    refused,
)
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.crew import Crew, Person
from seatrial.exchange import Call
from seatrial.reading import success

GARBAGE = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6InNlYXRyaWFsIn0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Shaped like a token, signed by nobody."""


@pytest.mark.api(OPENWEBUI)
@pytest.mark.parametrize("who", ["anonymous", "garbage token", "garbage key"])
def test_strangers_are_refused(crew: Crew, owner: Person, check: Checker, made: Made, who: str) -> None:
    token = {"anonymous": None, "garbage token": GARBAGE, "garbage key": "sk-" + "0" * 32}[who]
    stranger = crew.stranger(token)
    rule = "wrong-credentials-refused" if token else "anonymous-refused"
    session, before = owned_chat(crew, owner, made)
    for call in attempts(crew, session, "Injected by a stranger"):
        reply = stranger.client.send(call)
        # Without an account even "not found" tells too much, but 403 and 404 let nobody in.
        check.that(
            rule, call.operation, refused(reply), "401", str(reply), f"{who}: status {reply.status}",
            reply=reply, account=stranger.account,
        )  # fmt: skip
    check.equal("owner-unharmed", "getChat", before, chat_now(crew, owner, session), f"{who}: the chat")
    stranger.client.close()


@pytest.mark.api(SESSIONS)
def test_what_belongs_to_somebody_is_closed_to_strangers(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    if owner.account.token is None:
        check.skip(
            "wrong-credentials-refused",
            "listSessions",
            "the deployment was reached without credentials: it may be open on purpose",
        )
        pytest.skip("no credentials in use")
    session = new_session(crew, owner, made)
    before, call = history_now(crew, owner, session), crew.contract.call
    owned = [
        call("getHistory", session.id),
        call("sendMessage", json={"prompt": "Injected by a stranger", "session_id": session.id}),
        call("deleteSession", session.id),
    ]
    anybody = crew.stranger()
    # The model may be told to anybody; where it is not, it is not told to a token that nobody has either.
    told = anybody.client.send(call("getModelInfo")).status not in REFUSED
    anybody.client.close()
    closed = [call("listSessions"), call("createSession"), *([] if told else [call("getModelInfo")]), *owned]
    # Without credentials the API may be open; what belongs to somebody is closed all the same.
    for token, calls in ((GARBAGE, closed), (None, owned)):
        stranger = crew.stranger(token)
        rule = "wrong-credentials-refused" if token else "anonymous-refused"
        for one in calls:
            reply = stranger.client.send(one)
            if one.operation == "listSessions" and reply.status == 200:
                answered = "200 to a token that nobody has; give no --token to a deployment that is open"
                check.that(
                    rule, one.operation, False, "401", answered, "status 200", reply=reply, account=stranger.account
                )
                return
            check.that(
                rule, one.operation, reply.status in REFUSED, "401", str(reply),
                f"status {reply.status}", reply=reply, account=stranger.account,
            )  # fmt: skip
    check.equal("owner-unharmed", "getHistory", before, history_now(crew, owner, session), "the owner's history")


def test_a_token_that_is_nearly_right_is_refused(crew: Crew, owner: Person, check: Checker, made: Made) -> None:
    token = owner.account.token
    if token is None:
        check.skip("wrong-credentials-refused", "listSessions", "the deployment was reached without credentials")
        pytest.skip("no credentials in use")
    if crew.api == SESSIONS:
        session = new_session(crew, owner, made)
        read = crew.contract.call("getHistory", session.id)
    else:
        session, _ = owned_chat(crew, owner, made)
        read = crew.contract.call("getChat", session.id)
    for name, given in _nearly(token):
        _is_refused(crew, check, read, given, name)
    _is_refused(crew, check, read, "undefined", "the word undefined")  # as a broken page sends it


@pytest.mark.api(OPENWEBUI)
def test_strangers_see_only_the_public_settings(crew: Crew, owner: Person, check: Checker) -> None:
    """The same address answers both: what stands in between may hand one person's answer to another."""
    stranger, call = crew.stranger(), crew.contract.call("getConfig")
    for view, first, second in (("after an account", owner, stranger), ("after a stranger", stranger, owner)):
        if second is owner and owner.account.is_key:
            check.skip("valid-use", "getConfig", "an API key is answered as a stranger is")
            continue
        first.client.send(call)
        reply = second.client.send(call)
        if second is stranger and is_sent_away(reply):
            check.skip("anonymous-refused", "getConfig", SENT_AWAY)
            continue
        settings = success(reply)
        asked = sorted(settings) if isinstance(settings, dict) else []
        for name in ("permissions", "audio"):
            told, right = name in asked, second is owner
            rule = "valid-use" if right else "anonymous-refused"
            check.that(
                rule,
                "getConfig",
                told == right,
                f"{'with' if right else 'without'} {name}",
                f"{list(asked)}"[:200],
                view,
            )
    stranger.client.close()


def _is_refused(crew: Crew, check: Checker, call: Call, token: str | None, name: str) -> None:
    stranger = crew.stranger(token)
    reply = stranger.client.send(call)
    check.that(
        "wrong-credentials-refused", call.operation, refused(reply), "401", str(reply),
        f"{name}: status {reply.status}",
        reply=reply, account=stranger.account,
    )  # fmt: skip
    stranger.client.close()


def _nearly(token: str) -> Iterator[tuple[str, str]]:
    """(what is wrong, a token) that somebody careless might take for the token given."""
    if token.swapcase() != token:
        yield "the token in other letters", token.swapcase()
    yield "more behind the token", token + "x"
    yield "the token's first half", token[: len(token) // 2]
    head, _, rest = token.partition(".")
    payload, dot, signature = rest.partition(".")
    if dot and signature:
        middle = len(signature) // 2
        other = "A" if signature[middle] != "A" else "B"
        yield "another signature", f"{head}.{payload}.{signature[:middle]}{other}{signature[middle + 1 :]}"
        unsigned = json.dumps({"alg": "none", "typ": "JWT"}).encode()
        yield "no signature", f"{base64.urlsafe_b64encode(unsigned).decode().rstrip('=')}.{payload}."
