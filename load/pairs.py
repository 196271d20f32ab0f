"""Blocks and samples of a comparison, folded into pairs: what A took and what B took, one right after the other.

    paired = Paired.of(folder)
    paired.times("getChat", 0.95)      # [Pair(a=41.2, b=44.0), ...] in milliseconds, two for each quad
    paired.failures()                  # shares of requests, the same way

A quad counts with both of its pairs or not at all: they flip together in the test.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from load.blocks import QUAD
from seatrial.evidence import SAMPLES, SOCKET_TURN
from seatrial.measuring import nearest
from seatrial.ratios import BLOCKS, SIDES, Block
from seatrial.records import RunFolder
from seatrial.samples import Sample, Turned

LEAST = 20
"""Answers of an operation in a block, from which its p95 is not simply the slowest of them."""

SPARE = 2
"""Sessions more than that in a block, so that a refused one does not cost its quad."""

OFTEN = 0.25
"""Requests a session, from which on an operation is one that the mix asks for, and has to be judged."""

FIRST = "first token"
Times = Mapping[str, list[float]]


@dataclass(frozen=True, slots=True)
class Pair:
    """One measure in two neighbouring blocks."""

    a: float
    b: float


@dataclass
class Answers:
    """What one block brought: milliseconds of good answers by operation, how many requests there were and failed.

    `asked` are requests by operation, answered well or not. Whole turns over a socket are there beside the operations,
    and are no requests.
    """

    block: Block
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    requests: int = 0
    failed: int = 0
    asked: Counter[str] = field(default_factory=Counter)

    def hear(self, sample: Sample) -> None:
        self.requests += 1
        self.asked[sample.operation] += 1
        if sample.ok:
            self.times[sample.operation].append(sample.ms)
        else:
            self.failed += 1

    def turn(self, turned: Turned) -> None:
        if turned.ok and turned.first is not None:
            self.times[FIRST].append(turned.first)
        if subject(turned):
            self.asked[SOCKET_TURN] += 1
            if turned.ok:
                self.times[SOCKET_TURN].append(turned.ms)


@dataclass
class Paired:
    """The blocks of whole quads, in their order."""

    blocks: list[Answers]

    @classmethod
    def of(cls, folder: RunFolder) -> Paired:
        """Only what was begun within a block counts; the warm-up, and a quad that was cut short, do not."""
        counted = [block for block in folder.rows(BLOCKS, Block) if block.quad]
        whole = {quad for quad, blocks in Counter(block.quad for block in counted).items() if blocks == QUAD}
        answers = [Answers(block) for block in counted if block.quad in whole]
        for side in SIDES:
            _fill([one for one in answers if one.block.side == side], RunFolder(folder.path / side))
        return cls(answers)

    @property
    def operations(self) -> list[str]:
        """All that were asked at all, those asked most often first: what is never answered well proves nothing."""
        return [name for name, _ in sum((one.asked for one in self.blocks), Counter()).most_common()]

    def per_block(self, operation: str) -> float:
        """How many good answers a block has of it on average."""
        return sum(len(one.times.get(operation, ())) for one in self.blocks) / max(1, len(self.blocks))

    def per_session(self, operation: str) -> float:
        """How often a session asks it, answered well or not, on the side where it is asked more."""
        shares = []
        for side in SIDES:
            blocks = [one for one in self.blocks if one.block.side == side]
            asked = sum(one.asked[operation] for one in blocks)
            shares.append(asked / max(1, sum(one.block.sessions for one in blocks)))
        return max(shares)

    def times(self, operation: str, quantile: float, least: int = LEAST) -> list[Pair]:
        """A percentile of each pair of blocks, of the quads whose blocks all have answers enough."""

        def of(one: Answers) -> float | None:
            ms = one.times.get(operation, [])
            return nearest(sorted(ms), quantile) if len(ms) >= least else None

        return self._pairs(of)

    def failures(self) -> list[Pair]:
        """The shares of requests that failed."""
        return self._pairs(lambda one: one.failed / one.requests if one.requests else None)

    def _pairs(self, of: Callable[[Answers], float | None]) -> list[Pair]:
        pairs: list[Pair] = []
        for first in range(0, len(self.blocks), QUAD):
            quad = self.blocks[first : first + QUAD]
            values = [of(one) for one in quad]
            known = [value for value in values if value is not None]
            if len(known) == QUAD:
                a = [value for one, value in zip(quad, known, strict=True) if one.block.side == SIDES[0]]
                b = [value for one, value in zip(quad, known, strict=True) if one.block.side == SIDES[1]]
                pairs += [Pair(*both) for both in zip(a, b, strict=True)]
        return pairs


def _fill(answers: list[Answers], folder: RunFolder) -> None:
    starts = [one.block.at for one in answers]

    def at(moment: float) -> Answers | None:
        found = bisect_right(starts, moment) - 1
        one = answers[found] if found >= 0 else None
        return one if one is not None and moment <= one.block.at + one.block.seconds else None

    for sample in folder.rows(SAMPLES, Sample):
        if (one := at(sample.at)) is not None:
            one.hear(sample)
    for turned in folder.rows(SAMPLES, Turned):
        if (one := at(turned.at)) is not None:
            one.turn(turned)


def subject(row: Sample | Turned) -> str:
    """What a record is judged as: an operation, or a whole turn; "" for a turn that is as long as its request."""
    return row.operation if isinstance(row, Sample) else SOCKET_TURN if row.way == "socket" else ""


def rarest(counts: Iterable[float], sessions: int) -> float:
    """Of how many answers in so many sessions each, the fewest: of what is asked often at all."""
    return min((count for count in counts if count >= OFTEN * sessions), default=0.0)
