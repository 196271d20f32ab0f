"""Breaks a healthy deployment in every way of the catalogue, and prints what a quick verification finds.

    python benchmarks/detection.py                                   # every fault on the reference server
    python benchmarks/detection.py --api openwebui                   # and in front of a real Open WebUI
    python benchmarks/detection.py --fault none --fault message-lost --json detection.json

`none` is the proxy without a fault: it must find nothing. A fault is found when the run fails, and found rightly
when one of the rules that the catalogue names for it turned red. Without --fault, `none` and all that apply.
With --short-cut only the tests that speak of these rules run at first; what they do not find is run again in full.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from contract_tests.rules import RULES
from seatrial.accounts import sign_in
from seatrial.client import Client
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.lab import openwebui
from seatrial.lab.children import provider_process, until_stopped
from seatrial.lab.faults import CATALOGUE, Fault, named
from seatrial.lab.openwebui_install import DEFAULT_VERSION, install
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.script import Script
from seatrial.lab.serving import running
from seatrial.records import Finding, RunFolder
from seatrial.target import Login, Target

NONE = Fault("none", "shape", (SESSIONS, OPENWEBUI), "Nothing.", ())
PATIENCE = {SESSIONS: "3", OPENWEBUI: "10"}
"""Seconds to a timeout, where a fault is that no answer comes."""


@dataclass(frozen=True)
class Result:
    """One run. `red` are the rules that failed it, as `rule operation`."""

    fault: str
    api: str
    exit: int
    red: list[str]
    requests: int
    seconds: float
    problem: str | None
    left_behind: list[str]

    @property
    def expected(self) -> tuple[str, ...]:
        return () if self.fault == "none" else CATALOGUE[self.fault].rules

    @property
    def rules(self) -> list[str]:
        return list(dict.fromkeys(row.partition(" ")[0] for row in self.red))

    @property
    def right(self) -> bool:
        """The verdict that should have come, for the reason that it should have."""
        if not self.expected:
            return self.exit == 0 and not self.red
        return self.exit == 1 and any(rule in self.expected for rule in self.rules)


def main() -> int:
    arguments = _arguments()
    results: list[Result] = []
    with until_stopped(), contextlib.ExitStack() as stack:
        for api in arguments.api or [SESSIONS]:
            deployment = stack.enter_context(deployment_with_admin(arguments.version)) if api == OPENWEBUI else None
            chosen = [NONE if name == "none" else named(name) for name in arguments.fault]
            chosen = [fault for fault in chosen or [NONE, *CATALOGUE.values()] if api in fault.apis]
            chosen = [fault for fault in chosen if fault.rules or fault is NONE]
            print(_HEADING, flush=True)
            look = _short_cut if arguments.short_cut else trial
            pool = ThreadPoolExecutor(arguments.jobs)
            stack.callback(pool.shutdown, cancel_futures=True)
            runs = [pool.submit(look, fault, api, deployment, arguments.keep) for fault in chosen]
            for run in runs:
                results.append(run.result())
                print(_line(results[-1]), flush=True)
                if arguments.json:
                    Path(arguments.json).write_text(json.dumps([asdict(result) for result in results], indent=1))
    _sum_up(results)
    return 0 if all(result.right for result in results) else 1


@contextlib.contextmanager
def deployment_with_admin(version: str) -> Iterator[tuple[str, str]]:
    """Its address and its administrator's token: it refuses more than a few sign-ins in a row."""
    install(version)
    with provider_process(Script()) as provider, openwebui.boot(version, provider_url=provider) as deployment:
        with Client(Target(deployment.url, OPENWEBUI)) as client:
            login = Login(deployment.admin_email, deployment.admin_password)
            admin = sign_in(client, Contract.load().at(version), login, "admin")
        assert admin.token is not None
        yield deployment.url, admin.token


def _short_cut(fault: Fault, api: str, deployment: tuple[str, str] | None, keep: str | None) -> Result:
    result = trial(fault, api, deployment, None, _tests_of(fault))
    return result if result.expected and result.right else trial(fault, api, deployment, keep)


def _tests_of(fault: Fault) -> str:
    """A choice for pytest: the files whose tests speak of the fault's rules, or all but the generated requests."""
    files = [
        file.stem
        for file in sorted((Path(__file__).parents[1] / "contract_tests").glob("test_*.py"))
        if file.stem != "test_conformance" and any(f'"{rule}"' in file.read_text() for rule in fault.rules)
    ]
    chosen = " or ".join(files) or "not generated_requests"
    return chosen if "list-pages" in fault.rules else f"({chosen}) and not pages"


