"""Breaks a deployment in ways that were written without sight of the rules, and prints what the suite sees.

    python benchmarks/unseen_score.py                        # on the reference server
    python benchmarks/unseen_score.py --api openwebui        # in front of a real Open WebUI
    python benchmarks/unseen_score.py --fault two-states     # this one; repeatable

A fault counts as found when the verification fails (exit 1). `benchmarks/unseen` says where each comes from.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from detection import Result, deployment_with_admin, trial
from unseen import UNSEEN

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.children import until_stopped
from seatrial.lab.openwebui_install import DEFAULT_VERSION


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", choices=[SESSIONS, OPENWEBUI], default=SESSIONS)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--version", default=DEFAULT_VERSION, help="the Open WebUI to break")
    parser.add_argument("--json", metavar="FILE", help="keep the results, as they come")
    arguments = parser.parse_args()
    chosen = [fault for fault in UNSEEN.values() if arguments.api in fault.apis]
    chosen = [fault for fault in chosen if not arguments.fault or fault.name in arguments.fault]
    results: list[Result] = []
    with until_stopped(), contextlib.ExitStack() as stack:
        deployment = None
        if arguments.api == OPENWEBUI:
            deployment = stack.enter_context(deployment_with_admin(arguments.version))
        pool = ThreadPoolExecutor(arguments.jobs)
        stack.callback(pool.shutdown, cancel_futures=True)
        print("| fault | API | exit | rules | what a user would notice |\n|---|---|---|---|---|", flush=True)
        runs = [(fault, pool.submit(trial, fault, arguments.api, deployment, None)) for fault in chosen]
        for fault, run in runs:
            result = run.result()
            results.append(result)
            print(
                f"| {fault.name} | {arguments.api} | {result.exit} | {', '.join(result.rules)} | {fault.words} |",
                flush=True,
            )
            if arguments.json:
                Path(arguments.json).write_text(json.dumps([asdict(row) for row in results], indent=1))
    found, other = sum(r.exit == 1 for r in results), sum(r.exit not in (0, 1) for r in results)
    print(f"\n{len(results)} faults: {found} found, {other} inconclusive, {len(results) - found - other} not seen")
    return 0


if __name__ == "__main__":
    sys.exit(main())
