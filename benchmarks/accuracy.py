"""How true are first tokens and gaps? Known streams, read by Seatrial and by what people use otherwise.

    python benchmarks/accuracy.py                # 5 rounds, an hour and a half; it goes on where it was
    python benchmarks/accuracy.py --quick        # one small round

Streams have their first of 50 tokens after 200 ms and one each 20 ms. 20, 100 and 200 run at a time in one process, in
two ways: started evenly, one after the other for so long that there are 400 at least; or in bursts, as many. The
server says when it had the request and when it sent each event, on a clock that all processes share; an error is what
a client measured less what was true. Run it as root: the server then has a processor as soon as it needs one, whatever
the client does meanwhile (`known_model`). In the stall test every tenth of 100 streams pauses for half a second.

Own clients (benchmarks/streamers.py) get their connections before; tools get a warm-up where they have one. The tools
start closed-loop bursts as `concurrency`, and even starts as a constant rate; their gaps are set against 20 ms.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

import httpx
import own_clients
import peers
import tools
from known_model import known_model
from known_streams import Plan
from playing import resumable
from rounds import Numbers, Round, Setting, arguments, contestants, middle, play, rotated, tell

from seatrial.measuring import nearest

FIRST, GAP, COUNT, STALL = 0.2, 0.02, 50, 0.5
HALT = 0.8 * STALL
"""Seconds of a gap that is a stall, whatever a busy machine adds or takes."""
LENGTH = FIRST + GAP * (COUNT - 1)
WAVE = 2.0
"""Seconds between bursts."""
LEVELS = (20, 100, 200)
WAYS = ("spread", "burst")
WAVES = 3
ENOUGH = 400
"""Streams of a contestant in a round, at least: a p99 wants 368."""
STALLED = "stall 100"
EACH = 10
SOURCES = (
    "benchmarks/accuracy.py", "benchmarks/streamers.py", "benchmarks/known_streams.py", "benchmarks/own_clients.py",
    "benchmarks/tools.py", "benchmarks/known_model.py", "load/arrival.py", "load/bounded_response.py",
    "load/collecting.py", "load/delivery.py", "load/lean_client.py", "load/locust_client.py", "seatrial/streams.py",
    "seatrial/lab/metronome.py",
)  # fmt: skip
BOUNDS = {"spread": (2.0, 15.0), "burst": (5.0, 30.0)}
"""Milliseconds that the median and the p99 of Seatrial's first tokens may be off."""
COLUMNS = {
    "first_p50": "first token off by, p50 ms", "first_p95": "p95", "first_p99": "p99", "gap_p99": "gaps off by, p99",
    "cpu": "% of a core", "streams": "streams",
}  # fmt: skip
AHEAD = "ahead"
"""Whether the server went before all other processes, see `known_model`: 1 or 0."""
STALL_COLUMNS = {
    "shown": "% of the stalls shown",
    "gap_high": "gaps p99 ms",
    "longest": "longest",
    "mean_p99": "p99 of means",
}


def main() -> int:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--without-tools", action="store_true", help="own clients only")
        parser.add_argument("--level", type=int, action="append", help="streams at a time; repeatable")

    given = arguments(__doc__, add)
    levels = given.level or ((20,) if given.quick else LEVELS)
    settings = [Setting(f"{way} {level}", partial(_round, way, level, given)) for level in levels for way in WAYS]
    settings.append(Setting(STALLED, partial(_round, STALLED, 20 if given.quick else 100, given)))
    played = play("accuracy", settings, given, sources=SOURCES)
    tell([row for row in played if row.setting != STALLED], COLUMNS, 2)
    tell([row for row in played if row.setting == STALLED], STALL_COLUMNS)
    for name in set(peers.PEERS) - {name for row in played for name in row.seen}:
        print(f"{name} is not installed here (python benchmarks/peers.py)")
    verdicts = judged(played)
    print(*("", *(f"{'held' if held else 'MISSED'}: {words}" for words, held in verdicts)), sep="\n")
    return 0 if all(held for _, held in verdicts) else 1


def judged(rounds: Sequence[Round]) -> list[tuple[str, bool]]:
    """What was asked for, in words, and whether the medians of the rounds keep to it."""
    found = []
    for setting in dict.fromkeys(row.setting for row in rounds if row.setting != STALLED):
        most_p50, most_p99 = BOUNDS[setting.split()[0]]
        p50, p99 = (middle(rounds, setting, "seatrial", name) for name in ("first_p50", "first_p99"))
        if p50 is None or p99 is None:
            continue
        found.append((f"{setting}: median {p50:.2f} ms, at most {most_p50:g}", p50 <= most_p50))
        found.append((f"{setting}: p99 {p99:.2f} ms, at most {most_p99:g}", p99 <= most_p99))
        others = {name: middle(rounds, setting, name, "first_p99") for name in contestants(rounds, setting)}
        lowest = min((value, name) for name, value in others.items() if value is not None and name != "seatrial")
        found.append((f"{setting}: p99 {p99:.2f} ms, below {lowest[1]} with {lowest[0]:.2f}", p99 < lowest[0]))
    shown = middle(rounds, STALLED, "seatrial", "shown")
    if shown is not None:
        found.append((f"{STALLED}: {shown:.0f} % of the stalled streams show it", shown == 100))
    return found


