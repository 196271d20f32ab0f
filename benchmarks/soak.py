"""A hundred thousand turns on the reference server: is anything lost, and does memory grow?

    python benchmarks/soak.py                    # as long as it takes here, two hours at most
    python benchmarks/soak.py --turns 5000

One `seatrial load` plays sessions of ten turns. How long it has to be is found by a short one before. The resident
memory of the load process is read every few seconds; its slope is fitted over the second half of the run, when
connections, accounts and buffers have all been there for long. Flat is less than MOST_MB in the whole of the run. Users
do not think, so that the load process may say that it was the limit (void, exit 3): its times are then no result, but
what became of the messages is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from memory import load_process
from playing import resumable
from rounds import Numbers, Setting, arguments, figure, play

from seatrial.cli.contact import reference_process
from seatrial.errors import Inconclusive
from seatrial.lifeline import child_environment
from seatrial.records import Run, RunFolder

TURNS, PER_SESSION, USERS = 100_000, 10, 10
TRIAL, MARGIN, LONGEST = 30.0, 1.2, 7_200.0
LOOK = 5.0
MOST_MB = 10.0
SETTING = "reference server"
SOURCES = (
    "benchmarks/soak.py", "benchmarks/memory.py", "load/*.py", "load/journeys/*.py", "seatrial/*.py",
    "seatrial/lab/reference.py", "seatrial/lab/kept.py",
)  # fmt: skip


def main() -> int:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--turns", type=int, default=TURNS)

    given = arguments(__doc__, add)
    given.rounds, given.turns = 1, 1_000 if given.quick else given.turns
    given.quick = given.turns < TURNS  # a shorter one is no proof, and is not stored as one
    [played] = play("soak", [Setting(SETTING, lambda _: _round(given.turns))], given, sources=SOURCES)
    numbers = played.seen["seatrial"]
    print(told(numbers))
    verdicts = judged(numbers, given.turns)
    print(*("", *(f"{'held' if held else 'MISSED'}: {words}" for words, held in verdicts)), sep="\n")
    return 0 if all(held for _, held in verdicts) else 1


def told(numbers: Numbers) -> str:
    """Memory over the run, in words."""
    said = {name: figure(numbers, name) for name in ("first_mb", "middle_mb", "last_mb", "mb_per_hour", "seconds")}
    return (
        f"{said['first_mb']:.0f} MB at first, {said['middle_mb']:.0f} in the middle, {said['last_mb']:.0f} at the end "
        f"of {said['seconds'] / 60:.0f} minutes; slope of the second half {said['mb_per_hour']:.1f} MB per hour"
    )


def judged(numbers: Numbers, turns: int = TURNS) -> list[tuple[str, bool]]:
    """What was asked for, in words, and whether it came."""
    said = {name: figure(numbers, name) for name in numbers if name != "said"}
    damaged = said["acknowledged"] - said["stored"] + said["other_harm"]
    answered = said["turns"] - said["refused_turns"]
    return [
        (f"{answered:,.0f} turns answered, at least {turns:,}", answered >= turns),
        (f"{said['refused_turns']:,.0f} turns refused", said["refused_turns"] == 0),
        (f"{damaged:,.0f} of {said['acknowledged']:,.0f} messages lost or changed", damaged == 0),
        (f"exit {said['exit']:.0f} of seatrial load: {numbers['said']}", said["exit"] == (3 if said["void"] else 0)),
        (f"left behind on the target: {said['left']:,.0f}", said["left"] == 0),
        (f"memory grows by {said['grown']:.1f} MB in all of it, at most {MOST_MB:g}", said["grown"] <= MOST_MB),
    ]


def _round(turns: int) -> dict[str, Numbers]:
    with reference_process(None) as url:
        trial, _ = _load(url, TRIAL)
        if not trial.counts.get("turns"):
            raise Inconclusive(f"the trial came to nothing: {trial.sentence}")
        seconds = min(LONGEST, TRIAL * MARGIN * turns / trial.counts["turns"])
        run, seen = _load(url, max(TRIAL, seconds))
    later = seen[len(seen) // 2 :]
    slope, counts = _slope(later), run.counts
    harm = sum(counts[name] for name in ("doubled", "truncated", "altered", "foreign", "reordered", "unverified"))
    return {
        "seatrial": {
            "turns": float(counts["turns"]), "acknowledged": float(counts["acknowledged"]),
            "stored": float(counts["stored"]), "other_harm": float(harm),
            "refused_turns": float(counts["refused_turns"]), "left": float(len(run.left_behind)),
            "void": float(run.cause == "void"), "said": run.sentence,
            "exit": float(run.exit_code if run.exit_code is not None else -1), "seconds": seen[-1][0] - seen[0][0],
            "first_mb": seen[0][1], "middle_mb": later[0][1], "last_mb": seen[-1][1],
            "mb_per_hour": slope * 3600, "grown": slope * (seen[-1][0] - seen[0][0]),
        }
    }  # fmt: skip


def _load(url: str, seconds: float) -> tuple[Run, list[tuple[float, float]]]:
    """The run, and the memory of its load process as (seconds, MB)."""
    seen: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "seatrial", "load", url, "--users", str(USERS), "--think", "0s",
             "--turns", str(PER_SESSION), "--duration", f"{seconds:.0f}s", "--out", str(out)],
            env=child_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        began = time.monotonic()
        try:
            while process.poll() is None:
                if time.monotonic() - began > seconds + 600:
                    raise Inconclusive(f"a load of {seconds:.0f} s did not end")
                try:
                    resident = load_process(process.pid).memory_info().rss
                    seen.append((time.monotonic(), resident / 1e6))
                except (psutil.Error, Inconclusive):
                    pass  # not yet there, or over
                time.sleep(min(LOOK, seconds / 20))
        finally:
            if process.poll() is None:
                process.terminate()  # it finishes its sessions
                process.wait(300)
        if not seen:
            raise Inconclusive("there was no load process")
        return RunFolder(out).load(), seen


def _slope(points: list[tuple[float, float]]) -> float:
    """MB per second, by least squares."""
    if len(points) < 2:
        return 0.0
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


if __name__ == "__main__":
    sys.exit(resumable(main))
