"""Breaks a deployment in ways that were written without sight of the rules, and prints what the suite sees.

    python benchmarks/unseen_score.py                        # on the reference server and in front of a real Open WebUI
    python benchmarks/unseen_score.py --api sessions
    python benchmarks/unseen_score.py --fault two-states     # this one; repeatable

A fault counts as found when the verification fails (exit 1), at quick depth, cut at the first test that fails.
`benchmarks/unseen` says where each comes from; `benchmarks/results` holds what was found at the first try.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from detection import STORED, common, fill
from playing import resumable
from storing import Store
from trials import Cell, Result, faults_of

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.children import until_stopped
from seatrial.lab.openwebui_install import DEFAULT_VERSION


def main() -> int:
    arguments = _arguments()
    store = Store(Path(arguments.folder) / STORED, Result, accept_stale=arguments.accept_stale)
    cells = [
        Cell("unseen", fault.name, api, arguments.version if api == OPENWEBUI else "", "quick", seed=0, cut=True)
        for api in arguments.api or [SESSIONS, OPENWEBUI]
        for fault in faults_of("unseen", api)
        if not arguments.fault or fault.name in arguments.fault
    ]
    with until_stopped():
        results = fill(store, cells, arguments.jobs, redo=arguments.redo, keep=arguments.keep)
    for api in dict.fromkeys(result.api for result in results):
        rows = [result for result in results if result.api == api]
        found, other = sum(r.exit == 1 for r in rows), sum(r.exit not in (0, 1) for r in rows)
        told = f"{found} found, {other} inconclusive, {len(rows) - found - other} not seen"
        print(f"{api}: {len(rows)} faults: {told}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", action="append", choices=[SESSIONS, OPENWEBUI], help="by default: both")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--version", default=DEFAULT_VERSION, help="the Open WebUI to break")
    common(parser)
    parser.add_argument("--keep", metavar="DIR", help="keep the run folders")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(resumable(main))
