"""What a test asks for: people, a way to say what was found, and the run's settings."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from contract_tests.budget import BudgetSpent
from contract_tests.check import Checker
from contract_tests.plugin import Plugin, pytest_configure
from contract_tests.scenes import goes_with_its_account
from contract_tests.verification import Verification
from seatrial.contract import SESSIONS, Contract
from seatrial.crew import Crew, Person
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.reading import held, success
from seatrial.verbs import VERB_OPERATIONS

MOST_LEFT = 40
"""Chats of throwaway accounts that go when these do. With more, a list has two pages, and reading it takes as long."""


@pytest.fixture(scope="session")
def verification(pytestconfig: pytest.Config) -> Verification:
    plugin = pytestconfig.pluginmanager.get_plugin("seatrial-verification")
    assert isinstance(plugin, Plugin)
    assert plugin.verification is not None
    return plugin.verification


@pytest.fixture
def crew(verification: Verification) -> Crew:
    return verification.crew


@pytest.fixture
def contract(crew: Crew) -> Contract:
    return crew.contract


@pytest.fixture
def check(verification: Verification) -> Checker:
    return Checker(verification.log)


@pytest.fixture
def full(verification: Verification) -> bool:
    """Whether the run is at full depth."""
    return verification.settings.depth == "full"


@pytest.fixture
def verb(crew: Crew) -> dict[str, str]:
    """The operation in which each verb shows."""
    return VERB_OPERATIONS[crew.api]


@pytest.fixture
def owner(crew: Crew) -> Person:
    """Who owns what a test makes."""
    return crew.people[0]


@pytest.fixture
def speaker(crew: Crew) -> Person:
    """Somebody who sees a model: the owner, or on a new installation the account that was given."""
    return crew.speaker or crew.people[0]


@pytest.fixture
def other(crew: Crew) -> Person:
    """A second ordinary account; never an administrator. Without one, what the test is marked with is not checked."""
    if reason := _alone(crew):
        pytest.skip(reason)
    return crew.people[1]


def _alone(crew: Crew) -> str:
    """Why there is no second ordinary account, "" where there is one. The advice of a report looks for these words."""
    if crew.api == SESSIONS and crew.people[0].account.token is None:
        return "the deployment was reached without credentials: it may be open on purpose"
    if len(crew.people) < 2:
        wanted = "two --token" if crew.api == SESSIONS else "--admin, two --account or two --token"
        return f"needs a second account: give {wanted}"
    role = crew.people[1].account.role
    if role is None and crew.api != SESSIONS:
        return "the second account is an API key that does not say whether it is an administrator's"
    return "the second account is an administrator, who may see everything" if role == "admin" else ""


@pytest.fixture
def features(crew: Crew) -> Mapping[str, Any]:
    """What an Open WebUI says, to anybody, that it has switched on; empty where it does not say."""
    with suppress(NoAnswer, Unexpected, BudgetSpent):
        told = held(success(crew.people[0].client.send(crew.contract.call("getConfig"))), "features")
        return told if isinstance(told, dict) else {}
    return {}


@pytest.fixture
def prompt(crew: Crew, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes prompts: short, each with a nonce of its own, which is the same when the test runs again."""
    test = hashlib.sha256(request.node.nodeid.partition("::")[2].encode()).hexdigest()[:6]
    numbers = itertools.count(1)

    def make(text: str = "Answer with one short sentence.") -> str:
        return f"{text} ({crew.marker[-8:]}-{test}{next(numbers):02})"

    return make


@pytest.fixture
def made(verification: Verification, crew: Crew) -> Iterator[list[tuple[Person, str]]]:
    """Sessions to remove when the test ends, whatever its end; the ledger has them too."""
    sessions: list[tuple[Person, str]] = []
    yield sessions
    deletes = "deleteSession" if crew.api == "sessions" else "deleteChat"
    for person, session_id in sessions:
        if not person.account.deletes:  # it goes with its account, or was given to be kept
            continue
        if goes_with_its_account(crew, person) and verification.left_to_accounts < MOST_LEFT:
            verification.left_to_accounts += 1
            continue
        with suppress(NoAnswer, BudgetSpent):  # the ledger keeps what is left, and it is removed at the end
            person.client.send(crew.contract.call(deletes, session_id))


__all__ = ["pytest_configure"]  # the plugin comes with this conftest: `pytest contract_tests` is all it takes
