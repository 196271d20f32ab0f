"""How often does the gate cry wolf, and what does it miss? Comparisons of servers of which the truth is known.

    python benchmarks/gate.py                    # 60 of equals, 20 at +25 %, 20 at +50 %; some three hours
    python benchmarks/gate.py --openwebui        # and on a real 0.12.4: with itself, and 300 ms late on history
    python benchmarks/gate.py --report           # only the table, into docs/comparing.md

Reference servers that take 60 to 80 ms for eight users at a time, while the machine has something else to do now and
then (2 to 8 s of peace, 0.3 to 2.5 s with every processor busy). One operation is slower in B, a different one each
time. Beside the gate's verdict stands what the naive rule "p95 grew by a fifth" makes of the same requests: of all of
them, and as somebody measures who takes one target after the other (A from the first half, B from the second).

What is done is kept, the three kinds in turns, and an interrupted matrix goes on where it was. A comparison that did
not come to its end is no result, and is made once more.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playing import resumable
from storing import RESULTS, Store, fingerprint, unchanged
from weathered import Pace, paced, weather

from load.pairs import Answers, Paired
from seatrial.accounts import sign_in
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.lab import openwebui, openwebui_install
from seatrial.lab.children import provider_process
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import BOTH, HISTORY, Break, Fault
from seatrial.lab.proxy import Proxy
from seatrial.lab.script import Script
from seatrial.lab.serving import running
from seatrial.lifeline import child_environment
from seatrial.measuring import nearest
from seatrial.ratios import Ratio
from seatrial.records import RunFolder
from seatrial.target import Login, Target

OPERATIONS = ("sendMessage", "createSession", "getHistory", "deleteSession")
MATRIX = (("equal", 1.0, 60), ("+25 %", 1.25, 20), ("+50 %", 1.5, 20))
USERS, PAIRS = 8, 40
REAL, VERSION, LATE = 5, "0.12.4", 0.3
ITSELF, LATER = f"{VERSION} and itself", f"{VERSION}, history late"
NAIVE = 1.2
STORED = "gate.jsonl"
LONGEST = 1_800.0
"""Seconds of one comparison; one on references takes two minutes, one on an Open WebUI eight."""
SOURCES = (
    "load/*.py", "load/journeys/*.py", "seatrial/paired.py", "seatrial/measuring.py", "seatrial/cli/comparing.py",
    "seatrial/lab/proxy.py", "seatrial/lab/reference.py", "benchmarks/gate.py", "benchmarks/weathered.py",
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One comparison. `found` are the operations that failed B; `naive` and `apart` those that the naive rule names.

    `rows` are what it judged, and `p95` what the naive rule did, by operation: of A and B over all, and apart. `cause`
    is that of the run: "void" where who measures was late.
    """

    kind: str
    number: int
    slower: str
    verdict: str
    found: tuple[str, ...]
    naive: tuple[str, ...]
    apart: tuple[str, ...]
    sentence: str
    seconds: float
    fingerprint: str
    cause: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    p95: dict[str, list[float]] = field(default_factory=dict)
    at: str = ""

    @property
    def right(self) -> bool:
        """Whether the slower operation was named, or nothing where nothing is slower."""
        return self.slower in self.found if self.slower else self.verdict != "fail"

    @property
    def key(self) -> str:
        return f"{self.kind} {self.number}"


