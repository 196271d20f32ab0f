"""One trial: a fault in front of a deployment, one verification of that, and what it said.

    cell = Cell("catalogue", "message-lost", "sessions", "", "quick", seed=0, cut=True)
    result = trial(cell, fault, place)

A cut trial stops with the first test that fails (pytest's -x); one that is not runs all of them, and so says how many
rules besides the right one turn red.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from processes import End, ended
from storing import LAB, ROOT, SUITE, unchanged
from unseen import THEMES, UNSEEN

from contract_tests.rules import RULES
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.lab import faults
from seatrial.lab.faults import CATALOGUE, Fault
from seatrial.lab.proxy import Proxy
from seatrial.lab.serving import running
from seatrial.records import Finding, RunFolder

NONE = Fault("none", "shape", (SESSIONS, OPENWEBUI), "Nothing.", ())
SUITES = {"catalogue": {"none": NONE} | CATALOGUE, "unseen": UNSEEN}

PATIENCE = {SESSIONS: "3", OPENWEBUI: "10"}
"""Seconds to a timeout, where a fault is that no answer comes."""

LIMIT = {"quick": 400.0, "full": 900.0}
"""Seconds for one verification; it should have ended by itself long before."""

NO_END = 124


@dataclass(frozen=True, slots=True)
class Place:
    """A deployment to break: where it is, and the environment that gives a verification its credentials."""

    url: str
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Cell:
    """A trial that is wanted. `version` is Open WebUI's, empty on the reference server."""

    suite: str
    fault: str
    api: str
    version: str
    depth: str
    seed: int
    cut: bool

    @property
    def key(self) -> str:
        parts = (self.suite, self.fault, self.api, self.version, self.depth, self.seed, "cut" if self.cut else "whole")
        return " ".join(str(part) for part in parts)

    @property
    def the_fault(self) -> Fault:
        return SUITES[self.suite][self.fault]

    @property
    def steady(self) -> bool:
        """A fault that is there in every run, and that some rule should see."""
        return self.the_fault.chance is None and bool(self.expected)

    @property
    def expected(self) -> tuple[str, ...]:
        return self.the_fault.rules


@dataclass(frozen=True)
class Result(Cell):
    """What came of it. `red` is what failed the run, as `rule operation [where]`, as it was first seen.

    The first of these came after `first_requests` requests and `first_seconds` seconds. `calls` are the requests that
    a fault with a chance could have broken, `struck` those that it broke; `jobs` trials ran at a time, on `cores`.
    """

    fingerprint: str
    exit: int
    red: list[str]
    first_requests: int | None
    first_seconds: float | None
    requests: int
    completions: int
    seconds: float
    problem: str | None
    left_behind: list[str]
    calls: int | None = None
    struck: int | None = None
    jobs: int = 1
    cores: int | None = None

    @property
    def rules(self) -> list[str]:
        return list(dict.fromkeys(row.partition(" ")[0] for row in self.red))

    @property
    def others(self) -> list[str]:
        """Rules that turned red besides those that should."""
        return [rule for rule in self.rules if rule not in self.expected]

    @property
    def found(self) -> bool:
        return self.exit == 1

    @property
    def right(self) -> bool:
        """The verdict that should have come, for the reason that it should have."""
        if self.fault == NONE.name:
            return self.exit == 0 and not self.red
        return self.found and any(rule in self.expected for rule in self.rules)


def faults_of(suite: str, api: str) -> list[Fault]:
    """Those that apply; of the catalogue only what some rule should see, and `none` first."""
    found = [fault for fault in SUITES[suite].values() if api in fault.apis]
    return [fault for fault in found if fault.rules or fault is NONE or suite == "unseen"]


def sources(cell: Cell) -> tuple[str, ...]:
    """What a trial depends on: the suite, the lab, and the module of its fault."""
    return (*SUITE, *LAB, *home_of(cell.fault, cell.suite))