def _round(way: str, level: int, given: argparse.Namespace, number: int) -> dict[str, Numbers]:
    """Each contestant on a server of its own, so that none finds the other's connections."""
    own = own_clients.names()
    seen: dict[str, Numbers] = {}
    for name in rotated([*own, *([] if given.without_tools else tools.names())], number):
        try:
            seen[name] = (_own if name in own else _tool)(
                name, way, level, level * max(WAVES, 0 if given.quick else ENOUGH // level)
            )
        except tools.ToolFailed as error:
            print(f"{name} at {way} {level}: {error}", file=sys.stderr, flush=True)
    return seen


def _own(name: str, way: str, level: int, number: int) -> Numbers:
    starts = [n * LENGTH / level for n in range(number)]
    if way == "burst":
        starts = [n // level * WAVE for n in range(number)]
    timing = f"first={FIRST}&gap={GAP}&count={COUNT}"
    stalled = [way == STALLED and n % EACH == 0 for n in range(number)]
    queries = [f"{timing}&stall={STALL}&at={COUNT // 2}" if stall else timing for stall in stalled]
    with known_model() as url:
        ahead = httpx.get(f"{url}/ahead").json()
        result = own_clients.run(name, Plan(url, starts, queries))
    heard = [row for row in result["streams"] if row["first"] is not None]
    errors = [row["first"] - row["true_first"] for row in heard]
    off = [gap - true for row in heard for gap, true in zip(row["gaps"], row["true_gaps"], strict=True)]
    halted = [row for row in heard if max(row["true_gaps"], default=0.0) > 1000 * HALT]
    gaps = [gap for row in heard for gap in row["gaps"]]
    means = [sum(row["gaps"]) / len(row["gaps"]) for row in heard if row["gaps"]]
    shown = sum(max(row["gaps"], default=0.0) > 1000 * HALT for row in halted)
    numbers = _numbers(errors, off, gaps, means, result["cpu"], shown, len(halted)) | {AHEAD: float(ahead)}
    return numbers | ({"connect": result["connect"]} if "connect" in result else {})


def _tool(name: str, way: str, level: int, number: int) -> Numbers:
    plan = {"first": FIRST, "gap": GAP, "count": COUNT} | ({"each": EACH, "stall": STALL} if way == STALLED else {})
    rate = None if way == "burst" else round(level / LENGTH, 3)
    with known_model(**plan) as url:
        result = tools.run(name, url, tools.Wanted(level, number, rate))
        told, ahead = (httpx.get(f"{url}/{what}", timeout=30).json() for what in ("told", "ahead"))
    heard = sorted((row for row in result.requests if row.first is not None), key=lambda row: row.start)
    if not heard:
        raise tools.ToolFailed(f"{name} reports no first token")
    told = told[-len(heard) :]  # before them came its warm-up
    errors = [row.first - (sent - received) * 1000 for row, (received, sent, _) in zip(heard, told, strict=True)
              if row.first is not None]  # fmt: skip
    gaps = [gap for row in heard for gap in row.gaps]
    means = [row.mean for row in heard if row.mean is not None]
    halted = sum(longest > HALT for *_, longest in told)
    shown = sum(max(row.gaps, default=0.0) > 1000 * HALT for row in heard)
    numbers = _numbers(errors, [gap - 1000 * GAP for gap in gaps], gaps, means, result.cpu, shown, halted)
    return numbers | {AHEAD: float(ahead)}


def _numbers(
    errors: Sequence[float],
    off: Sequence[float],
    gaps: Sequence[float],
    means: Sequence[float],
    cpu: float,
    shown: int,
    halted: int,
) -> Numbers:
    """All in milliseconds but the shares, in per cent. What a tool does not tell is None."""
    first, gap = [abs(error) for error in errors], [abs(error) for error in off]
    return {
        "first_p50": _at(first, 0.5), "first_p95": _at(first, 0.95), "first_p99": _at(first, 0.99),
        "gap_p99": _at(gap, 0.99), "gap_high": _at(gaps, 0.99), "longest": _at(gaps, 1.0),
        "mean_p99": _at(means, 0.99), "cpu": 100 * cpu, "streams": float(len(errors)),
        "shown": 100 * shown / halted if halted else None,
    }  # fmt: skip


def _at(values: Sequence[float], quantile: float) -> float | None:
    return nearest(sorted(values), quantile) if values else None


if __name__ == "__main__":
    sys.exit(resumable(main))
