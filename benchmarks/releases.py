"""Verifies released Open WebUIs, one after the other, and prints what each run found.

    python benchmarks/releases.py 0.12.4 --depth quick --seeds 5
    python benchmarks/releases.py 0.12.4 --defaults --depth full
    python benchmarks/releases.py 0.11.4 0.10.2 0.9.6 --depth quick --depth full

Each release is installed (once) and booted by the lab with the scripted provider behind it. After every run
the accounts, chats and public settings are compared with those before. Output: one line per run, then its
findings; `--json FILE` keeps all of it. docs/releases.md and the README's numbers come from here.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seatrial.accounts import sign_in
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.errors import Inconclusive
from seatrial.lab import openwebui, openwebui_install
from seatrial.lab.children import provider_process
from seatrial.lab.script import Script
from seatrial.lifeline import child_environment
from seatrial.records import Finding, RunFolder
from seatrial.target import Account, Login, Target


def main() -> int:
    arguments = _arguments()
    results = []
    for version in arguments.versions:
        openwebui_install.install(version)
        with (
            _told(version),
            provider_process(Script()) as provider,
            openwebui.boot(version, provider_url=provider, defaults=arguments.defaults) as deployment,
        ):
            admin = _signed_in(deployment)
            for depth in arguments.depth or ["quick"]:
                for seed in range(arguments.seeds):
                    result = _verify(deployment, admin, depth, seed, arguments.keep)
                    results.append({"version": version, "defaults": arguments.defaults} | result)
                    _tell(results[-1])
                    if arguments.json:
                        Path(arguments.json).write_text(json.dumps(results, indent=1))
    return 0


@contextlib.contextmanager
def _told(version: str) -> Iterator[None]:
    """A release that does not start is one line, and the next one has its turn."""
    try:
        yield
    except Inconclusive as error:
        print(f"{version}: {error}", flush=True)


def _verify(
    deployment: openwebui.Deployment, admin: Account, depth: str, seed: int, keep: str | None
) -> dict[str, Any]:
    before = snapshot(deployment, admin)
    with tempfile.TemporaryDirectory() as scratch:
        name = f"{deployment.version}-{depth}-{seed}"
        out = Path(keep or scratch) / name
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "seatrial", "verify", deployment.url, "--depth", depth, "--seed", str(seed),
             "--out", str(out)],
            env=child_environment() | {"SEATRIAL_ADMIN": f"{deployment.admin_email}:{deployment.admin_password}"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - started
        after = snapshot(deployment, admin)
        if not (out / "run.json").exists():
            raise SystemExit(f"{name}: exit {done.returncode}: {done.stderr[-500:]}")
        folder = RunFolder(out)
        run = folder.load()
        findings = list(folder.rows("findings.jsonl", Finding))
        return {
            "depth": depth,
            "seed": seed,
            "exit": done.returncode,
            "seconds": round(seconds, 1),
            "counts": run.counts,
            "problem": run.problem,
            "left_behind": run.left_behind,
            "changed": [name for name in before if before[name] != after[name]],
            "first_lines": [line for line in done.stdout.splitlines() if line.strip()][2:6],
            "findings": [
                {"rule": f.rule, "severity": f.severity, "operation": f.operation, "where": f.where, "known": f.known,
                 "count": f.count, "expected": f.expected[:200], "received": f.received[:300], "curl": f.curl[:600]}
                for f in findings
            ],
        }  # fmt: skip


def _signed_in(deployment: openwebui.Deployment) -> Account:
    """Once for all runs on a deployment: it takes fifteen sign-ins of an address in three minutes."""
    login = Login(deployment.admin_email, deployment.admin_password)
    with Client(Target(deployment.url, "openwebui")) as anonymous:
        return sign_in(anonymous, Contract.load().at(deployment.version), login, "admin")


def snapshot(deployment: openwebui.Deployment, admin: Account) -> dict[str, Any]:
    """The accounts, the administrator's chats and the public settings, as the deployment tells them."""
    contract = Contract.load().at(deployment.version)
    with Client(Target(deployment.url, "openwebui"), admin) as client:
        config = client.send(contract.call("getConfig")).document()
        users = client.send(contract.call("searchUsers", query={"query": "@"})).document()
        chats = client.send(contract.call("listChats", query={"page": 1})).document()
    return {
        "accounts": sorted(row["email"] for row in users["users"]),
        "chats": sorted(row["id"] for row in chats),
        "settings": config,
    }


def _tell(result: dict[str, Any]) -> None:
    failing = [f for f in result["findings"] if not f["known"] and f["severity"] != "drift"]
    known = sorted({f["known"] for f in result["findings"] if f["known"]})
    drift = [f for f in result["findings"] if f["severity"] == "drift"]
    print(
        f"{result['version']}{' --defaults' if result['defaults'] else ''} {result['depth']} seed {result['seed']}: "
        f"exit {result['exit']} in {result['seconds']} s, {result['counts'].get('requests')} requests, "
        f"{result['counts'].get('completions')} completions; new {len(failing)}, drift {len(drift)}, "
        f"known {known or 'none'}; left behind {result['left_behind'] or 'nothing'}; changed "
        f"{result['changed'] or 'nothing'}{'; ' + result['problem'] if result['problem'] else ''}",
        flush=True,
    )
    for finding in [*failing, *drift]:
        print(
            f"  {finding['severity']} {finding['rule']} {finding['operation']} [{finding['where']}] x{finding['count']}"
        )
        print(
            f"    expected {finding['expected']}\n    received {finding['received']}\n    {finding['curl']}", flush=True
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    parser.add_argument("--depth", action="append", choices=["quick", "full"])
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from 0")
    parser.add_argument("--defaults", action="store_true", help="as a new installation: ordinary users see no model")
    parser.add_argument("--json", metavar="FILE", help="keep the results")
    parser.add_argument("--keep", metavar="DIR", help="keep the run folders")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
