"""How often does the gate cry wolf, and what does it miss? Comparisons of servers of which the truth is known.

    python benchmarks/gate.py                    # 60 of equals, 20 at +25 %, 20 at +50 %; some three hours
    python benchmarks/gate.py --openwebui        # and on a real 0.12.4: with itself, and 300 ms late on history
    python benchmarks/gate.py --report           # only the table, into docs/comparing.md

Reference servers that take 20 to 35 ms, while the machine has something else to do now and then (2 to 8 s of peace, 0.3
to 2.5 s with every processor busy). One operation is slower in B, a different one each time. Beside the gate's verdict
stands what the naive rule "p95 grew by a fifth" makes of the same requests: of all of them, and as somebody measures
who takes one target after the other (A from the first half, B from the second).

What is done is kept, and an interrupted matrix goes on where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from storing import RESULTS, Store, fingerprint
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
REAL, VERSION, LATE = 5, "0.12.4", 0.3
NAIVE = 1.2
STORED = "gate.jsonl"
SOURCES = ("load/*.py", "load/journeys/*.py", "seatrial/paired.py", "benchmarks/gate.py", "benchmarks/weathered.py")


@dataclass(frozen=True)
class Result:
    """One comparison. `found` are the operations that failed B; `naive` and `apart` those that the naive rule names."""

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

    @property
    def key(self) -> str:
        return f"{self.kind} {self.number}"


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
        for kind, factor, number in MATRIX:
            for nth in range(min(number, arguments.most)):
                if store.find(f"{kind} {nth}", made) is None:
                    store.add(_on_references(kind, factor, nth, made))
        if arguments.openwebui:
            _on_openwebui(store, min(REAL, arguments.most), made)
    from gate_report import write

    write([row for row in store.all() if arguments.accept_stale or row.fingerprint == made])
    return 0


def _on_references(kind: str, factor: float, nth: int, made: str) -> Result:
    slower = OPERATIONS[nth % len(OPERATIONS)] if factor > 1 else ""
    with (
        paced(Pace(seed=2 * nth)) as a,
        paced(Pace(seed=2 * nth + 1, slower={slower: factor} if slower else {})) as b,
        weather(nth),
    ):
        return _compared(kind, nth, slower, a, b, {}, made)


def _on_openwebui(store: Store[Result], number: int, made: str) -> None:
    openwebui_install.install(VERSION)
    with provider_process(Script()) as provider, openwebui.boot(VERSION, provider_url=provider) as booted:
        # One sign-in: the deployment takes fifteen of an address in three minutes.
        with Client(Target(booted.url)) as client:
            login = Login(booted.admin_email, booted.admin_password)
            token = {"SEATRIAL_ADMIN_TOKEN": sign_in(client, Contract.load(), login, "admin").token or ""}
        for nth in range(number):
            if store.find(f"{VERSION} and itself {nth}", made) is None:
                store.add(_compared(f"{VERSION} and itself", nth, "", booted.url, booted.url, token, made))
            if store.find(f"{VERSION}, history late {nth}", made) is None:
                with _proxied(booted.url, None) as a, _proxied(booted.url, _late) as b:
                    store.add(_compared(f"{VERSION}, history late", nth, "getChat", a, b, token, made))


@contextlib.contextmanager
def _proxied(url: str, fault: Callable[[], Break] | None) -> Iterator[str]:
    """The same way to both: through a proxy each."""
    named = Fault("history-late", "time", BOTH, "Opening a conversation takes longer.", (), fault) if fault else None
    with running(Proxy(url, Contract.load(), named)) as proxied:
        yield proxied


def _late() -> Break:
    async def late(asked: Asked, behind: Behind) -> Answer:
        if asked.operation in HISTORY:
            await asyncio.sleep(LATE)
        return await behind.answer(asked)

    return late


def _compared(kind: str, nth: int, slower: str, a: str, b: str, env: dict[str, str], made: str) -> Result:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        command = [sys.executable, "-P", "-m", "seatrial", "compare", a, b, "--no-verify", "--seed", str(nth)]
        done = subprocess.run(
            [*command, "--out", str(out)], env=child_environment() | env, capture_output=True, text=True, check=False
        )
        if not (out / "run.json").is_file():
            raise SystemExit(f"{kind} {nth}: {done.stderr.strip() or done.stdout.strip()}")
        folder = RunFolder(out)
        run, paired = folder.load(), Paired.of(folder)
        found = tuple(
            row.operation for row in folder.rows("comparison.jsonl", Ratio) if row.verdict == "fail" and row.operation
        )
        seconds = sum(one.block.seconds for one in paired.blocks)
        half = len(paired.blocks) // 2
        result = Result(
            kind, nth, slower, run.verdict, found, _naive(paired.blocks, paired.blocks),
            _naive(paired.blocks[:half], paired.blocks[half:]), run.sentence, round(seconds, 1), made,
        )  # fmt: skip
    print(f"{result.key}: {result.verdict} {', '.join(found)} | naive: {', '.join(result.naive) or '-'} | "
          f"one after the other: {', '.join(result.apart) or '-'}", flush=True)  # fmt: skip
    return result


def _naive(of_a: list[Answers], of_b: list[Answers]) -> tuple[str, ...]:
    """The operations whose p95 over all requests grew by a fifth."""
    times: dict[tuple[str, str], list[float]] = {}
    for side, blocks in (("a", of_a), ("b", of_b)):
        for one in blocks:
            if one.block.side == side:
                for name, ms in one.times.items():
                    times.setdefault((side, name), []).extend(ms)
    p95 = {key: nearest(sorted(ms), 0.95) for key, ms in times.items()}
    return tuple(sorted(n for side, n in p95 if side == "b" and p95["b", n] > NAIVE * p95.get(("a", n), 1e9)))


if __name__ == "__main__":
    sys.exit(main())
