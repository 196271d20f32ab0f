"""What a load costs its generator: session lifecycles per second of one core, against a server that costs nothing.

    python benchmarks/rate.py                    # 5 rounds

The journey is create, three turns, history, delete, by 20 users without pauses. Seatrial is measured as it is shipped:
`seatrial load` with its checks of every answer and of every history, its records, its ledger, and its self-check.
Beside it, in turn, the same six requests by Locust's HttpUser and FastHttpUser and by asyncio with httpx, which check
and record nothing (Locust keeps its statistics). Counted are sessions that ended in the middle of a run, divided by
the processor time that the generator used in it: what else runs on the machine then takes time and not the result.
benchmarks/hot_path.py says where Seatrial's own goes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from null_server import null_server, own_rate
from plain_users import BEGIN, END, TURNS, USERS
from playing import resumable
from processes import ended
from rounds import Numbers, Round, Setting, arguments, middle, play, ratio, rotated, tell

from seatrial.contract import Contract
from seatrial.errors import Inconclusive
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder
from seatrial.samples import Integrity, Pulse

LENGTH, QUICK = 20.0, 6.0
PATIENCE = 120.0
SETTING = f"{USERS} users"
RATES = {"http_user": 3.0, "fast_http_user": 0.9, "httpx": 5.0}
"""How many times the sessions of each peer Seatrial has to play at least."""
NULL_RATE = 15_000
PLAIN = Path(__file__).with_name("plain_users.py")
LOCUST = [sys.executable, "-P", "-m", "locust", "-f", str(PLAIN), "--headless", "--only-summary"]
COLUMNS = {"per_core": "sessions per second and core", "sessions": "sessions counted", "cpu": "processor seconds",
           "rate": "requests/s"}  # fmt: skip
SOURCES = ("benchmarks/rate.py", "benchmarks/plain_users.py", "benchmarks/null_server.py", "load/*.py",
           "load/journeys/*.py", "seatrial/*.py")  # fmt: skip


def main() -> int:
    given = arguments(__doc__)
    length = QUICK if given.quick else LENGTH
    played = play("rate", [Setting(SETTING, lambda number: _round(number, length))], given, sources=SOURCES)
    tell(played, COLUMNS)
    verdicts = judged(played)
    print(*("", *(f"{'held' if held else 'MISSED'}: {words}" for words, held in verdicts)), sep="\n")
    return 0 if all(held for _, held in verdicts) else 1


def judged(rounds: list[Round]) -> list[tuple[str, bool]]:
    """What was asked for, in words, and whether the medians of the rounds keep to it."""
    found = []
    for peer, least in RATES.items():
        times = ratio(rounds, SETTING, "seatrial", peer, "per_core")
        if times is not None:
            found.append((f"{times:.2f} times the sessions of {peer}, at least {least:g}", times >= least))
    own = middle(rounds, SETTING, "null server", "rate")
    if own is not None:
        found.append((f"the null server answers {own:,.0f} requests/s, at least {NULL_RATE:,}", own >= NULL_RATE))
    return found


def _round(number: int, length: float) -> dict[str, Numbers]:
    contestants: dict[str, Callable[[str, float], Numbers]] = {
        "seatrial": _seatrial,
        "fast_http_user": lambda url, length: _plain(url, length, "fast"),
        "http_user": lambda url, length: _plain(url, length, "http"),
        "httpx": lambda url, length: _plain(url, length, ""),
    }
    with null_server() as (url, pid):
        server = psutil.Process(pid)
        before = server.cpu_times()
        path = Contract.load().call("getModelInfo").path
        rate = own_rate(url, path)
        after = server.cpu_times()
        spent = after.user + after.system - before.user - before.system
        seen: dict[str, Numbers] = {"null server": {"rate": rate, "cpu": spent, "per_core": None}}
        for name in rotated(list(contestants), number):
            seen[name] = contestants[name](url, length)
    return seen


def _seatrial(url: str, length: float) -> Numbers:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "run"
        end = ended([*_load(url, length), "--out", str(out)], child_environment(), length + PATIENCE)
        folder = RunFolder(out)
        if not (out / "run.json").exists():
            raise Inconclusive(f"seatrial load ended with {end.code}: {end.last}")
        run = folder.load()
        # It says itself that it was the limit, as it should here: void, exit 3.
        if (
            end.code not in (0, 3)
            or run.cause not in ("", "void")
            or run.counts["stored"] != run.counts["acknowledged"]
        ):
            raise Inconclusive(f"seatrial load ended with {end.code}: {run.sentence}")
        pulses = sorted(folder.rows("samples/*.jsonl", Pulse), key=lambda pulse: pulse.at)
        counted = [pulse for pulse in pulses if length * BEGIN < pulse.at <= length * END]
        begin = max((pulse.at for pulse in pulses if pulse.at < counted[0].at), default=0.0)
        cpu, at = 0.0, begin
        for pulse in counted:
            cpu, at = cpu + pulse.cpu * (pulse.at - at), pulse.at
        sessions = sum(begin < record.at <= at for record in folder.rows("samples/*.jsonl", Integrity))
    return _numbers(sessions, cpu, at - begin)


def _plain(url: str, length: float, kind: str) -> Numbers:
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "told.json"
        env = child_environment() | {"PLAIN": str(told), "PLAIN_SECONDS": str(length), "PLAIN_KIND": kind}
        command = [sys.executable, str(PLAIN), url]
        if kind:
            command = [*LOCUST, "-u", str(USERS), "-r", str(USERS), "-t", f"{length:.0f}s", "-H", url]
        end = ended(command, env, length + PATIENCE, cwd=Path(scratch))
        if not told.exists():
            raise Inconclusive(f"{kind or 'httpx'} ended with {end.code}: {end.last}")
        seen = json.loads(told.read_text("utf-8"))
    return _numbers(seen["sessions"], seen["cpu"], seen["seconds"])


def _load(url: str, length: float) -> list[str]:
    return [sys.executable, "-P", "-m", "seatrial", "load", url, "--users", str(USERS), "--duration", f"{length:.0f}s",
            "--turns", str(TURNS), "--think", "0s"]  # fmt: skip


def _numbers(sessions: int, cpu: float, seconds: float) -> Numbers:
    return {
        "sessions": float(sessions),
        "cpu": cpu,
        "per_core": sessions / cpu,
        "rate": sessions * (TURNS + 3) / seconds,
    }


if __name__ == "__main__":
    sys.exit(resumable(main))
