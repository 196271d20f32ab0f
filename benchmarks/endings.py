"""Is a stream that broke counted as one? 400 streams with known ends, by Seatrial and by what people use otherwise.

    python benchmarks/endings.py

Of every 40 streams 31 end with `[DONE]`, 3 just stop (a clean end of the body, no `[DONE]`), 3 are cut by a reset of
the connection, and 3 tell of an error inside their 200. Each client counts in its own words: Seatrial by
`Delivery.ended`, the others by what they raise or list as failed. One round is enough: nothing here depends on time.
"""

from __future__ import annotations

import random
import sys
from collections import Counter

import own_clients
import tools
from known_model import known_model
from known_streams import Plan
from markdown import number, table
from playing import resumable
from rounds import Numbers, Setting, arguments, figure, play

from seatrial.errors import Inconclusive

STREAMS = 400
PERIOD = ["done"] * 31 + ["cut", "abort", "error"] * 3
WORDS = {"done": "", "cut": "cut", "abort": "aborted", "error": "error"}
"""How the server ends a stream, and Seatrial's word for that; "" is a success."""
TIMING = {"first": 0.05, "gap": 0.01, "count": 10}
SPACING = 0.02
AT_ONCE = 20
SETTING = "400 streams"
SOURCES = (
    "benchmarks/endings.py", "benchmarks/streamers.py", "benchmarks/known_streams.py", "benchmarks/own_clients.py",
    "benchmarks/tools.py", "benchmarks/known_model.py", "load/delivery.py", "load/locust_client.py",
    "load/bounded_response.py", "seatrial/streams.py",
)  # fmt: skip


def main() -> int:
    given = arguments(__doc__)
    given.rounds = 1
    [played] = play("endings", [Setting(SETTING, _round)], given, sources=SOURCES)
    print("\n".join(lines(played.seen)))
    whole = is_right(played.seen)
    print(f"\n{'held' if whole else 'MISSED'}: Seatrial counts every stream as what it was")
    return 0 if whole else 1


def lines(seen: dict[str, Numbers]) -> list[str]:
    """A table: how many streams each client took for successes, and which."""
    of = PERIOD.count("done") * STREAMS // len(PERIOD)
    heads = ["", f"successes, of which there were {of}:", *(f"{end} taken for one:" for end in WORDS if WORDS[end])]
    rows = []
    for name, numbers in seen.items():
        rows.append([name, number(figure(numbers, "succeeded")), *(_of(numbers, end) for end in WORDS if WORDS[end])])
    return table(heads, rows)


def _of(numbers: Numbers, end: str) -> str:
    if f"{end}_succeeded" not in numbers:
        return ""
    return f"{number(figure(numbers, f'{end}_succeeded'))} of {number(figure(numbers, end))}"


def is_right(seen: dict[str, Numbers]) -> bool:
    return seen.get("seatrial", {}).get("right") == STREAMS


def _round(_: int) -> dict[str, Numbers]:
    seen: dict[str, Numbers] = {}
    own = own_clients.names()
    for name in [*own, *tools.names()]:
        try:
            seen[name] = _own(name) if name in own else _tool(name)
        except tools.ToolFailed as error:
            raise Inconclusive(f"{name}: {error}") from None  # nobody may be missing from what is stored for good
    return seen


def _ends() -> list[str]:
    """The same for everyone: each 40 in a row hold the same number of each."""
    period = random.Random(4).sample(PERIOD, len(PERIOD))
    return period * (STREAMS // len(period))


def _own(name: str) -> Numbers:
    ends = _ends()
    timing = "&".join(f"{key}={value}" for key, value in TIMING.items())
    starts, queries = [n * SPACING for n in range(STREAMS)], [f"{timing}&end={end}" for end in ends]
    with known_model() as url:
        heard = [row["ended"] for row in own_clients.run(name, Plan(url, starts, queries))["streams"]]
    told, of = Counter(end for end, word in zip(ends, heard, strict=True) if not word), Counter(ends)
    numbers: Numbers = {}
    for end in WORDS:
        numbers |= {end: float(of[end]), f"{end}_succeeded": float(told[end])}
    numbers["succeeded"] = float(sum(told.values()))
    if name == "seatrial":
        numbers["right"] = float(sum(WORDS[end] == word for end, word in zip(ends, heard, strict=True)))
    return numbers


def _tool(name: str) -> Numbers:
    """A tool lists what succeeded and does not know which those were; the rest is arithmetic."""
    of = Counter(_ends())
    with known_model(**TIMING, ends=_ends()) as url:
        result = tools.run(name, url, tools.Wanted(AT_ONCE, STREAMS))
    return {
        **{end: float(of[end]) for end in WORDS},
        "succeeded": float(len(result.requests)),
        "failed": float(result.failures),
    }


if __name__ == "__main__":
    sys.exit(resumable(main))
