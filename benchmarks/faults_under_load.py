"""Faults that only a load shows, in front of the reference server and of a real Open WebUI: found, and rightly named?

    python benchmarks/faults_under_load.py --target reference
    python benchmarks/faults_under_load.py                        # and Open WebUI 0.12.4

One turn in twenty is answered and not stored; one request in fifty is a 502; opening a conversation takes 300 ms more.
Each is a fault of the catalogue (`seatrial lab proxy`), and each load is the same, with objectives that the target
keeps without a fault: a load through a proxy that breaks nothing has to pass. Found is exit 1 with a finding of the
right rule, about the right operation, that says what it was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from markdown import table
from playing import resumable
from processes import ended
from rounds import Numbers, Round, Setting, arguments, figure, play
from standing import SEATRIAL, behind, referenced, released

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.errors import Inconclusive
from seatrial.lifeline import child_environment
from seatrial.records import Finding, RunFolder
from seatrial.verbs import VERB_OPERATIONS

SECONDS, USERS, TURNS, THINK = 180, 4, 2, 0.5
LIMIT_MS = 300
"""Milliseconds that 95 of 100 histories may take: healthy targets keep to it on a small machine, slow ones cannot."""
GRACE = 240.0
VERSION = "0.12.4"
SOURCES = (
    "benchmarks/faults_under_load.py", "benchmarks/standing.py", "load/*.py", "load/journeys/*.py", "seatrial/*.py",
    "seatrial/lab/*.py", "seatrial/lab/faults/answers.py", "seatrial/lab/faults/chances.py",
    "seatrial/lab/faults/histories.py", "seatrial/lab/faults/making.py",
)  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """The finding that a fault has to lead to: its rule, about the history or anything, and a word of its text."""

    rule: str
    about_history: bool
    says: str


FAULTS = {
    "none": None,
    "one-turn-in-twenty-lost": Expected("load-lost", True, "lost"),
    "one-in-fifty-502": Expected("load-errors", False, "502"),
    "history-late": Expected("load-slow", True, "p95"),
}


def main() -> int:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--target", action="append", choices=["reference", "openwebui"])
        parser.add_argument("--version", default=VERSION, help=f"of Open WebUI [default: {VERSION}]")

    given = arguments(__doc__, add)
    given.rounds = 1
    seconds = 60 if given.quick else SECONDS
    targets = given.target or ["reference", "openwebui"]
    settings = [
        Setting(f"{SESSIONS if name == 'reference' else f'{OPENWEBUI} {given.version}'}, {fault}",
                partial(_round, name, given.version, fault, seconds))
        for name in targets for fault in FAULTS
    ]  # fmt: skip
    played = play("faults under load", settings, given, sources=SOURCES)
    print("\n".join(lines(played)))
    return 0 if all(held for _, held in judged(played)) else 1


def judged(rounds: list[Round]) -> list[tuple[str, bool]]:
    """What was asked for, in words, and whether it came."""
    return [
        (f"{row.setting}: {numbers['said']}; left behind: {figure(numbers, 'left'):g}",
         numbers["right"] == 1.0 and numbers["left"] == 0)
        for row in rounds
        for numbers in row.seen.values()
    ]  # fmt: skip


def lines(rounds: list[Round]) -> list[str]:
    heads = ["target", "fault", "verdict", "findings", "rightly named", "left behind:"]
    rows = [
        [row.setting.rpartition(", ")[0], fault, numbers["said"], numbers["findings"] or "none",
         "yes" if numbers["right"] else "**no**", f"{figure(numbers, 'left'):g}"]
        for row in rounds
        for fault, numbers in row.seen.items()
    ]  # fmt: skip
    return table(heads, rows)


def _round(name: str, version: str, fault: str, seconds: int, _: int) -> dict[str, Numbers]:
    api = SESSIONS if name == "reference" else OPENWEBUI
    standing: AbstractContextManager[tuple[str, dict[str, str]]]
    standing = referenced(USERS) if name == "reference" else released(version)
    with standing as (url, known):
        return {fault: _load(url, known, fault, api, seconds)}


def _load(url: str, known: dict[str, str], fault: str, api: str, seconds: int) -> Numbers:
    history = VERB_OPERATIONS[api]["get_history"]
    with behind(url, None if fault == "none" else fault) as broken, tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        command = [*SEATRIAL, "load", broken, "--users", str(USERS), "--duration", f"{seconds}s", "--turns", str(TURNS),
                   "--think", f"{THINK}s", "--slo", f"{history} p95 < {LIMIT_MS}ms", "--out", str(out)]  # fmt: skip
        end = ended(command, child_environment() | known, seconds + GRACE)
        if not (out / "run.json").exists():
            raise Inconclusive(f"the load ended with {end.code}: {end.last}")
        folder = RunFolder(out)
        run = folder.load()
        findings = list(folder.rows("findings.jsonl", Finding)) if (out / "findings.jsonl").exists() else []
    expected = FAULTS[fault]
    if expected is None:
        right = end.code == 0 and not findings
    else:
        right = end.code == 1 and any(
            finding.rule == expected.rule
            and (finding.operation == history or not expected.about_history)
            and expected.says in f"{finding.title} {finding.received} {finding.expected}"
            for finding in findings
        )
    told = "; ".join(f"{finding.rule} {finding.operation}: {finding.received[:160]}" for finding in findings)
    return {"right": float(right), "exit": float(end.code if end.code is not None else -1),
            "said": run.sentence or f"{run.problem}", "findings": told,
            "left": float(len(run.left_behind))}  # fmt: skip


if __name__ == "__main__":
    sys.exit(resumable(main))