class Unfinished(Exception):
    """A comparison that is no result; the message says why."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openwebui", action="store_true", help="also on a real Open WebUI")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--most", type=int, default=sys.maxsize, metavar="N", help="comparisons of each kind")
    parser.add_argument("--accept-stale", action="store_true", help="take results of other sources")
    parser.add_argument("--store", type=Path, default=RESULTS / STORED)
    arguments = parser.parse_args()
    store = Store(arguments.store, Result, accept_stale=arguments.accept_stale)
    made = fingerprint(*SOURCES)
    if not arguments.report:
        for kind, factor, nth in in_turns(arguments.most):
            if store.find(f"{kind} {nth}", made) is None:
                store.add(_on_references(kind, factor, nth))
        if arguments.openwebui:
            _on_openwebui(store, min(REAL, arguments.most), made)
    from gate_report import write

    return 0 if all(held for _, held in write(store.all())) else 1


def in_turns(most: int) -> Iterator[tuple[str, float, int]]:
    """The matrix, so that each kind is equally far at any time: whoever stops early has something of all."""
    cells = [
        ((nth + 1) / number, kind, factor, nth) for kind, factor, number in MATRIX for nth in range(min(number, most))
    ]
    return ((kind, factor, nth) for _, kind, factor, nth in sorted(cells))


def _on_references(kind: str, factor: float, nth: int) -> Result:
    slower = OPERATIONS[nth % len(OPERATIONS)] if factor > 1 else ""
    with (
        paced(Pace(seed=2 * nth)) as a,
        paced(Pace(seed=2 * nth + 1, slower={slower: factor} if slower else {})) as b,
        weather(nth),
    ):
        return _compared(kind, nth, slower, a, b, {}, ["--users", str(USERS)])


def _on_openwebui(store: Store[Result], number: int, made: str) -> None:
    openwebui_install.install(VERSION)
    with provider_process(Script()) as provider, openwebui.boot(VERSION, provider_url=provider) as booted:
        # One sign-in: the deployment takes fifteen of an address in three minutes.
        with Client(Target(booted.url)) as client:
            login = Login(booted.admin_email, booted.admin_password)
            token = {"SEATRIAL_ADMIN_TOKEN": sign_in(client, Contract.load(), login, "admin").token or ""}
        for nth in range(number):
            if store.find(f"{ITSELF} {nth}", made) is None:
                store.add(_compared(ITSELF, nth, "", booted.url, booted.url, token))
            if store.find(f"{LATER} {nth}", made) is None:
                with _proxied(booted.url, _late_by(0.0)) as a, _proxied(booted.url, _late_by(LATE)) as b:
                    store.add(_compared(LATER, nth, "getChat", a, b, token))


@contextlib.contextmanager
def _proxied(url: str, fault: Callable[[], Break]) -> Iterator[str]:
    """The same way to both: through a proxy each, that looks at what goes through."""
    named = Fault("history-late", "time", BOTH, "Opening a conversation takes longer.", (), fault)
    with running(Proxy(url, Contract.load(), named)) as proxied:
        yield proxied


def _late_by(seconds: float) -> Callable[[], Break]:
    def make() -> Break:
        async def late(asked: Asked, behind: Behind) -> Answer:
            if asked.operation in HISTORY:
                await asyncio.sleep(seconds)
            return await behind.answer(asked)

        return late

    return make


def _compared(
    kind: str, nth: int, slower: str, a: str, b: str, env: dict[str, str], more: Sequence[str] = ()
) -> Result:
    try:
        result = _once(kind, nth, slower, a, b, env, more)
    except Unfinished as why:
        print(f"{kind} {nth} is no result, and is made again: {why}", file=sys.stderr, flush=True)
        try:
            result = _once(kind, nth, slower, a, b, env, more)
        except Unfinished as again:
            raise SystemExit(f"{kind} {nth} is no result: {again}") from None
    found, naive, apart = (", ".join(names) or "-" for names in (result.found, result.naive, result.apart))
    print(f"{result.key}: {result.verdict} {found} | naive: {naive} | one after the other: {apart}", flush=True)
    return result


def _once(kind: str, nth: int, slower: str, a: str, b: str, env: dict[str, str], more: Sequence[str]) -> Result:
    made = unchanged(*SOURCES)
    command = [sys.executable, "-P", "-m", "seatrial", "compare", a, b, "--no-verify", "--seed", str(nth)]
    command += ["--pairs", str(PAIRS), *more]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        try:
            done = subprocess.run(
                [*command, "--out", str(out)], env=child_environment() | env, capture_output=True, text=True,
                check=False, timeout=LONGEST,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unfinished(f"it did not end within {LONGEST:.0f} s") from None
        if not (out / "run.json").is_file():
            raise Unfinished(done.stderr.strip() or done.stdout.strip())
        folder = RunFolder(out)
        run, paired = folder.load(), Paired.of(folder)
        if run.verdict not in ("pass", "inconclusive", "fail") or len(paired.blocks) != 2 * PAIRS:
            said = f"{run.sentence or run.problem} {done.stderr.strip()[-500:]}"
            raise Unfinished(f"{len(paired.blocks)} blocks, exit {done.returncode}: {said}")
        rows = [row for row in folder.rows("comparison.jsonl", Ratio) if row.verdict]
    half = len(paired.blocks) // 2
    over_all, apart = p95(paired.blocks, paired.blocks), p95(paired.blocks[:half], paired.blocks[half:])
    return Result(
        kind, nth, slower, run.verdict,
        tuple(row.operation for row in rows if row.verdict == "fail" and row.operation),
        naive(over_all), naive(apart), run.sentence, round(sum(one.block.seconds for one in paired.blocks), 1), made,
        run.cause, [asdict(row) for row in rows],
        {name: [*over_all[name], *apart.get(name, ())] for name in over_all},
        datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip


def p95(of_a: Sequence[Answers], of_b: Sequence[Answers]) -> dict[str, tuple[float, float]]:
    """Of A in the one and of B in the other, by operation, in milliseconds."""
    times: dict[str, dict[str, list[float]]] = {"a": {}, "b": {}}
    for side, blocks in (("a", of_a), ("b", of_b)):
        for one in blocks:
            if one.block.side == side:
                for name, ms in one.times.items():
                    times[side].setdefault(name, []).extend(ms)
    return {
        name: (nearest(sorted(times["a"][name]), 0.95), nearest(sorted(times["b"][name]), 0.95))
        for name in sorted(times["a"].keys() & times["b"].keys())
    }


def naive(found: dict[str, tuple[float, float]]) -> tuple[str, ...]:
    """The operations whose p95 grew by a fifth."""
    return tuple(name for name, (a, b) in found.items() if b > NAIVE * a)


if __name__ == "__main__":
    sys.exit(resumable(main))
