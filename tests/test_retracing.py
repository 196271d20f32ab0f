"""Recorded steps come out of a file that anybody may have written: nothing is sent that could reach somebody's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_runs import finding, verify_run

from contract_tests.log import Log
from contract_tests.retracing import Retracer, Unsendable, same
from seatrial.contract import OPENWEBUI, Contract
from seatrial.crew import Crew
from seatrial.known import Acceptance
from seatrial.ledger import Ledger
from seatrial.probe import Deployment
from seatrial.target import Account, Target

CONTRACT = Contract.load()
SOMEBODY = str(uuid.uuid4())
ADDED = {"name": "x", "email": "x@seatrial.invalid", "password": "<secret 1>", "role": "user"}


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """An owner who was given, a throwaway account and an administrator, of a target where nothing listens."""
    target = Target("http://127.0.0.1:9", OPENWEBUI)
    made = Crew(target, Deployment(OPENWEBUI), CONTRACT, Ledger(tmp_path / "ledger.jsonl"), "seatrial-0a0a0a0a")
    given, throwaway = Account("account 1", "t" * 20), Account("throwaway 2", "u" * 20, disposable=True, throwaway=True)
    made.people = [made.person(given), made.person(throwaway)]
    made.admin = made.person(Account("admin", "v" * 20, role="admin"))
    everyone = [*made.people, made.admin]
    yield made
    for person in everyone:
        person.client.close()
    made.ledger.close()


def step(account: str, operation: str, path: str = "", **more: Any) -> dict[str, Any]:
    described = CONTRACT.operation(operation)
    call = {"operation": operation, "method": described.method, "path": path or described.path}
    return {"account": account, "status": 200, "call": call | more}


def retraced(crew: Crew, *steps: Any, test: str = "test_changes.py::test_it") -> list[int]:
    """The statuses that came; nothing listens, so that what was sent has none."""
    accounts = [{"label": "account 1"}, {"label": "throwaway 2"}, {"label": "admin"}]
    log = Log(CONTRACT, crew.target.url, Acceptance(None))
    found = finding(steps=tuple(steps), test=test)
    return [one.status for one in Retracer(found, verify_run(accounts=accounts), crew, log).steps()]


@pytest.mark.parametrize(
    "taken",
    [
        step("throwaway 2", "updateChat", f"/api/v1/chats/{SOMEBODY}", body='{"chat": {}}'),
        step("throwaway 2", "deleteApiKey"),
        step("account 1", "createChat", body='{"chat": {}}'),
        step("account 1", "deleteChat", f"/api/v1/chats/{SOMEBODY}"),  # an id that nobody brought is another one now
        step("admin", "addUser", body=str(ADDED).replace("'", '"')),
        step("admin", "getCurrentUser"),
        step("anonymous", "signIn", body='{"email": "nobody@seatrial.invalid", "password": "<secret 1>"}'),
    ],
)
def test_what_touches_only_what_the_run_made_is_sent(crew: Crew, taken: dict[str, Any]) -> None:
    assert retraced(crew, taken) == [0]


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        (step("account 1", "deleteApiKey"), "throwaway accounts only"),
        (step("admin", "deleteUser", "/api/v1/users/the-owner"), "throwaway accounts only"),
        (step("account 1", "deleteChat", "/api/v1/chats/a-chat-with-a-name"), "did not make"),
        (step("throwaway 2", "deleteChat", "/api/v1/chats/"), "not one of its requests"),
        (step("throwaway 2", "deleteChat", "/api/v1/chats/%2e%2e"), "not one of its requests"),
        (step("admin", "getChat", "/api/v1/users/all"), "not one of its requests"),
        (step("admin", "addUser", body='{"email": "me@example.org", "role": "user"}'), "not of the run"),
        (step("admin", "addUser", body='{"email": "x@seatrial.invalid", "role": "admin"}'), "not of the run"),
        (step("anonymous", "signIn", body='{"email": "you@example.org", "password": "a"}'), "not of the run"),
        (step("throwaway 7", "listChats"), "nobody stands"),
        (step("throwaway 2", "createChat", left_out=100_000), "too long"),
        ({"account": "throwaway 2", "call": {"operation": "nothing"}}, "no operation"),
        ({"account": "throwaway 2"}, "cannot be read"),
        ("text", "cannot be read"),
    ],
)
def test_what_could_reach_something_else_is_not(crew: Crew, taken: Any, words: str) -> None:
    with pytest.raises(Unsendable, match=words):
        retraced(crew, taken)


def test_generated_writes_go_to_accounts_that_may_be_written_to(crew: Crew) -> None:
    with pytest.raises(Unsendable, match="written to freely"):
        retraced(crew, step("account 1", "createChat"), test="test_conformance.py::test_generated_requests[createChat]")


def test_two_accounts_of_a_run_are_never_one(crew: Crew) -> None:
    crew.people = crew.people[:1]
    with pytest.raises(Unsendable, match="more accounts than were given"):
        retraced(crew, step("account 1", "listChats"), step("throwaway 2", "listChats"))


def test_a_wrong_status_in_the_place_of_another_is_the_same_finding() -> None:
    first = finding(where="status 500, plain completions")
    assert same(first, finding(where="status 502, plain completions"))
    assert not same(first, finding(where="status 500, streamed completions"))
    assert not same(finding(where="200 $.id"), finding(where="200 $.title"))
