"""Verifies a target that answers one operation in a way meant to do harm, for each way and operation there is.

    python benchmarks/hostile.py
    python benchmarks/hostile.py --spread
    python benchmarks/hostile.py --operation getHistory --way "a bomb" --way "a million rows"

Behind it is the reference server, which works; timeouts are short. Output: a line per run with its exit code (1: found,
3: nothing proved), seconds, requests and peak memory, and a summary. Exit code 1 when a run ended otherwise, printed a
traceback, failed in the suite itself, took more than MEMORY_MB, or left sessions that it does not name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from cost import MEMORY_MB, peak

from seatrial.cli.contact import reference_process
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from hostile_server import hostile
from nastiness import EVERY

OPERATIONS = ("getHistory", "sendMessage", "createSession", "deleteSession", "getModelInfo", "listSessions")
TIMEOUT = 0.3
TOKENS = ["owner-one-0123456789", "owner-two-0123456789"]
FIRST_CONTACT = {"listSessions": 14}
"""Answers that have to be as they should, so that the suite begins at all."""


def main() -> int:
    arguments = _arguments()
    seen: list[tuple[float, float, int]] = []
    bad = 0
    operations, ways = arguments.operation or OPERATIONS, arguments.way or list(EVERY)
    pairs = [(operation, way) for operation in operations for way in ways]
    if arguments.spread:
        pairs = list(zip(cycle(operations), ways, strict=False))
    for operation, way in pairs:
        fault, measured = _run(operation, way)
        seen.append(measured)
        bad += bool(fault)
    slowest, most = max(one[0] for one in seen), max(one[1] for one in seen)
    codes = {code: sum(one[2] == code for one in seen) for code in sorted({one[2] for one in seen})}
    print(f"\n{len(seen)} runs: exit codes {codes}, slowest {slowest:.0f} s, most memory {most:.0f} MB, unsound {bad}")
    return 1 if bad else 0


def _run(operation: str, way: str) -> tuple[str, tuple[float, float, int]]:
    with (
        tempfile.TemporaryDirectory() as scratch,
        reference_process(None, TOKENS) as url,
        hostile(url, {operation: EVERY[way]}, FIRST_CONTACT.get(operation, 1)) as server,
    ):
        out, said = Path(scratch) / "run", Path(scratch) / "said"
        started = time.monotonic()
        with said.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "seatrial", "verify", server.url, "--timeout", f"{TIMEOUT}s",
                 "--out", str(out)],
                env=child_environment() | {"SEATRIAL_TOKEN": "\n".join(TOKENS), "SEATRIAL_DISPOSABLE": "1"},
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
            memory = peak(process)
        seconds, printed, code = time.monotonic() - started, said.read_text("utf-8", "replace"), process.returncode
        run = RunFolder(out).load() if (out / "run.json").exists() else None
        problem = (run.problem or "") if run else printed.strip()[-200:]
        faults = [
            *([f"exit {code}"] if code not in (1, 3) else []),
            *(["a traceback"] if "Traceback" in printed else []),
            *(["the suite itself failed"] if "the suite" in problem else []),
            *(["memory"] if memory > MEMORY_MB else []),
            *(["its token went elsewhere"] if server.elsewhere_got else []),
        ]
    requests = run.counts.get("requests", 0) if run else 0
    print(
        f"{operation:<14} {way:<38} exit {code} {seconds:6.1f} s {requests:5} requests {memory:5.0f} MB "
        f"{problem[:90]}{'  UNSOUND: ' + ', '.join(faults) if faults else ''}",
        flush=True,
    )
    return ", ".join(faults), (seconds, memory, code)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operation", action="append", choices=OPERATIONS)
    parser.add_argument("--spread", action="store_true", help="each way on one operation, in turn")
    parser.add_argument("--way", action="append", choices=[*EVERY], metavar="NAME")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
