"""Breaks a healthy deployment in every way of the catalogue, and counts what a verification finds.

    python benchmarks/detection.py                                    # the whole matrix; goes on where it was
    python benchmarks/detection.py --api sessions --depth quick --seeds 1
    python benchmarks/detection.py --fault none --fault message-lost --depth quick --seeds 1 --json found.json
    python benchmarks/detection.py --report                           # docs/detection.md of what is stored

`none` is the proxy without a fault: it must find nothing. A fault is found when the run fails, and found rightly when
one of the rules that the catalogue names for it turned red. A run stops with the first test that fails; one full run
of each does not, and counts the other rules. A fault with a chance is always run to the end, its requests counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from places import Ground, opening
from playing import play, resumable
from storing import RESULTS, Store, fingerprint
from trials import NONE, Cell, Result, faults_of, sources, trial

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.children import until_stopped
from seatrial.lab.faults import Fault
from seatrial.lab.openwebui_install import DEFAULT_VERSION

STORED = "trials.jsonl"


@dataclass(frozen=True)
class Sweep:
    """Every steady fault, or every one with a chance, so many times.

    `alone` leaves only the faults that no other API has, or, where it is False, those that another has too.
    """

    api: str
    depth: str
    seeds: int
    cut: bool
    chance: bool = False
    alone: bool | None = None

    def faults(self) -> list[Fault]:
        elsewhere = {
            fault.name for api in (SESSIONS, OPENWEBUI) if api != self.api for fault in faults_of("catalogue", api)
        }
        return [
            fault
            for fault in faults_of("catalogue", self.api)
            if (fault.chance is not None) == self.chance and self.alone in (None, fault.name not in elsewhere)
        ]


PLAN = (
    Sweep(SESSIONS, "quick", 5, cut=True),
    Sweep(OPENWEBUI, "quick", 3, cut=True),
    Sweep(SESSIONS, "full", 5, cut=True),
    Sweep(SESSIONS, "full", 1, cut=False),
    # One run that is not cut for each fault: where both APIs have it, that of the Session API, which is quicker.
    Sweep(OPENWEBUI, "full", 1, cut=False, alone=True),
    Sweep(OPENWEBUI, "full", 1, cut=True, alone=False),
    Sweep(SESSIONS, "quick", 10, cut=False, chance=True),
    Sweep(OPENWEBUI, "quick", 5, cut=False, chance=True),
)


def main() -> int:
    arguments = _arguments()
    if arguments.report:
        from detection_report import write

        write(Path(arguments.folder))
        return 0
    store = Store(Path(arguments.folder) / STORED, Result, accept_stale=arguments.accept_stale)
    wanted = _wanted(arguments)
    with until_stopped():
        results = fill(store, wanted, arguments.jobs, redo=arguments.redo, keep=arguments.keep)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([asdict(result) for result in results], indent=1))
    sum_up(results)
    return 0


def fill(store: Store[Result], wanted: Sequence[Cell], jobs: int, *, redo: bool, keep: str | None) -> list[Result]:
    """Do what is not stored, a place after the other, and return the results of all."""
    todo = [cell for cell in wanted if redo or store.find(cell.key, fingerprint(*sources(cell))) is None]
    print(f"{len(wanted)} trials, {len(todo)} to do, {_estimate(todo, store.all(), jobs)}", flush=True)
    print(HEADING, flush=True)

    def tell(result: Result) -> None:
        store.add(result)
        print(line(result), flush=True)

    def do(cell: Cell, ground: Ground) -> Result:
        with ground.place() as place:
            return trial(cell, place, jobs=jobs, keep=keep)

    for api, version in dict.fromkeys((cell.api, cell.version) for cell in todo):
        here = [cell for cell in todo if (cell.api, cell.version) == (api, version)]
        play(here, opening(api, version), do, jobs=jobs, tell=tell)
    found = {result.key: result for result in store.all()}
    return [found[cell.key] for cell in wanted if cell.key in found]


def planned(sweeps: Sequence[Sweep], version: str = DEFAULT_VERSION) -> list[Cell]:
    """The trials of some sweeps: all faults with one seed, then with the next."""
    return [
        Cell(
            "catalogue", fault.name, sweep.api, version if sweep.api == OPENWEBUI else "", sweep.depth, seed, sweep.cut
        )
        for sweep in sweeps
        for seed in range(sweep.seeds)
        for fault in sweep.faults()
    ]


def _wanted(arguments: argparse.Namespace) -> list[Cell]:
    sweeps = [
        sweep
        for sweep in PLAN
        if sweep.api in (arguments.api or [sweep.api])
        and sweep.depth in (arguments.depth or [sweep.depth])
        and (sweep.cut or sweep.chance or not arguments.only_cut)
    ]
    cells = planned(sweeps, arguments.version)
    if arguments.fault:
        cells = [cell for cell in cells if cell.fault in arguments.fault]
    return [cell for cell in cells if arguments.seeds is None or cell.seed < arguments.seeds]


GUESS = {(SESSIONS, "quick"): 6.0, (SESSIONS, "full"): 20.0, (OPENWEBUI, "quick"): 20.0, (OPENWEBUI, "full"): 100.0}
"""Seconds of a trial of which nothing is stored yet."""


def _estimate(todo: Sequence[Cell], known: Sequence[Result], jobs: int) -> str:
    """How long it takes by what such trials took."""
    if not todo:
        return "all are stored"
    seconds = 0.0
    for cell in todo:
        alike = [r.seconds for r in known if (r.api, r.depth, r.cut) == (cell.api, cell.depth, cell.cut)]
        seconds += statistics.mean(alike) if alike else GUESS[cell.api, cell.depth]
    return f"about {seconds / jobs / 60:.0f} minutes"


HEADING = (
    "| fault | API | depth | seed | found | rule | other rules | requests | seconds | of the run |\n"
    "|---|---|---|---:|---|---|---|---:|---:|---:|"
)


def line(result: Result) -> str:
    right = [rule for rule in result.rules if rule in result.expected]
    found = "yes" if result.exit == 1 else "no" if result.exit == 0 else f"exit {result.exit}"
    shown = ", ".join(right) or (f"not {' or '.join(result.expected)}" if result.expected else "-")
    problem = f" ({result.problem})" if result.problem else ""
    return (
        f"| {result.fault} | {result.api} | {result.depth}{'' if result.cut else ', uncut'} | {result.seed} "
        f"| {found}{problem} | {shown} | {', '.join(result.others) or '-'} "
        f"| {_or_dash(result.first_requests)} | {_or_dash(result.first_seconds)} "
        f"| {result.requests} in {result.seconds} s |"
    )


def _or_dash(number: float | None) -> str:
    return "-" if number is None else str(number)


def sum_up(results: Sequence[Result]) -> None:
    faults = [result for result in results if result.expected]
    found, right = sum(result.found for result in faults), sum(result.right for result in faults)
    print(f"\n{len(faults)} trials of faults: {found} found, {right} rightly.")
    for result in results:
        if result.fault == NONE.name and not result.right:
            print(f"found in a healthy {result.api}: {result.red} {result.problem or ''}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", action="append", choices=[SESSIONS, OPENWEBUI], help="by default: both")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--depth", action="append", choices=["quick", "full"], help="by default: both")
    parser.add_argument("--seeds", type=int, metavar="N", help="at most so many, from 0")
    parser.add_argument("--only-cut", action="store_true", help="no runs that go on after the first finding")
    parser.add_argument("--version", default=DEFAULT_VERSION, help="the Open WebUI to break")
    common(parser)
    parser.add_argument("--json", metavar="FILE", help="write the results of the chosen trials there, too")
    parser.add_argument("--keep", metavar="DIR", help="keep the run folders")
    parser.add_argument("--report", action="store_true", help="only write docs/detection.md")
    return parser.parse_args()


def common(parser: argparse.ArgumentParser) -> None:
    """Options of every benchmark that stores its trials."""
    parser.add_argument("--jobs", type=int, default=1, help="trials at the same time; each boots its own Open WebUI")
    parser.add_argument("--folder", default=str(RESULTS), metavar="DIR", help="where results are stored")
    parser.add_argument("--redo", action="store_true", help="do what is stored once more")
    parser.add_argument("--accept-stale", action="store_true", help="keep stored results though the sources changed")


if __name__ == "__main__":
    sys.exit(resumable(main))
