"""Deleting chats, which a deployment that keeps records does not let its users do.

What then cannot be looked at is told by its rules; what throwaway accounts made goes with them.
"""

from __future__ import annotations

import pytest

from contract_tests.check import Checker
from seatrial.crew import Person

REASON = "the account may not delete chats (permissions.chat.delete)"

Pair = tuple[str, str]
"""A rule and the operation that it looks at."""


def may_delete(person: Person, check: Checker, *unchecked: Pair) -> bool:
    """Whether somebody may delete their own chats; where not, these rules are told as not checked."""
    if not person.account.deletes:
        for rule, operation in unchecked:
            check.skip(rule, operation, REASON)
    return person.account.deletes


def need_deletion(person: Person, check: Checker, *unchecked: Pair) -> None:
    """Skip the test, and tell these rules as not checked, where somebody may not delete their own chats."""
    if not may_delete(person, check, *unchecked):
        pytest.skip(REASON)