def home_of(fault: str, suite: str = "catalogue") -> list[str]:
    """The files that a fault is made from, besides what all are."""
    if suite == "unseen":
        themes = [name for name, rows in THEMES.items() if any(row.name == fault for row in rows)]
        return [f"benchmarks/unseen/{part}.py" for part in ("noting", "pieces", *themes)]
    modules = [module for module in vars(faults).values() if hasattr(module, "FAULTS")]
    return [
        module.__name__.replace(".", "/") + ".py"
        for module in modules
        if any(row.name == fault for row in module.FAULTS)
    ]


def trial(cell: Cell, place: Place, *, jobs: int = 1, keep: str | None = None) -> Result:
    """One verification of the place with the fault in front. Raises `Stopped` when the benchmark is interrupted."""
    fault, made_from = cell.the_fault, unchanged(*sources(cell))
    proxy = Proxy(place.url, Contract.load(), None if fault is NONE else fault, cell.seed)
    options = _options(fault, cell.api)
    with running(proxy) as url, tempfile.TemporaryDirectory() as scratch:
        out = Path(keep or scratch) / cell.key.replace(" ", "-")
        began = datetime.now(UTC)
        end = verify(url, place, cell.api, cell.depth, cell.seed, out, options, cut=cell.cut)
        outcome = _outcome(out, began, strict="--strict" in options)
    dice = proxy.dice
    given: dict[str, Any] = asdict(cell) | outcome
    if end.code is None:
        given |= {"exit": NO_END, "problem": f"no end within {LIMIT[cell.depth]:.0f} s"}
    else:
        given |= {"exit": end.code, "problem": outcome["problem"] or (end.last if end.code > 1 else None)}
    if dice:
        given |= {"calls": dice.calls, "struck": dice.struck}
    return Result(**given, fingerprint=made_from, seconds=round(end.seconds, 1), jobs=jobs, cores=os.cpu_count())


def verify(
    url: str,
    place: Place,
    api: str,
    depth: str,
    seed: int,
    out: Path,
    options: Sequence[str] = (),
    *,
    cut: bool = False,
) -> End:
    """One verification with the credentials of a place, into the run folder `out`; `cut` at the first failing test."""
    command = [sys.executable, "-P", "-m", "seatrial", "verify", url, "--api", api, "--depth", depth]
    command += ["--seed", str(seed), "--out", str(out), *options]
    # Nothing of the calling shell but where programs are, so that nobody's settings reach a trial.
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **place.environment}
    return ended(command, env | ({"PYTEST_ADDOPTS": "-x"} if cut else {}), LIMIT[depth])


def _outcome(out: Path, began: datetime, *, strict: bool) -> dict[str, Any]:
    """What the run folder says; a run that wrote none has no finding."""
    empty: dict[str, Any] = {"red": [], "first_requests": None, "first_seconds": None, "requests": 0, "completions": 0}
    if not (out / "run.json").exists():
        return empty | {"problem": None, "left_behind": []}
    folder = RunFolder(out)
    run = folder.load()
    rows = folder.rows("findings.jsonl", Finding) if (out / "findings.jsonl").exists() else iter(())
    failing = [f for f in rows if f.fails or (strict and not f.accepted)]
    failing.sort(key=lambda finding: finding.after_requests)
    first = failing[0] if failing else None
    return empty | {
        "red": list(dict.fromkeys(f"{f.rule} {f.operation} [{f.where}]" for f in failing)),
        "first_requests": first.after_requests if first else None,
        "first_seconds": round((datetime.fromisoformat(first.at) - began).total_seconds(), 1) if first else None,
        "requests": run.counts.get("requests", 0),
        "completions": run.counts.get("completions", 0),
        "problem": run.problem,
        "left_behind": run.left_behind,
    }


def _options(fault: Fault, api: str) -> Sequence[str]:
    """Drift fails a run only with --strict."""
    drift = bool(fault.rules) and all(RULES[rule].severity == "drift" for rule in fault.rules)
    patience = ["--timeout", PATIENCE[api]] if "no-answer" in fault.rules else []
    return [*(["--strict"] if drift else []), *patience]
