"""Objectives: what a load has to keep to, as data.

missed = [o for o in DEFAULT if o.is_missed_by({"damaged": 0, "error_rate": 0.004})]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Objective:
    """A measure and its limit; `inclusive` when the limit itself is still within it.

    A measure that is not there misses nothing.
    """

    measure: str
    limit: float
    title: str
    inclusive: bool = True

    def is_missed_by(self, measured: Mapping[str, float]) -> bool:
        value = measured.get(self.measure)
        if value is None:
            return False
        return value > self.limit if self.inclusive else value >= self.limit


DEFAULT = (
    Objective("damaged", 0, "no message lost, doubled, altered, mixed up or out of order"),
    Objective("error_rate", 0.01, "errors under 1 % of the requests", inclusive=False),
)
