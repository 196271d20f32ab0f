"""Verifies what is healthy, again and again: whatever is found there is a false alarm, or genuine and documented.

    python benchmarks/false_alarms.py                                # all; goes on where it was
    python benchmarks/false_alarms.py --target reference --target 0.12.4 --seeds 3 --depth quick

The reference server and 0.12.4 with 20 seeds at quick depth, four older releases with 3, and each once at full depth;
without a proxy between. Around each run on an Open WebUI its accounts, chats and settings are compared. What fails a
run on an older release stands in docs/releases.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from detection import common
from markdown import table
from places import Ground, OpenWebUI, opening
from playing import play, resumable
from releases import snapshot
from storing import LAB, SUITE, Store, fingerprint, unchanged
from trials import verify

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.children import until_stopped
from seatrial.records import Finding, RunFolder

STORED = "healthy.jsonl"
SOURCES = (*SUITE, *LAB)
REFERENCE = "reference"
PLAN = {REFERENCE: 20, "0.12.4": 20, "0.11.4": 3, "0.10.2": 3, "0.9.6": 3, "0.9.4": 3}
"""Seeds at quick depth; at full depth each gets one."""


@dataclass(frozen=True)
class HealthyCell:
    """A verification that is wanted: of the reference server, or of a release by its version."""

    target: str
    depth: str
    seed: int

    @property
    def key(self) -> str:
        return f"{self.target} {self.depth} {self.seed}"


@dataclass(frozen=True)
class HealthyRun(HealthyCell):
    """What it said. `failing` and `drift` are findings as `rule operation [where]`, `known` names of known defects."""

    fingerprint: str
    exit: int | None
    failing: list[str]
    drift: list[str]
    known: list[str]
    requests: int
    completions: int
    seconds: float
    problem: str | None
    left_behind: list[str]
    changed: list[str]


def main() -> int:
    arguments = _arguments()
    store = Store(Path(arguments.folder) / STORED, HealthyRun, accept_stale=arguments.accept_stale)
    wanted = list(_wanted(arguments))
    todo = [cell for cell in wanted if arguments.redo or store.find(cell.key, fingerprint(*SOURCES)) is None]
    print(f"{len(wanted)} runs, {len(todo)} to do", flush=True)

    def tell(run: HealthyRun) -> None:
        store.add(run)
        print(f"{run.key}: exit {run.exit} in {run.seconds} s, {run.requests} requests; new {run.failing or 'none'}, "
              f"drift {run.drift or 'none'}, known {run.known or 'none'}, left {run.left_behind or 'nothing'}, changed "
              f"{run.changed or 'nothing'}{f'; {run.problem}' if run.problem else ''}", flush=True)  # fmt: skip

    with until_stopped():
        for target in dict.fromkeys(cell.target for cell in todo):
            here = [cell for cell in todo if cell.target == target]
            api = SESSIONS if target == REFERENCE else OPENWEBUI
            play(here, opening(api, target), healthy_run, jobs=arguments.jobs, tell=tell)
    print("\n" + "\n".join(told(store.all())))
    return 0


def _wanted(arguments: argparse.Namespace) -> Iterator[HealthyCell]:
    for target in arguments.target or PLAN:
        for depth in arguments.depth or ["quick", "full"]:
            seeds = PLAN.get(target, 3) if depth == "quick" else 1
            for seed in range(min(seeds, arguments.seeds or seeds)):
                yield HealthyCell(target, depth, seed)


def healthy_run(cell: HealthyCell, ground: Ground) -> HealthyRun:
    """One verification of what nothing was done to."""
    made_from, webui = unchanged(*SOURCES), ground if isinstance(ground, OpenWebUI) else None
    with ground.place() as place, tempfile.TemporaryDirectory() as name:
        before = snapshot(*webui.running()) if webui else {}
        out = Path(name) / "run"
        end = verify(place.url, place, OPENWEBUI if webui else SESSIONS, cell.depth, cell.seed, out)
        after = snapshot(*webui.running()) if webui else {}
        folder = RunFolder(out)
        run = folder.load()
        rows = list(folder.rows("findings.jsonl", Finding))
    return HealthyRun(
        **asdict(cell),
        fingerprint=made_from,
        exit=end.code,
        failing=_named(row for row in rows if row.fails),
        drift=_named(row for row in rows if row.severity == "drift" and not row.accepted),
        known=sorted({row.known for row in rows if row.known}),
        requests=run.counts.get("requests", 0),
        completions=run.counts.get("completions", 0),
        seconds=round(end.seconds, 1),
        problem=run.problem,
        left_behind=run.left_behind,
        changed=[name for name in before if before[name] != after[name]],
    )


def _named(rows: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(f"{row.rule} {row.operation} [{row.where}]" for row in rows))


HEADS = (
    "target", "runs (quick, full)", "exit 0", "failing findings", "drift", "known defects", "left behind, changed",
    "requests (quick, full)", "seconds (quick, full)",
)  # fmt: skip


def told(runs: Sequence[HealthyRun]) -> list[str]:
    """Markdown: a line for each target, what failed there with the share of runs that it failed."""
    rows = []
    for target in sorted({run.target for run in runs}, key=lambda target: [*PLAN, target].index(target)):
        here = [run for run in runs if run.target == target]
        quick, full = ([run for run in here if run.depth == depth] for depth in ("quick", "full"))
        harm = sorted({left for run in here for left in (*run.left_behind, *run.changed)})
        cells = (
            target, f"{len(quick)}, {len(full)}", f"{sum(run.exit == 0 for run in here)} of {len(here)}",
            _counted([run.failing for run in here]), _counted([run.drift for run in here]),
            _counted([run.known for run in here]), ", ".join(harm) or "nothing",
            _medians([run.requests for run in quick], [run.requests for run in full]),
            _medians([run.seconds for run in quick], [run.seconds for run in full]),
        )  # fmt: skip
        rows.append(cells)
    return table(HEADS, rows)


def _counted(rows: Sequence[Sequence[str]]) -> str:
    names = sorted({name for row in rows for name in row})
    return ", ".join(f"`{name}` ({sum(name in row for row in rows)} of {len(rows)})" for name in names) or "none"


def _medians(*groups: Sequence[float]) -> str:
    return ", ".join(f"{statistics.median(group):.0f}" if group else "-" for group in groups)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--target", action="append", metavar="VERSION", help=f"{REFERENCE} or a release; by default all"
    )
    parser.add_argument("--depth", action="append", choices=["quick", "full"], help="by default: both")
    parser.add_argument("--seeds", type=int, metavar="N", help="at most so many, from 0")
    common(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(resumable(main))
