"""The faults of the catalogue, as stock schemathesis sees them: `st run` with what it does by default.

    python benchmarks/stock_schemathesis.py                                   # all; goes on where it was
    python benchmarks/stock_schemathesis.py --api sessions --fault none --fault message-lost
    python benchmarks/stock_schemathesis.py --report                          # docs/schemathesis.md of what is stored

It gets the version in requirements.lock, one account's token, a fixed seed, and at most so many seconds; at the limit
it is asked to end as with Ctrl-C, and what it found until then counts. It reads either this project's openapi.yaml, or
the description that Open WebUI generates of itself; both cut to the same operations: those of the API under test that
are not marked `x-seatrial: never`, as anybody would cut them who wants to keep their accounts.

A fault is found when there is a kind of failure (check and operation) that no run on the healthy server has. What the
healthy server gets is a false finding. The account has three chats of its own before: those that are gone afterwards
are counted, and so is what was left behind, past the fault; the account is then removed with all it has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from descriptions import GENERATED, OURS, description
from detection import common
from places import Ground, OpenWebUI, opening
from playing import play, resumable
from processes import ended
from storing import LAB, Store, fingerprint, unchanged
from trials import NONE, faults_of, home_of

from seatrial.accounts import throwaway
from seatrial.client import Client
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.errors import SeatrialError
from seatrial.exchange import NO_BODY, NoAnswer, Unexpected
from seatrial.lab.children import until_stopped
from seatrial.lab.faults import Fault
from seatrial.lab.openwebui_install import DEFAULT_VERSION
from seatrial.lab.proxy import Proxy
from seatrial.lab.serving import running
from seatrial.target import Account, Target
from seatrial.trees import tree
from seatrial.verbs import VERB_OPERATIONS

STORED = "stock.jsonl"
HEALTHY_SEEDS = 3
"""Runs on the healthy server, all of whose failures count as false."""
OWN = 3
GRACE = 30.0
"""Seconds to end in order, at the limit."""


@dataclass(frozen=True)
class StockCell:
    """A run of schemathesis that is wanted: `description` is whose the OpenAPI document is."""

    fault: str
    api: str
    version: str
    description: str
    seed: int
    limit: float

    @property
    def key(self) -> str:
        return " ".join((self.fault, self.api, self.version, self.description, str(self.seed)))

    @property
    def sources(self) -> tuple[str, ...]:
        return ("openapi.yaml", "requirements.lock", *LAB, *home_of(self.fault))


@dataclass(frozen=True)
class StockRun(StockCell):
    """What it said: `kinds` are its failures, as `title: operation`, and its errors, which name no operation.

    `left` are the chats that it left behind, `lost` those of the account that are gone; None where nobody can tell.
    """

    fingerprint: str
    exit: int | None
    kinds: list[str]
    cases: int
    seconds: float
    left: int | None
    lost: int | None
    problem: str | None = None


def main() -> int:
    arguments = _arguments()
    if arguments.report:
        from stock_report import write

        write(Path(arguments.folder))
        return 0
    store = Store(Path(arguments.folder) / STORED, StockRun, accept_stale=arguments.accept_stale)
    wanted = list(_wanted(arguments))
    todo = [cell for cell in wanted if arguments.redo or store.find(cell.key, fingerprint(*cell.sources)) is None]
    print(f"{len(wanted)} runs of schemathesis {metadata.version('schemathesis')}, {len(todo)} to do, of at most "
          f"{arguments.limit:.0f} s each", flush=True)  # fmt: skip

    def tell(run: StockRun) -> None:
        store.add(run)
        print(f"{run.key}: exit {run.exit}, {len(run.kinds)} kinds, {run.cases} cases in {run.seconds} s, "
              f"left {run.left}, lost {run.lost}{f' ({run.problem})' if run.problem else ''}", flush=True)  # fmt: skip

    with until_stopped():
        for api in dict.fromkeys(cell.api for cell in todo):
            here = [cell for cell in todo if cell.api == api]
            play(here, opening(api, arguments.version), stock_run, jobs=arguments.jobs, tell=tell)
    return 0


def _wanted(arguments: argparse.Namespace) -> Iterator[StockCell]:
    for api in arguments.api or [SESSIONS, OPENWEBUI]:
        version = arguments.version if api == OPENWEBUI else ""
        for whose in [OURS] if api == SESSIONS else [OURS, GENERATED]:
            for fault in faults_of("catalogue", api):
                if arguments.fault and fault.name not in arguments.fault:
                    continue
                for seed in range(1, 1 + (HEALTHY_SEEDS if fault is NONE else 1)):
                    yield StockCell(fault.name, api, version, whose, seed, arguments.limit)


def stock_run(cell: StockCell, ground: Ground) -> StockRun:
    """One run, on an account of its own."""
    made_from = unchanged(*cell.sources)
    fault: Fault = next(fault for fault in faults_of("catalogue", cell.api) if fault.name == cell.fault)
    with _account(ground) as (url, account), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = _made(url, account, cell)
        proxy = Proxy(url, Contract.load(), None if fault is NONE else fault, cell.seed)
        with running(proxy) as front:
            report = folder / "report.json"
            command = [
                sys.executable, "-m", "schemathesis.cli", "run", *description(cell.api, cell.version, cell.description),
                "--url", front, "-H", f"Authorization: Bearer {account.token}", "--seed", str(cell.seed),
                "--report-json-path", str(report), "--no-color",
            ]  # fmt: skip
            # It keeps a folder of what it met before where it is started: each run gets a new one.
            end = ended(command, {"PATH": "", "HOME": name}, cell.limit, cwd=folder, grace=GRACE)
        document = json.loads(report.read_text("utf-8")) if report.exists() else {}
        after = _chats(url, account, cell)
    return StockRun(
        **asdict(cell),
        fingerprint=made_from,
        exit=end.code,
        kinds=kinds_in(document),
        cases=document.get("test_cases", {}).get("generated", 0),
        seconds=round(end.seconds, 1),
        left=None if after is None else len(after - own),
        lost=None if after is None else len(own - after),
        problem=None if document else f"no report: {end.last}",
    )


def kinds_in(report: Mapping[str, Any]) -> list[str]:
    """The failures and errors of a run, one for each check and operation."""
    found = {f"{row['title']}: {operation}" for row in report.get("failures", ()) for operation in row["operations"]}
    return sorted(found | {str(row["title"]) for row in report.get("errors", ())})


# ------------------------------------------------------------------ the account


@contextlib.contextmanager
def _account(ground: Ground) -> Iterator[tuple[str, Account]]:
    """Where the deployment is, past any fault, and an account that is removed afterwards with all it has."""
    with ground.place() as place:
        if not isinstance(ground, OpenWebUI):
            yield place.url, Account("owner", place.environment["SEATRIAL_TOKEN"].split("\n")[0])
            return
        with ground.client() as admin:
            account = throwaway(admin, ground.contract, "stock", "stock")
            try:
                yield place.url, account
            finally:
                assert account.id is not None
                with contextlib.suppress(SeatrialError, NoAnswer):  # else the next place is a new one
                    admin.send(ground.contract.call("deleteUser", account.id))


def _made(url: str, account: Account, cell: StockCell) -> set[str]:
    """Some chats, as anybody has them."""
    contract = Contract.load().at(cell.version or None)
    body = {"chat": tree("mine", ["A question", "A reply"], "a-model")} if cell.api == OPENWEBUI else NO_BODY
    with Client(Target(url, cell.api, version=cell.version or None), account) as client:
        create = contract.call(VERB_OPERATIONS[cell.api]["create_session"], json=body)
        return {str(client.send(create).document()["id"]) for _ in range(OWN)}


def _chats(url: str, account: Account, cell: StockCell) -> set[str] | None:
    """What the account has; None when that cannot be read."""
    contract = Contract.load().at(cell.version or None)
    everything = {"include_pinned": "true", "include_folders": "true"} if cell.api == OPENWEBUI else None
    try:
        with Client(Target(url, cell.api, version=cell.version or None), account) as client:
            found = client.send(contract.call(VERB_OPERATIONS[cell.api]["list_sessions"], query=everything)).document()
            return {str(row["id"]) for row in (found["sessions"] if cell.api == SESSIONS else found)}
    except (SeatrialError, NoAnswer, Unexpected, ValueError, KeyError, TypeError):
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--api", action="append", choices=[SESSIONS, OPENWEBUI], help="by default: both")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--version", default=DEFAULT_VERSION, help="the Open WebUI to break")
    parser.add_argument("--limit", type=float, default=120.0, metavar="SECONDS", help="of one run")
    common(parser)
    parser.add_argument("--report", action="store_true", help="only write docs/schemathesis.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(resumable(main))
