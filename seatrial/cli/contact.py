"""First contact, before a suite starts as a process of its own: run folder, accounts, embedded reference server.

Passwords become tokens here, so that a wrong one is tried once and the suites never see it. A run that does not
get beyond this point leaves no folder behind.
"""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from seatrial.accounts import given_accounts
from seatrial.client import Client, tls_context
from seatrial.contract import Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab.children import child
from seatrial.ledger import ledgers, left_open
from seatrial.lifeline import child_environment
from seatrial.probe import Deployment, probe
from seatrial.records import RUNS, RunFolder
from seatrial.settings import Settings

BEFORE_THE_RUN = (
    "ledger.jsonl",
    "run.json",
    "progress.json",
    "progress.jsonl",
    "provider.jsonl",
    "pytest.log",
    "locust.log",
    "duel.log",
    "blocks.jsonl",
    "levels.jsonl",
    "levels",
)
"""What a run folder may hold before the run has begun; anything else is a record of it."""


@contextmanager
def run_folder(settings: Settings, command: str) -> Iterator[RunFolder]:
    """A new run folder, taken back when the block ends with an error before the run began.

    Raises `WrongUse` for what is wrong with the settings before the disk or the network is touched.
    """
    if settings.url:
        settings.target()
    if settings.contract:
        Contract.load(settings.contract)
    wanted = Path(settings.out) if settings.out else RUNS
    made = [path for path in (wanted, *wanted.parents) if not path.exists()]
    folder = RunFolder.create(settings.out, command)
    if folder.path != wanted:
        made.insert(0, folder.path)
    try:
        yield folder
    except BaseException:
        _take_back(folder, made)
        raise


def _take_back(folder: RunFolder, made: Sequence[Path]) -> None:
    """Only what was made here, and nothing when the target may hold something that the ledger tells."""
    with suppress(OSError, WrongUse):
        names = {path.name for path in folder.path.iterdir()}
        levels = sorted((folder.path / "levels").glob("*"))
        begun = ("run.json" in names and folder.load().id) or any(path.stat().st_size for path in _records(folder.path))
        known = {*BEFORE_THE_RUN, *(path.name for path in ledgers(folder.path))}
        if begun or names - known or any(left_open(place) for place in (folder.path, *levels)):
            return
        shutil.rmtree(folder.path / "levels", ignore_errors=True)
        for name in names - {"levels"}:
            (folder.path / name).unlink()
        for path in made:
            path.rmdir()


def _records(folder: Path) -> Iterator[Path]:
    """What of a search for a capacity says anything: the levels that were judged, and what was measured at one."""
    yield from folder.glob("levels.jsonl")
    yield from folder.glob("levels/*/samples/*.jsonl")


def signed_in(settings: Settings) -> tuple[Settings, Deployment]:
    """The settings with tokens instead of passwords and the API found out, and what answers there.

    Raises `WrongUse` and `Inconclusive`; nothing has been created by then.
    """
    target, whole = settings.target(), Contract.load(settings.contract)
    with Client(target, settings.visitor) as client:
        deployment = probe(client, whole, settings.api)
    target = replace(target, api=deployment.api, version=deployment.version)
    tls = tls_context(target) if target.url.startswith("https") else None
    accounts, admin = given_accounts(
        settings, whole.at(deployment.version), lambda account: Client(target, account, tls=tls)
    )
    known = replace(
        settings,
        api=deployment.api,
        token=tuple(account.token for account in accounts if account.token),
        account=(),
        admin=None,
        admin_token=admin.token if admin else None,
    )
    return known, deployment


def owners(count: int) -> tuple[str, ...]:
    """Tokens for the embedded reference server, which lives as long as the run."""
    return tuple(secrets.token_hex(16) for _ in range(count))


def of_reference(settings: Settings) -> Settings:
    """The settings without credentials of a deployment, which the reference server has no use for."""
    return replace(settings, account=(), admin=None, admin_token=None)


def is_ours(settings: Settings) -> dict[str, Any]:
    """What the record of a run says of its target: without a URL that is a server which is started for it."""
    return {} if settings.url else {"embedded": True}


@contextmanager
def reference_process(contract: str | None, tokens: Sequence[str] = ()) -> Iterator[str]:
    """The reference server in a process of its own, on a free port; under load it must not share ours."""
    command = [sys.executable, "-P", "-m", "seatrial", "lab", "reference", "--port", "0"]
    command += ["--contract", contract] if contract else []
    env = child_environment() | ({"SEATRIAL_TOKEN": "\n".join(tokens)} if tokens else {})
    with child(command, env=env, errors=None) as process:
        assert process.stdout is not None
        word, _, url = process.stdout.readline().strip().partition(" ")
        if word != "ready":
            raise Inconclusive(f"the reference server ended with code {process.wait()} before it was ready")
        yield url
