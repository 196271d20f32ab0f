"""What a verification costs: time, requests, completions, tokens and memory, beside the bounds that were said before.

    python benchmarks/cost.py reference openwebui --version 0.12.4

Each target is verified at quick and at full depth. Memory is the peak of the resident memory of `seatrial verify` and
all that it started (not of the target), looked at every 20 ms; pages that processes share are counted in each, so that
the truth is a little less. Requests, completions and prompt characters are counted before they are sent; what a reply
cost is estimated, an event of a stream or four characters as one token, and background turns are not in it. Output: a
table, and exit code 1 if a bound was exceeded or MEMORY_MB was.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from seatrial.accounts import sign_in
from seatrial.cli.contact import reference_process
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.lab import openwebui, openwebui_install
from seatrial.lab.children import provider_process
from seatrial.lab.script import Script
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder
from seatrial.target import Login, Target

MEMORY_MB = 500
LOOK_SECONDS = 0.02
COUNTED = ("requests", "completions", "prompt_characters", "reply_tokens")


def main() -> int:
    arguments = _arguments()
    rows, sound = [], True
    for name in arguments.targets:
        with _target(name, arguments.version) as (url, credentials):
            for depth in arguments.depth or ["quick", "full"]:
                row, within = _cost(name, url, credentials, depth)
                sound = sound and within
                rows.append(row)
                print(row, flush=True)
    head = ("target", "depth", "exit", "seconds", "requests", "completions", "prompt characters", "reply tokens", "MB")
    print("\n| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print("\nEach count as: counted (the bound). Memory has to stay under", MEMORY_MB, "MB.")
    return 0 if sound else 1


def _cost(name: str, url: str, credentials: dict[str, str], depth: str) -> tuple[list[str], bool]:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "seatrial", "verify", url, "--depth", depth, "--out", str(out)],
            env=child_environment() | credentials, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        most = peak(process)
        seconds = time.monotonic() - started
        run = RunFolder(out).load()
    bounds = run.settings["bounds"]
    told = [f"{run.counts[what]:,} ({bounds[what]:,})" for what in COUNTED]
    within = all(run.counts[what] <= bounds[what] for what in COUNTED) and most < MEMORY_MB
    named = f"{name} {run.target_version or ''}".strip()
    return [named, depth, str(process.returncode), f"{seconds:.0f}", *told, f"{most:.0f}"], within


def peak(process: subprocess.Popen[bytes]) -> float:
    """Megabytes of resident memory of a process and its descendants at their most, once it has ended."""
    most = 0.0
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            family = [watched, *watched.children(recursive=True)]
            most = max(most, sum(one.memory_info().rss for one in family) / 1e6)
        time.sleep(LOOK_SECONDS)
    return most


@contextlib.contextmanager
def _target(name: str, version: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where it is, and the credentials for it."""
    if name == "reference":
        tokens = ["owner-one-0123456789", "owner-two-0123456789"]
        with reference_process(None, tokens) as url:
            yield url, {"SEATRIAL_TOKEN": "\n".join(tokens), "SEATRIAL_DISPOSABLE": "1"}
        return
    openwebui_install.install(version)
    with provider_process(Script()) as provider, openwebui.boot(version, provider_url=provider) as deployment:
        login = Login(deployment.admin_email, deployment.admin_password)
        with Client(Target(deployment.url, "openwebui")) as anonymous:
            admin = sign_in(anonymous, Contract.load().at(version), login, "admin")
        yield deployment.url, {"SEATRIAL_ADMIN_TOKEN": admin.token or ""}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="+", choices=["reference", "openwebui"])
    parser.add_argument("--version", default="0.12.4", help="of Open WebUI [default: 0.12.4]")
    parser.add_argument("--depth", action="append", choices=["quick", "full"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
