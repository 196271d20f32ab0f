"""Interrupts and kills verifications at random moments, and looks what is left on their target.

    python benchmarks/interruptions.py reference openwebui accounts --times 20 --seed 1

`reference` is the embedded Session API with two owners, `openwebui` a released Open WebUI with an administrator,
`accounts` the same with two accounts and no administrator. Each is verified once to its end; then `--times` runs get
Ctrl-C, and as many are killed with all that they started (SIGKILL) and followed by `seatrial clean`. After each run
what the target holds is compared with what it held before: on Open WebUI every table of its database, by the ids of
its rows, and its public settings; on the reference server the sessions of each owner. Processes are looked for too.
Output: a line per run that left something, and a table. It ends by itself: a run gets LIMIT seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from seatrial.accounts import sign_in, throwaway
from seatrial.cli.contact import reference_process
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.lab import openwebui, openwebui_install
from seatrial.lab.children import provider_process
from seatrial.lab.script import Script
from seatrial.lifeline import child_environment
from seatrial.target import Login, Target

LIMIT = 180.0
State = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """Something to verify: how it is called, and what it holds."""

    name: str
    url: str
    credentials: dict[str, str]
    state: Callable[[], State]


@dataclass
class Row:
    """One line of the table."""

    scene: str
    way: str
    clean: int = 0
    of: int = 0
    slowest: float = 0.0
    codes: dict[int, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def main() -> int:
    arguments = _arguments()
    rows: list[Row] = []
    for name in arguments.scenes:
        with _scene(name, arguments.version) as scene:
            rows += _tried(scene, arguments.times, random.Random(f"{arguments.seed}-{name}"), arguments.depth)
    print(f"\nseed {arguments.seed}, {arguments.depth} depth\n")
    print(f"| {'target':<10} | {'way':<15} | clean    | slowest end | exit codes         | left |")
    print(f"|{'-' * 12}|{'-' * 17}|----------|-------------|--------------------|------|")
    for row in rows:
        codes = ", ".join(f"{code} x{count}" for code, count in sorted(row.codes.items()))
        left = "; ".join(dict.fromkeys(row.left)) or "nothing"
        told = f"{row.clean} of {row.of}"
        print(f"| {row.scene:<10} | {row.way:<15} | {told:<8} | {row.slowest:>9.1f} s | {codes:<18} | {left} |")
    return 0 if all(row.clean == row.of for row in rows) else 1


def _tried(scene: Scene, times: int, chance: random.Random, depth: str) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        before = scene.state()
        started = time.monotonic()
        process = _start(scene, Path(scratch) / "whole", depth)
        process.communicate(timeout=10 * LIMIT)
        whole = time.monotonic() - started
        changed = difference(before, scene.state())
        print(f"{scene.name}: a whole run takes {whole:.1f} s, exit {process.returncode}; left {changed or 'nothing'}")
        for way, end in (("Ctrl-C", _interrupted), ("kill -9, clean", _killed)):
            row = Row(scene.name, way)
            for number in range(3 * times):
                if row.of < times:
                    _once(scene, row, Path(scratch) / f"{way[0]}{number}", chance.uniform(0.2, whole), end, depth)
            print(f"{scene.name}, {way}: {row.clean} of {row.of} clean", flush=True)
            yield row


def _once(
    scene: Scene,
    row: Row,
    out: Path,
    moment: float,
    end: Callable[[Scene, subprocess.Popen[str], Path], tuple[int, str]],
    depth: str,
) -> None:
    before = scene.state()
    process = _start(scene, out, depth)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=moment)
        return  # it came to its end before: nothing was interrupted
    started = time.monotonic()
    code, said = end(scene, process, out)
    seconds = time.monotonic() - started
    left = difference(before, scene.state())
    left += [f"process {one.pid} {' '.join(one.cmdline()[:6])}" for one in _of_run(out)]
    left += [] if "Traceback" not in said else ["a traceback"]
    if row.way.endswith("clean") and code != 0:
        left.append(f"clean ended with {code}")
    row.of += 1
    row.clean += not left
    row.left += left
    row.slowest = max(row.slowest, seconds)
    row.codes[code] = row.codes.get(code, 0) + 1
    if left:
        print(f"{scene.name}, {row.way} after {moment:.2f} s: {'; '.join(left)}\n    {said.strip()[-600:]}", flush=True)


def _start(scene: Scene, out: Path, depth: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_seatrial("verify", scene.url), "--depth", depth, "--timeout", "10s", "--out", str(out)],
        env=child_environment() | scene.credentials,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def _seatrial(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "seatrial", *arguments]


def _interrupted(_: Scene, process: subprocess.Popen[str], __: Path) -> tuple[int, str]:
    """Ctrl-C reaches the group of the terminal: the command, and not the suite, which it asks itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    said, _unused = process.communicate(timeout=LIMIT)
    return process.returncode, said


