"""Loads a released Open WebUI with whole sessions and prints what became of every message.

    python benchmarks/load_openwebui.py 0.12.4 --users 20 --duration 60 --turns 3 --think 1

The release is installed (once) and booted by the lab with the scripted provider behind it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from reports.measured import Measured
from seatrial.lab import openwebui, openwebui_install
from seatrial.lab.children import provider_process
from seatrial.lab.script import Script
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", metavar="VERSION")
    for name, default in (("users", "20"), ("duration", "60"), ("turns", "3"), ("think", "1")):
        parser.add_argument(f"--{name}", default=default)
    arguments = parser.parse_args()
    openwebui_install.install(arguments.version)
    with (
        provider_process(Script()) as provider,
        openwebui.boot(arguments.version, provider_url=provider) as deployment,
        tempfile.TemporaryDirectory() as scratch,
    ):
        out = Path(scratch) / "run"
        numbers = [
            text for name in ("users", "duration", "turns", "think") for text in (f"--{name}", vars(arguments)[name])
        ]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "seatrial", "load", deployment.url, *numbers, "--out", str(out)],
            env=child_environment() | {"SEATRIAL_ADMIN": f"{deployment.admin_email}:{deployment.admin_password}"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        folder = RunFolder(out)
        run = folder.load()
        print(f"exit {done.returncode}: {run.sentence}")
        print(f"left behind: {run.left_behind or 'nothing'}")
        print(json.dumps(run.counts))
        for row in Measured.of(folder, run).latencies:
            spread = row.succeeded
            print(f"{row.operation}: {row.count} requests, {row.failures} failed, "
                  f"p50 {spread.p50} p95 {spread.p95} p99 {spread.p99} ms")  # fmt: skip
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
