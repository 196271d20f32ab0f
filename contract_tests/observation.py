"""What the answers of the target looked like, whatever the tests think of them: it hears each and keeps its shape."""

from __future__ import annotations

from contract_tests.log import Log
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.shapes import Shapes
from seatrial.target import Account

GENERATED = ("test_state", "test_conformance")
"""Tests whose requests are made up, and differ with the seed. All others ask the same in every run."""


class Observation:
    """A listener of the crew. `shapes` are what it came to."""

    def __init__(self, contract: Contract, log: Log) -> None:
        self.shapes, self._log = Shapes(contract), log

    def hear(self, _account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        """Listen to one exchange; see `seatrial.client`."""
        if isinstance(outcome, Reply):
            # What is made up runs last, so that what comes after the tests, on what they left, counts as such too.
            self.shapes.hear(call, outcome, generated=self._log.test.partition(".py::")[0] in GENERATED)
