"""How many sessions a real Open WebUI holds on this machine: the same search three times, on SQLite and on PostgreSQL.

    python benchmarks/capacity_openwebui.py                          # SQLite, three times, some 15 minutes each
    python benchmarks/capacity_openwebui.py --database sqlite --database postgres

Each search is `seatrial capacity` on a deployment that was booted for it, empty, with the scripted provider behind it,
and accounts of its own for every user. Databases take turns. An answer is good if none of the three intervals says that
a level fails which another one saw hold, and each is narrow: fails/holds at most 1.25, or fails = holds + 1. Generator,
provider and server share the machine here, so that the answer is about all of them; the deployment runs at a lower
priority (nice 10), so that it is what is short of processor time, and not who measures it.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from markdown import table
from playing import resumable
from processes import ended
from rounds import Numbers, Round, Setting, arguments, figure, play
from standing import SEATRIAL, released

from seatrial.errors import Inconclusive
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder
from seatrial.samples import NARROW, Tried

VERSION = "0.12.4"
SEARCHES = 3
OBJECTIVE, START, LOOK, BUDGET = "turn p95 < 3s", 4, 30, 40
"""What has to hold, users of the first level, seconds of a look, minutes of a search."""
TURNS, THINK = 3, 1
GRACE = 600.0
DATABASES = ("sqlite", "postgres")
SOURCES = (
    "benchmarks/capacity_openwebui.py", "benchmarks/standing.py", "load/*.py", "load/journeys/*.py", "seatrial/*.py",
    "seatrial/lab/openwebui*.py", "seatrial/lab/postgres.py", "seatrial/lab/provider.py", "seatrial/cli/capacity.py",
    "seatrial/cli/levels.py",
)  # fmt: skip


def main() -> int:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--database", action="append", choices=DATABASES, help="repeatable [default: sqlite]")
        parser.add_argument("--version", default=VERSION, help=f"of Open WebUI [default: {VERSION}]")
        parser.add_argument("--budget", type=int, default=BUDGET, help=f"minutes of a search [default: {BUDGET}]")
        parser.set_defaults(rounds=SEARCHES)

    given = arguments(__doc__, add)
    budget = min(given.budget, 4) if given.quick else given.budget
    settings = [
        Setting(f"{given.version} {database}", partial(_round, given.version, database, budget, given.quick))
        for database in dict.fromkeys(given.database or ["sqlite"])
    ]
    played = play("capacity", settings, given, sources=SOURCES)
    print("\n".join(lines(played)))
    verdicts = judged(played)
    print(*("", *(f"{'held' if held else 'MISSED'}: {words}" for words, held in verdicts)), sep="\n")
    return 0 if all(held for _, held in verdicts) else 1


def judged(rounds: Sequence[Round]) -> list[tuple[str, bool]]:
    """What was asked for, in words, and whether it came."""
    found = []
    for setting in dict.fromkeys(row.setting for row in rounds):
        ends = [_ends(row) for row in rounds if row.setting == setting]
        told = ", ".join(f"[{holds:g}, {fails:g}]" for holds, fails in ends)
        if len(ends) < SEARCHES:
            found.append((f"{setting}: {len(ends)} of {SEARCHES} searches", False))
        narrow = all(holds and fails and (fails <= holds * NARROW or fails == holds + 1) for holds, fails in ends)
        found.append((f"{setting}: each interval is narrow: {told}", narrow))
        if len(ends) > 1:
            # A search says that `holds` held and `fails` failed: two agree where neither refutes the other.
            overlap = max(holds for holds, _ in ends) < min(fails or math.inf for _, fails in ends)
            found.append((f"{setting}: the intervals overlap: {told}", overlap))
        seen = [row.seen["seatrial"] for row in rounds if row.setting == setting]
        left = sum(figure(one, "left") for one in seen)
        found.append((f"{setting}: left behind on the target: {left:g}", left == 0))
        failed = [f"exit {figure(one, 'exit'):g}" for one in seen if one["exit"]]
        found.append((f"{setting}: each search passes{': ' if failed else ''}{', '.join(failed)}", not failed))
    return found


def lines(rounds: Sequence[Round]) -> list[str]:
    """A table: a row for each search."""
    heads = ["release and database", "search:", "holds:", "fails:", "minutes:", "what failed first"]
    rows = []
    for row in sorted(rounds, key=lambda row: (row.setting, row.number)):
        holds, fails = _ends(row)
        why = str(row.seen["seatrial"]["why"])
        rows.append(
            [row.setting, row.number, f"{holds:g}", f"{fails:g}" if fails else "-", f"{row.seconds / 60:.0f}", why]
        )
    return [*table(heads, rows), *_spread(rounds)]


def _spread(rounds: Sequence[Round]) -> list[str]:
    """What the searches saw at the levels that more than one of them tried: how steady the deployment is."""
    seen: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for row in sorted(rounds, key=lambda row: (row.setting, row.number)):
        for level, turns, p95 in json.loads(str(row.seen["seatrial"].get("tried") or "[]")):
            seen.setdefault((row.setting, level), []).append((turns, p95))
    rows = [
        [setting, level, ", ".join(f"{turns:.1f}" for turns, _ in tries), ", ".join(f"{p95:,.0f}" for _, p95 in tries)]
        for (setting, level), tries in sorted(seen.items())
        if len(tries) > 1
    ]
    kept = [row.seen["seatrial"] for row in rounds if "stolen" in row.seen["seatrial"]]
    loops, stolen = [figure(one, "loop_ms") for one in kept], [figure(one, "stolen") for one in kept]
    if not rows or not loops:
        return []
    said = (
        "What each try of a level saw, in the order in which they came; the same arithmetic took the machine "
        f"{min(loops):.0f} to {max(loops):.0f} ms before each of the searches, and its host gave {min(stolen):.1%} to "
        f"{max(stolen):.1%} of the processors to others during them:"
    )
    return ["", said, "", *table(["release and database", "users:", "turns/s:", "turn p95 ms:"], rows)]


def _loop() -> float:
    """Milliseconds that some arithmetic takes here and now (the median of nine): whether the machine is what it was."""
    took = []
    for _ in range(9):
        began = time.perf_counter()
        sum(number * number for number in range(1_000_000))
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def _stolen() -> tuple[float, float]:
    """Processor time that the host gave to others while something here wanted it, and all that passed, in ticks."""
    ticks = [float(word) for word in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]]
    return ticks[-1], sum(ticks)


def _ends(row: Round) -> tuple[float, float]:
    """The interval; `fails` is 0 where the search did not come to one."""
    return figure(row.seen["seatrial"], "holds"), figure(row.seen["seatrial"], "fails")


def _round(version: str, database: str, budget: int, quick: bool, _: int) -> dict[str, Numbers]:
    loop, before = _loop(), _stolen()
    with released(version, database) as (url, known), tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        command = [
            *SEATRIAL, "capacity", url, "--slo", OBJECTIVE, "--start", str(START),
            "--look", f"{10 if quick else LOOK}s", "--budget", f"{budget}m",
            "--turns", str(TURNS), "--think", f"{THINK}s", "--out", str(out),
        ]  # fmt: skip
        end = ended(command, child_environment() | known, 60 * budget + GRACE)
        if not (out / "run.json").exists():
            raise Inconclusive(f"the search ended with {end.code}: {end.last}")
        folder = RunFolder(out)
        run = folder.load()
        tried = [
            (one.level, round(one.turns, 1), round(one.turn_p95))
            for one in folder.rows("levels.jsonl", Tried) if one.turn_p95 is not None
        ]  # fmt: skip
    # One that its budget ended is a result; one that the deployment, this benchmark or the machine ended is none.
    if end.code is None or run.problem or not (run.counts.get("fails") or "budget" in run.sentence):
        raise Inconclusive(f"the search ended with {end.code}: {run.sentence or run.problem}")
    stolen, passed = (after - earlier for after, earlier in zip(_stolen(), before, strict=True))
    why = re.sub(r"^Holds \d+ users?(, fails at \d+| at least)[:;] ", "", run.sentence)
    return {
        "seatrial": {
            "holds": float(run.counts["holds"]), "fails": float(run.counts["fails"]),
            "levels": float(run.counts["levels"]), "exit": float(end.code if end.code is not None else -1),
            "why": why.rstrip("."), "left": float(len(run.left_behind)),
            "tried": json.dumps(tried), "loop_ms": round(loop, 1),
            "stolen": round(stolen / max(1.0, passed), 5),
        }
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(resumable(main))
