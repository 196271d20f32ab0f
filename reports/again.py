"""The command that makes a run once more: with every option that decides about what is found, from its record. Which
API it speaks and which model answers is found out again.

    again(run)                           # "seatrial verify https://chat.example.org --depth full"
    again(run, pairs=120)                # with another value for one of them

Credentials are stored nowhere, and consent (`--yes`, `--disposable`) counts for one run: who runs it again gives them
again. A target that was the reference server of that run alone is gone with it, and is not named.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from reports.wording import line
from seatrial.config_file import seconds
from seatrial.contract import is_own
from seatrial.records import Run

DEFAULTS = ("damaged = 0", "errors < 1%")
"""Objectives that every load is held to, whether it is told so or not."""

LONG = 2000
"""Characters of a value that is typed: a path or an address may be long, and half of one is of no use."""

_ALL = (("timeout", 30), ("seed", 0))
_LOAD = (("mix", "session=1"), ("turns", 3), ("think", 1), ("provider", None))
_SEEDED = (("seed_chats", 0), ("seed_messages", 20))
_WORKERS = (("processes", 1), ("master", None), ("expect_workers", 1))
_SEARCH = (("start", 4), ("most", 1024), ("look", 30), ("budget", 1800))
_PEOPLE = (("people", None), ("chats_per_hour", 4), ("peak", 0.3))
_DUEL = (("mix", "session=1"), ("turns", 2), ("think", 0.02), ("users", 4), ("pairs", 40))
_GATE = (("max_slowdown", "10%"), ("floor", "5ms"), ("depth", "quick"))
USUAL: dict[str, tuple[tuple[str, object], ...]] = {
    "verify": (("depth", "quick"), *_ALL),
    "load": (*_LOAD, *_SEEDED, *_WORKERS, *_ALL),
    "capacity": (*_LOAD, *_SEARCH, *_PEOPLE, *_ALL),
    "compare": (*_DUEL, *_GATE, *_ALL),
}
"""Options that a command is told again with, unless they are what it does by itself."""


def again(run: Run, *, longer: int = 1, **instead: Any) -> str:
    """The command line. A load lasts `longer` times as long; `instead` are settings that are to be others."""
    given = {"depth": run.depth, "seed": run.seed} | run.settings | instead
    return " ".join(["seatrial", run.command, *targets(run), *_options(run, given, longer)])


def targets(run: Run) -> list[str]:
    """The addresses as one types them; none where the reference server was started for the run alone."""
    if run.settings.get("embedded"):
        return []
    first = [run.settings["a"]] if run.command == "compare" and run.settings.get("a") else []
    return [typed(target) for target in (*first, run.target)]


def contract_of(run: Run) -> Iterator[str]:
    """The option that names a contract of the user's own."""
    if is_own(run.contract):
        yield f"--contract {typed(run.contract)}"


def typed(value: object) -> str:
    """A value as one types it in a shell. Numbers are whole where they can be."""
    told = str(value).removesuffix(".0") if isinstance(value, float) else value
    return shlex.quote(line(told, LONG))


def numeric(value: object, otherwise: float) -> float:
    """What a record says, where it is a number."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise


def _options(run: Run, given: dict[str, Any], longer: int) -> Iterator[str]:
    if run.command == "load" and given.get("worker"):  # what is played its master says
        yield f"--worker {typed(given['worker'])}"
        return
    if run.command == "load":
        yield from _asked(given, longer)
    if run.command in ("load", "capacity"):
        yield from (f"--slo {typed(one)}" for one in _objectives(given))
    for name, usual in USUAL.get(run.command, ()):
        if given.get(name) not in (None, usual):
            yield f"--{name.replace('_', '-')} {typed(given[name])}"
    yield from contract_of(run)
    if run.command == "compare" and given.get("verify") is False:
        yield "--no-verify"
    if run.strict:
        yield "--strict"
    if given.get("baseline"):
        yield f"--baseline {typed(given['baseline'])}"
    if run.command == "verify" and given.get("load"):
        yield "--load"


def _asked(given: dict[str, Any], longer: int) -> Iterator[str]:
    """The load that was asked for, lasting `longer` times as long."""
    if isinstance(stages := given.get("stage"), list) and stages:
        yield from (f"--stage {typed(_longer(str(stage), longer))}" for stage in stages)
        return
    yield f"--rate {typed(given['rate'])}" if given.get("rate") else f"--users {typed(given.get('users') or 10)}"
    yield f"--duration {typed(longer * numeric(given.get('duration'), 60))}s"


def _longer(stage: str, times: int) -> str:
    """A stage as `load` takes it (`10-50:2m`), lasting so many times as long."""
    level, _, lasts = stage.rpartition(":")
    with suppress(ValueError):
        return f"{level}:{times * seconds(lasts):g}s" if times > 1 else stage
    return stage


def _objectives(given: dict[str, Any]) -> list[str]:
    slo = given.get("slo")
    return [one for one in slo if isinstance(one, str) and one not in DEFAULTS] if isinstance(slo, list) else []
