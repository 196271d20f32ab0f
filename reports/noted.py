"""What each process of a load noted of itself, and the figures by which `load.validity` calls it void.

    load.noted["worker-1"].first

One process that is too slow spoils what it measured, however well the others did: figures over all of them would hide
it. A test holds these to those that judge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from seatrial.measuring import nearest
from seatrial.samples import Arrival, Known, Pulse


@dataclass
class Noted:
    """Of one process. Times are milliseconds; None where nothing was noted that says it."""

    known: list[Known] = field(default_factory=list)
    pulses: list[Pulse] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    def add(self, row: Known | Pulse | Arrival) -> None:
        if isinstance(row, Known):
            self.known.append(row)
        elif isinstance(row, Pulse):
            self.pulses.append(row)
        else:
            self.arrivals.append(row)

    @property
    def first(self) -> float | None:
        """By how much known first tokens were measured wrongly, p95."""
        return _at(0.95, (abs(one.first) for one in self.known))

    @property
    def gap(self) -> float | None:
        """The same of known gaps between tokens, p99."""
        return _at(0.99, (abs(gap) for one in self.known for gap in one.gaps))

    @property
    def woke(self) -> float | None:
        """How late the worst wake-up of a second was, p95; a second that took five counts as five."""
        return _at(0.95, (one.latest for one in self.pulses for _ in range(1 + int(one.latest / 1000))))

    @property
    def cpu(self) -> float | None:
        """The share of a core in the median of its seconds."""
        return _at(0.5, (one.cpu for one in self.pulses))

    @property
    def began(self) -> float | None:
        """How late sessions that were due began, p95; endless where none did."""
        late = [one.late for one in self.arrivals if one.started]
        return _at(0.95, late) if late or not self.arrivals else math.inf

    @property
    def started(self) -> float | None:
        """The share of the sessions due that were started."""
        return sum(one.started for one in self.arrivals) / len(self.arrivals) if self.arrivals else None


def _at(quantile: float, values: Iterable[float]) -> float | None:
    ordered = sorted(values)
    return nearest(ordered, quantile) if ordered else None
