"""What a comparison proved: each operation slower, not slower, or neither; and what that makes of B.

    limits = Limits.parse("10%", "5ms")
    rows = judged(paired, limits)
    outcome(rows)                    # "fail", "pass" or "inconclusive"

A slowdown counts when it is proved to be above the limit, the larger of share and floor, and not merely above nothing.
Two claims are tested, each at 5 %. *Slower*: with Holm's correction over all that was looked at, since any one of them
fails B. *Not slower*: without, since all of them together pass it (an intersection-union test).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from load.pairs import FIRST, LEAST, OFTEN, Pair, Paired
from seatrial.errors import WrongUse
from seatrial.paired import Middle, deviation, holm, interval, signed_rank, signed_sum, visible, wanted
from seatrial.ratios import Ratio

LEVEL = 0.05
"""The chance of each of the two wrong claims."""

QUANTILE = 0.95
LEAST_PAIRS = 20
MOST_FAILED = 0.01
"""By how much the share of requests that fail may be larger in B."""

MOST_WANTED = 2_000
"""Pairs beyond which somebody is told that it is too close, and not how long it would take."""

TOGETHER = 2
"""The pairs of a quad."""

_SHARE, _TIME = re.compile(r"(\d+(?:\.\d+)?) ?%"), re.compile(r"(\d+(?:\.\d+)?) ?(ms|s)")


@dataclass(frozen=True, slots=True)
class Limits:
    """By which share B may be slower, and by how many milliseconds in any case."""

    slower: float
    floor: float

    @classmethod
    def parse(cls, slower: str, floor: str) -> Limits:
        """Raises `WrongUse`."""
        share, time = _SHARE.fullmatch(slower.strip()), _TIME.fullmatch(floor.strip())
        if share is None or not 0 < float(share[1]) <= 1000:
            raise WrongUse(f"--max-slowdown {slower}: a share above 0 is needed, such as 10%")
        if time is None:
            raise WrongUse(f"--floor {floor}: a time is needed, such as 5ms")
        return cls(float(share[1]) / 100, float(time[1]) * (1000 if time[2] == "s" else 1))

    def ratio(self, a: float) -> float:
        """From which ratio on B is too slow where A takes so many milliseconds."""
        return 1 + max(self.slower, self.floor / a)

    def __str__(self) -> str:
        return f"{self.slower:.3%}".rstrip("0%").rstrip(".") + f" % and {self.floor:g} ms"


@dataclass(frozen=True, slots=True)
class _Claim:
    """Values whose middle lies above 0 where B is too slow; `of` is the test of how likely chance makes them."""

    row: Ratio
    values: tuple[float, ...]
    of: Callable[[Sequence[float], int], float] = signed_rank


def judged(paired: Paired, limits: Limits) -> list[Ratio]:
    """A row for each operation, whole turns over a socket among them, and for failures; then those that only inform."""
    claims = [claim for name in paired.operations for claim in _claims(paired, name, limits)]
    failures = paired.failures()
    if len(failures) >= LEAST_PAIRS:
        a, b = (sum(shares) / len(failures) for shares in zip(*((one.a, one.b) for one in failures), strict=True))
        row = Ratio("", "failed", a, b, None, None, None, MOST_FAILED, "", len(failures))
        # A block that fails wholly is no weather: ranks would make it one of many.
        claims.append(_Claim(row, tuple(one.b - one.a - MOST_FAILED for one in failures), signed_sum))
    return [*decided(claims), *_informing(paired)]


def decided(claims: Sequence[_Claim]) -> list[Ratio]:
    """The rows of claims with their verdicts."""
    tested = [claim for claim in claims if claim.values]
    slower = [claim.of(claim.values, TOGETHER) for claim in tested]
    faster = [claim.of([-value for value in claim.values], TOGETHER) for claim in tested]
    found = iter(verdicts(slower, faster))
    return [_with_power(claim, next(found), len(tested)) if claim.values else claim.row for claim in claims]


def verdicts(slower: Sequence[float], faster: Sequence[float]) -> list[str]:
    """What is proved of each, from the chances of the data if it were not slower than its limit, and not faster."""
    return [
        "fail" if above <= LEVEL else "pass" if below <= LEVEL else "inconclusive"
        for above, below in zip(holm(slower), faster, strict=True)
    ]


def outcome(rows: Sequence[Ratio]) -> str:
    """ "fail" where anything is proved slower, "pass" where all is proved not to be, of one operation at least."""
    verdicts = {row.verdict for row in rows if row.verdict}
    looked = any(row.verdict and row.operation for row in rows)
    return "fail" if "fail" in verdicts else "pass" if verdicts == {"pass"} and looked else "inconclusive"


def _claims(paired: Paired, operation: str, limits: Limits) -> Iterator[_Claim]:
    pairs = paired.times(operation, QUANTILE)
    if len(pairs) >= LEAST_PAIRS:
        row, logs = _ratio(operation, "p95", pairs)
        limit = limits.ratio(row.a)
        yield _Claim(replace(row, limit=limit), tuple(one - math.log(limit) for one in logs))
        return
    few = paired.per_block(operation)
    # What is asked now and then is not judged; what should have been answered more often leaves the question open.
    why = f"{few:.1f} good answers in a block on average, and {LEAST} are needed in each"
    verdict = "inconclusive" if paired.per_session(operation) >= OFTEN else ""
    row = Ratio(operation, "p95", 0.0, 0.0, None, None, None, None, verdict, len(pairs))
    yield _Claim(replace(row, why=why), ())


def _informing(paired: Paired) -> Iterator[Ratio]:
    for operation in paired.operations:
        if len(pairs := paired.times(operation, 0.5)) >= LEAST_PAIRS:
            yield _ratio(operation, "p50", pairs)[0]
    if len(pairs := paired.times(FIRST, 0.5, least=LEAST // 2)) >= LEAST_PAIRS:
        yield _ratio("", FIRST, pairs)[0]


def _ratio(operation: str, measure: str, pairs: Sequence[Pair]) -> tuple[Ratio, list[float]]:
    logs = [math.log(one.b / one.a) for one in pairs]
    middle = interval(logs, TOGETHER, 1 - LEVEL)
    a, b = median(one.a for one in pairs), median(one.b for one in pairs)
    low, high = (math.exp(bound) if math.isfinite(bound) else None for bound in (middle.low, middle.high))
    return Ratio(operation, measure, a, b, math.exp(middle.value), low, high, None, "", len(pairs)), logs


def _with_power(claim: _Claim, verdict: str, looked: int) -> Ratio:
    """The row with what such a measurement finds: the spread of its pairs is that of the next ones."""
    row, number = replace(claim.row, verdict=verdict), len(claim.values)
    middle = interval(claim.values, TOGETHER, 1 - LEVEL)
    if row.limit is None or row.ratio is None or not _bounded(middle):
        return row
    spread = deviation(middle, number, 1 - LEVEL)
    reach = visible(number, spread, LEVEL / looked)
    row = replace(row, finds=row.limit * math.exp(reach))
    if verdict == "inconclusive":
        pairs = wanted(middle.value, spread, LEVEL / looked if middle.value > 0 else LEVEL)
        row = replace(row, wanted=2 * math.ceil(pairs / 2) if pairs <= MOST_WANTED else None)
    return row


def _bounded(middle: Middle) -> bool:
    return math.isfinite(middle.low) and math.isfinite(middle.high)
