"""Nobody sees or changes what is somebody else's; without credentials nothing is given at all.

401, 403 and 404 are all refusals. After each refused write the owner's copy is compared with what it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from contract_tests.check import Checker
from contract_tests.passwords import not_asked_for
from contract_tests.scenes import Made, search
from contract_tests.trespass import REFUSED, attempts, chat_now, history_now, owned_chat, refused
from seatrial.accounts import new_password, throwaway
from seatrial.completions import new_id
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.crew import Crew, Person
from seatrial.markers import MAIL_DOMAIN
from seatrial.reading import held, success
from seatrial.target import SHORT_LIVED, Account
from seatrial.verbs import Session

RULES = {
    "getChat": "other-cannot-read",
    "updateChat": "other-cannot-write",
    "editMessage": "other-cannot-write",
    "deleteMessage": "other-cannot-write",
    "createChatCompletion": "other-cannot-write",
    "deleteChat": "other-cannot-delete",
}
"""What a second account is kept from, by the operation with which it tries."""

PAIRS = [(rule, operation) for operation, rule in RULES.items()]
LISTS = [("other-cannot-list", operation) for operation in ("listChats", "searchChats")]


@pytest.mark.api(OPENWEBUI)
@pytest.mark.rules(*PAIRS, *LISTS, ("other-cannot-write", "stopChatTasks"))
def test_a_second_account_is_kept_out(crew: Crew, owner: Person, other: Person, check: Checker, made: Made) -> None:
    session, before = owned_chat(crew, owner, made)
    sees_models = bool(other.actor.get_model_info())
    for call in attempts(crew, session, "Injected by another account"):
        rule = RULES.get(call.operation)
        if rule is None:
            continue
        if call.operation == "createChatCompletion" and not sees_models:
            check.skip(rule, call.operation, "who sees no model is refused for that already")
            continue
        if call.operation == "deleteChat" and not other.account.deletes:
            check.skip(rule, call.operation, "who may not delete any chat is refused for that already")
            continue
        reply = other.client.send(call)
        check.that(
            rule, call.operation, reply.status in REFUSED, "401, 403 or 404", str(reply), f"status {reply.status}",
            reply=reply, account=other.account,
        )  # fmt: skip
        check.equal("owner-unharmed", call.operation, before, chat_now(crew, owner, session), "the owner's chat")
    _not_listed(crew, other, check, session, "listChats")
    found = session.id in search(crew, other, crew.marker)
    check.that("other-cannot-list", "searchChats", not found, "not found", "found", "list")
    tasks = other.client.send(crew.contract.call("stopChatTasks", session.id))
    check.that(
        "other-cannot-write",
        "stopChatTasks",
        tasks.status in (200, *REFUSED),
        "a refusal, or nothing to stop",
        str(tasks),
        f"status {tasks.status}",
    )


TAKEN_FOR_SOMEBODY = "strangers are taken for somebody here, whose own key it would be"


@pytest.mark.api(OPENWEBUI)
def test_administration_is_closed_to_others(crew: Crew, owner: Person, check: Checker) -> None:
    """Tried on throwaway accounts and made-up ids: where the door is open, nobody is harmed by walking in."""
    if owner.account.role in ("admin", None):
        # An administrator may, and an API key does not say whether it is one's.
        reason = "the account is an administrator's, or does not say whether it is"
        check.skip("administration-closed", "addUser", reason)
        pytest.skip(reason)
    call = crew.contract.call
    email, password = f"{crew.marker}-uninvited@{MAIL_DOMAIN}", secrets.token_urlsafe(18)
    uninvited = {"name": crew.marker, "email": email, "password": password, "role": "user"}
    calls = [
        call("addUser", json=uninvited),
        call("searchUsers", query={"query": crew.marker}),
        call("deleteUser", new_id()),
    ]
    keys = [call("createApiKey"), call("getApiKey"), call("deleteApiKey")]
    stranger = crew.stranger()
    if not refused(stranger.client.send(call("getCurrentUser"))):
        # They name nobody: they would replace and remove the key of whomever the stranger is taken for.
        for one in keys:
            check.skip("administration-closed", one.operation, TAKEN_FOR_SOMEBODY)
        keys = []
    # Any account may look other people up (to share with them), so only strangers are kept from that.
    for person, tried in ((owner, [calls[0], calls[2]]), (stranger, calls + keys)):
        for one in tried:
            reply = person.client.send(one)
            check.that(
                "administration-closed", one.operation, refused(reply) and reply.status != 404, "401", str(reply),
                f"{person.account.role or 'anonymous'}: status {reply.status}", reply=reply, account=person.account,
            )  # fmt: skip
    stranger.client.close()


@pytest.mark.api(SESSIONS)
@pytest.mark.rules(
    ("other-cannot-read", "getHistory"),
    ("other-cannot-write", "sendMessage"),
    ("other-cannot-delete", "deleteSession"),
    ("other-cannot-list", "listSessions"),
)
def test_another_owner_meets_nothing(
    crew: Crew, owner: Person, other: Person, check: Checker, prompt: Callable[..., str], made: Made
) -> None:
    session = owner.actor.create_session()
    made.append((owner, session.id))
    owner.actor.send_message(session, prompt())
    before = history_now(crew, owner, session)
    calls = {
        "other-cannot-read": crew.contract.call("getHistory", session.id),
        "other-cannot-write": crew.contract.call("sendMessage", json={"prompt": prompt(), "session_id": session.id}),
        "other-cannot-delete": crew.contract.call("deleteSession", session.id),
    }
    for rule, call in calls.items():
        reply = other.client.send(call)
        check.that(
            rule,
            call.operation,
            reply.status == 404,
            "404, as for a missing session",
            str(reply),
            f"status {reply.status}",
            reply=reply,
            account=other.account,
        )
        check.equal("owner-unharmed", call.operation, before, history_now(crew, owner, session), "the owner's history")
    _not_listed(crew, other, check, session, "listSessions")


@pytest.mark.api(OPENWEBUI)
def test_an_account_can_sign_in_until_it_is_removed(
    crew: Crew, owner: Person, check: Checker, made: Made, features: Mapping[str, Any]
) -> None:
    if crew.admin is None:
        check.skip("wrong-credentials-refused", "getCurrentUser", "needs --admin, to remove an account made for this")
        pytest.skip("needs --admin")
    password = new_password()
    account = throwaway(crew.admin.client, crew.contract, crew.marker, SHORT_LIVED, password)
    person = crew.person(account)
    if reason := not_asked_for(features):
        check.skip("valid-use", "signIn", reason)
    else:
        _signs_in(crew, check, account, password)
    again = {"name": "twin", "email": account.email, "password": password, "role": "user"}
    with check.log.provoking():
        for name, body in (("an address that is taken", again), ("no address", {"name": "nobody"})):
            refused = crew.admin.client.send(crew.contract.call("addUser", json=body))
            check.that(
                "bad-input-refused", "addUser", 400 <= refused.status < 500, "a 4xx", str(refused), name, reply=refused
            )
    for operation in ("getCurrentUser", "listChats"):
        reply = person.client.send(crew.contract.call(operation))
        check.that(
            "valid-use",
            operation,
            reply.status == 200,
            "200",
            str(reply),
            f"new account: status {reply.status}",
            reply=reply,
            account=account,
        )
    assert account.id is not None
    removed = crew.admin.client.send(crew.contract.call("deleteUser", account.id))
    check.that(
        "valid-use", "deleteUser", removed.status == 200, "200", str(removed), f"status {removed.status}", reply=removed
    )
    session, before = owned_chat(crew, owner, made)
    for call in [*attempts(crew, session, "Injected by a removed account"), crew.contract.call("createApiKey")]:
        reply = person.client.send(call)
        check.that(
            "wrong-credentials-refused", call.operation, reply.status in REFUSED, "401", str(reply),
            f"removed account: status {reply.status}", reply=reply, account=account,
        )  # fmt: skip
    check.equal("owner-unharmed", "getChat", before, chat_now(crew, owner, session), "removed account: the chat")
    person.client.close()


def _signs_in(crew: Crew, check: Checker, account: Account, password: str) -> None:
    stranger = crew.stranger()
    login = {"email": account.email, "password": password}
    signed_in = stranger.client.send(crew.contract.call("signIn", json=login))
    if signed_in.status in (403, 429):
        reason = "sign-in with passwords is off" if signed_in.status == 403 else "too many sign-ins for now"
        check.skip("valid-use", "signIn", reason)
    else:
        known = success(signed_in)
        check.equal("valid-use", "signIn", (account.id, account.role), (held(known, "id"), held(known, "role")), "$.id")
    stranger.client.close()


def _not_listed(crew: Crew, other: Person, check: Checker, session: Session, operation: str) -> None:
    ids = [row.id for row in other.actor.list_sessions()]
    check.that("other-cannot-list", operation, session.id not in ids, "not in the list", "listed", "list")
