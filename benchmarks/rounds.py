"""Contestants measured in rounds: every one of them in each, so that what a machine does to one it does to all.

    plan = [Setting("burst 100", lambda: {"seatrial": {...}, "aiohttp": {...}}), ...]
    played = play("accuracy", plan, arguments, sources=("benchmarks/accuracy.py", "load/*.py"))
    middle(played, "burst 100", "seatrial", "first_p99")     # of the rounds

A round is stored when it is whole; the same command goes on after it, as long as its sources are the same.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from markdown import table
from storing import RESULTS, Store, fingerprint

Numbers = dict[str, float | str | None]
"""What a contestant came to, by name: numbers, and words that belong to them. None where it has nothing to say."""
STORED = "rounds.jsonl"
ROUNDS = 5


@dataclass(frozen=True)
class Round:
    """What each contestant came to in one round; the unit of a number stands in its name or in the benchmark."""

    benchmark: str
    setting: str
    number: int
    fingerprint: str
    seen: dict[str, Numbers]
    machine: dict[str, str]
    at: str
    seconds: float
    quick: bool = False

    @property
    def key(self) -> str:
        return f"{self.benchmark} {self.setting} {self.number}{' quick' if self.quick else ''}"


@dataclass(frozen=True)
class Setting:
    """Something to be measured in rounds. `measure` is given the number of the round, from 1."""

    name: str
    measure: Callable[[int], dict[str, Numbers]]


def arguments(doc: str | None, add: Callable[[argparse.ArgumentParser], None] | None = None) -> argparse.Namespace:
    """The options that all these benchmarks have, and those of one."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where rounds are stored")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round, to see that it works")
    parser.add_argument("--accept-stale", action="store_true", help="count rounds of other sources as done")
    if add is not None:
        add(parser)
    given = parser.parse_args()
    if given.quick:
        given.rounds = 1
    return given


def play(
    benchmark: str, settings: Sequence[Setting], given: argparse.Namespace, *, sources: Sequence[str]
) -> list[Round]:
    """All rounds, those stored and those played now. Settings take turns, so that a slow hour is everybody's."""
    store = Store(given.folder / STORED, Round, accept_stale=given.accept_stale)
    made_from, played = fingerprint("benchmarks/rounds.py", *sources), []
    for number in range(1, given.rounds + 1):
        for setting in settings:
            wanted = Round(benchmark, setting.name, number, made_from, {}, {}, "", 0.0, given.quick)
            found = store.find(wanted.key, made_from)
            if found is None:
                began = time.monotonic()
                seen = setting.measure(number)
                found = Round(
                    benchmark, setting.name, number, made_from, seen, machine(),
                    datetime.now(UTC).isoformat(timespec="seconds"), round(time.monotonic() - began, 1), given.quick,
                )  # fmt: skip
                store.add(found)
                print(f"{found.key}: {found.seconds:.0f} s", file=sys.stderr, flush=True)
            played.append(found)
    return played


def stored(folder: Path, benchmark: str) -> list[Round]:
    """The rounds of a benchmark that were played last, from one state of its sources; no quick ones."""
    rows = [row for row in Store(folder / STORED, Round).all() if row.benchmark == benchmark and not row.quick]
    newest = max(rows, key=lambda row: row.at, default=None)
    return [row for row in rows if newest is not None and row.fingerprint == newest.fingerprint]


def values(rounds: Iterable[Round], setting: str, contestant: str, name: str) -> list[float]:
    """One number of every round that has it."""
    found = [row.seen.get(contestant, {}).get(name) for row in rounds if row.setting == setting]
    return [value for value in found if isinstance(value, int | float)]


def middle(rounds: Iterable[Round], setting: str, contestant: str, name: str) -> float | None:
    """The median over the rounds, None where no round has the number."""
    found = values(rounds, setting, contestant, name)
    return statistics.median(found) if found else None


def ratio(rounds: Iterable[Round], setting: str, of: str, to: str, name: str) -> float | None:
    """The median of the rounds' own ratios: both sides of each were measured next to each other."""
    found = []
    for row in rounds:
        above, below = row.seen.get(of, {}).get(name), row.seen.get(to, {}).get(name)
        if row.setting == setting and isinstance(above, int | float) and isinstance(below, int | float) and below:
            found.append(above / below)
    return statistics.median(found) if found else None


def figure(numbers: Numbers, name: str) -> float:
    """A number that has to be there."""
    value = numbers[name]
    assert isinstance(value, int | float), f"{name} is {value!r}"
    return float(value)


def contestants(rounds: Iterable[Round], setting: str) -> list[str]:
    """Who took part, in the order in which they came."""
    return list(dict.fromkeys(name for row in rounds if row.setting == setting for name in row.seen))


def rotated(names: Sequence[str], number: int) -> list[str]:
    """The contestants of a round: each begins once, so that nobody always follows the same one."""
    cut = (number - 1) % len(names)
    return [*names[cut:], *names[:cut]]


@functools.cache
def machine() -> dict[str, str]:
    """What was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in ("seatrial", "locust", "gevent", "geventhttpclient", "httpx", "requests")},
    }


def tell(rounds: Sequence[Round], columns: Mapping[str, str], digits: int = 1) -> None:
    """Medians of the rounds, a table for each setting. `columns` gives a head for each number."""
    for setting in dict.fromkeys(row.setting for row in rounds):
        of = len({row.number for row in rounds if row.setting == setting})
        print(f"\n{setting} (medians of {of})\n")
        rows = [
            [name, *(_shown(middle(rounds, setting, name, column), digits) for column in columns)]
            for name in contestants(rounds, setting)
        ]
        print("\n".join(table(["", *(f"{head}:" for head in columns.values())], rows)))


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