def _killed(scene: Scene, process: subprocess.Popen[str], out: Path) -> tuple[int, str]:
    everyone = []
    with contextlib.suppress(psutil.NoSuchProcess):
        command = psutil.Process(process.pid)
        everyone = [command, *command.children(recursive=True)]
    for one in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.communicate(timeout=LIMIT)
    if not out.exists():
        return 0, "killed before there was a run folder"
    done = subprocess.run(
        [*_seatrial("clean", str(out)), "--timeout", "10s"], env=child_environment() | scene.credentials,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def _of_run(out: Path) -> list[psutil.Process]:
    """Processes that work on a run folder, or were told to."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("SEATRIAL_RUN") == str(out) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def difference(before: State, after: State) -> list[str]:
    """What came, went or changed, one line each."""
    told = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, list) and isinstance(new, list):
            told += [f"{name}: +{len(set(new) - set(old))} -{len(set(old) - set(new))}"]
        else:
            told.append(f"{name} changed")
    return told


# --- what is verified


@contextlib.contextmanager
def _scene(name: str, version: str) -> Iterator[Scene]:
    if name == "reference":
        tokens = ["owner-one-0123456789", "owner-two-0123456789"]
        with reference_process(None, tokens) as url:
            given = {"SEATRIAL_TOKEN": "\n".join(tokens), "SEATRIAL_DISPOSABLE": "1"}
            yield Scene(name, url, given, lambda: _sessions(url, ["", *tokens]))
        return
    openwebui_install.install(version)
    with (
        provider_process(Script()) as provider,
        openwebui.boot(version, provider_url=provider) as deployment,
        Client(Target(deployment.url, "openwebui")) as anonymous,
    ):
        contract = Contract.load().at(version)
        login = Login(deployment.admin_email, deployment.admin_password)
        admin = sign_in(anonymous, contract, login, "admin")
        given = {"SEATRIAL_ADMIN_TOKEN": admin.token or ""}
        with Client(Target(deployment.url, "openwebui"), admin) as client:
            if name == "accounts":
                people = [throwaway(client, contract, "benchmark", f"person {number}") for number in (1, 2)]
                given = {"SEATRIAL_TOKEN": "\n".join(person.token or "" for person in people)}
            # What everybody has may still be on its way into the tables after the first look.
            client.send(contract.call("listChats", query={"page": 1}))
        yield Scene(name, deployment.url, given, lambda: _tables(deployment, contract))


def _sessions(url: str, tokens: list[str]) -> State:
    path = Contract.load().operation("listSessions").path
    with httpx.Client(base_url=url, trust_env=False) as client:
        answers = {
            token[:9]: client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {}).json()
            for token in tokens
        }
    return {
        f"sessions of {name or 'nobody'}": [row["id"] for row in answer.get("sessions", [])]
        for name, answer in answers.items()
    }  # fmt: skip


def _tables(deployment: openwebui.Deployment, contract: Contract) -> State:
    """Ids of the rows of every table, as they are in the database now, and the public settings."""
    state: State = {}
    path = deployment.data_dir / "webui.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
        names = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
        for name in names:
            state[f"table {name}"] = [
                str(row[0]) for row in database.execute(f'select * from "{name}" order by 1')
            ]  # fmt: skip
    with Client(Target(deployment.url, "openwebui")) as client:
        state["public settings"] = client.send(contract.call("getConfig")).document()
    return state


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="+", choices=["reference", "openwebui", "accounts"])
    parser.add_argument("--version", default="0.12.4", help="of Open WebUI [default: 0.12.4]")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="decides the moments")
    parser.add_argument("--depth", choices=["quick", "full"], default="quick")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