def trial(fault: Fault, api: str, deployment: tuple[str, str] | None, keep: str | None, tests: str = "") -> Result:
    """One verification at quick depth of a deployment with the fault; without `deployment`, of the reference server."""
    tokens = [f"owner-{number}-{secrets.token_hex(8)}" for number in range(3)]
    environment = {"PATH": os.environ["PATH"]}
    if tests:
        environment["PYTEST_ADDOPTS"] = f"-k '{tests}'"
    with contextlib.ExitStack() as stack:
        if deployment is None:
            upstream = stack.enter_context(running(create_app(Contract.load(), tokens=tokens)))
            environment |= {"SEATRIAL_TOKEN": "\n".join(tokens), "SEATRIAL_DISPOSABLE": "1"}
        else:
            upstream, environment["SEATRIAL_ADMIN_TOKEN"] = deployment
        url = stack.enter_context(running(Proxy(upstream, Contract.load(), None if fault is NONE else fault)))
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        out = Path(keep or scratch) / f"{api}-{fault.name}"
        started = time.monotonic()
        command = [sys.executable, "-P", "-m", "seatrial", "verify", url, "--api", api, "--out", str(out)]
        try:
            done = subprocess.run(
                [*command, *_options(fault, api)],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            return Result(fault.name, api, 124, [], 0, LIMIT, f"no end within {LIMIT} s", [])
        seconds = time.monotonic() - started
        if not (out / "run.json").exists():
            said = (done.stderr or done.stdout).strip()
            return Result(fault.name, api, done.returncode, [], 0, round(seconds, 1), said[-300:], [])
        folder = RunFolder(out)
        run = folder.load()
        strict = "--strict" in _options(fault, api)
        found = [f for f in folder.rows("findings.jsonl", Finding) if not f.known and (strict or f.severity != "drift")]
        red = list(dict.fromkeys(f"{f.rule} {f.operation} [{f.where}]" for f in found))
        return Result(
            fault.name, api, done.returncode, red, run.counts.get("requests", 0), round(seconds, 1), run.problem,
            run.left_behind,
        )  # fmt: skip


def _options(fault: Fault, api: str) -> Sequence[str]:
    """Drift fails a run only with --strict."""
    options = ["--strict"] if fault.rules and all(RULES[rule].severity == "drift" for rule in fault.rules) else []
    return [*options, "--timeout", PATIENCE[api]] if "no-answer" in fault.rules else options


LIMIT = 400
"""Seconds for one verification; it should have ended by itself long before."""

_HEADING = "| fault | API | found | rule | other rules | requests | seconds |\n|---|---|---|---|---|---:|---:|"


def _line(result: Result) -> str:
    right = [rule for rule in result.rules if rule in result.expected]
    other = [rule for rule in result.rules if rule not in result.expected]
    found = "yes" if result.exit == 1 else "no" if result.exit == 0 else f"exit {result.exit}"
    shown = ", ".join(right) or (f"not {' or '.join(result.expected)}" if result.expected else "-")
    problem = f" ({result.problem})" if result.problem else ""
    return (
        f"| {result.fault} | {result.api} | {found}{problem} | {shown} | {', '.join(other) or '-'} "
        f"| {result.requests} | {result.seconds} |"
    )


def _sum_up(results: list[Result]) -> None:
    faults = [result for result in results if result.expected]
    print(f"\n{len(faults)} faults: {sum(r.exit == 1 for r in faults)} found, {sum(r.right for r in faults)} rightly.")
    for result in results:
        if not result.expected and not result.right:
            print(f"found in a healthy {result.api}: {result.red} {result.problem or ''}")
    for api in sorted({result.api for result in faults}):
        wanted = [rule for rule in RULES.values() if api in rule.apis]
        red = {rule for result in results if result.api == api for rule in result.rules}
        never = [rule.id for rule in wanted if rule.id not in red]
        print(f"{api}: rules that nothing turned red: {', '.join(never) or 'none'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", action="append", choices=[SESSIONS, OPENWEBUI], help="by default: sessions")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--version", default=DEFAULT_VERSION, help="the Open WebUI to break")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--short-cut", action="store_true", help="only the tests that speak of a fault's rules")
    parser.add_argument("--json", metavar="FILE", help="keep the results")
    parser.add_argument("--keep", metavar="DIR", help="keep the run folders")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
