"""Who refused what was asked, where it was not the deployment: a limit in front, or its model's provider."""

from __future__ import annotations

from collections.abc import Callable

from contract_tests.contact import Contact
from contract_tests.limits import Limits
from contract_tests.quota import Quota
from seatrial.exchange import Reply
from seatrial.target import Account


class Refusals:
    """`contact` is there once the run could end."""

    contact: Contact | None = None

    def __init__(self, *, loopback: bool, is_provoking: Callable[[], bool]) -> None:
        self.limits = limits = Limits(loopback=loopback, is_provoking=is_provoking)
        self.quota = Quota(loopback=loopback, is_provoking=is_provoking, is_at_once=lambda: limits.is_at_once)

    def again(self, account: Account, reply: Reply, number: int) -> float | None:
        """See `seatrial.client.Again`. Raises `BudgetSpent` where nothing comes of asking."""
        if self.quota.takes(reply):
            return self.quota.again(reply, number)
        pause = self.limits.again(account, reply, number)
        together = self.limits.is_at_once and self.limits.explains(reply)
        if pause is None and self.contact and not self.limits.closed and not together:
            self.contact.demand(reply)
        return pause

    def excuses(self, reply: Reply) -> bool:
        """Whether no rule says anything of an answer. Hears each one, with its body."""
        self.quota.hear(reply)
        is_shut = self.contact is not None and self.contact.is_shut
        return is_shut or self.quota.takes(reply) or self.limits.excuses(reply)

    def notes(self) -> list[str]:
        """What a report says of it."""
        return [*self.limits.notes(), *self.quota.notes()]
