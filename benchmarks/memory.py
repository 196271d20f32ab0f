"""What a user costs in memory while it thinks: resident memory of the load process, per user, beside Locust's own.

    python benchmarks/memory.py

Users come aboard, each opens its session over a connection of its own, and thinks. When all are there and have been for
some seconds, the memory of the process is read at 100 and at 1,000 users; a user costs the difference by 900. Locust's
users are those of `plain_users`, who keep nothing; Seatrial's are those of `seatrial load`, with all that they need.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import psutil
from null_server import null_server
from playing import resumable
from rate import LOCUST
from rounds import Numbers, Round, Setting, arguments, middle, play, rotated, tell

from seatrial.errors import Inconclusive
from seatrial.lifeline import child_environment

FEW, MANY = 100, 1_000
SPREAD = 20.0
"""Seconds in which the users of `seatrial load` begin: a quarter of its duration."""
SETTLED = 5.0
LONGEST = 180.0
SETTING = f"{FEW} and {MANY:,} users"
COLUMNS = {"per_user": "KiB per user", "few": f"MiB at {FEW}", "many": f"MiB at {MANY:,}"}
SOURCES = ("benchmarks/memory.py", "benchmarks/plain_users.py", "benchmarks/null_server.py",
           "benchmarks/rate.py", "load/*.py", "load/journeys/*.py", "seatrial/*.py")  # fmt: skip


def main() -> int:
    given = arguments(__doc__)
    played = play("memory", [Setting(SETTING, partial(_round, 200 if given.quick else MANY))], given, sources=SOURCES)
    tell(played, COLUMNS)
    return 0


def per_user(rounds: list[Round]) -> dict[str, float | None]:
    return {name: middle(rounds, SETTING, name, "per_user") for name in ("seatrial", "fast_http_user", "http_user")}


def _round(many: int, number: int) -> dict[str, Numbers]:
    seen: dict[str, Numbers] = {}
    for name in rotated(["seatrial", "fast_http_user", "http_user"], number):
        few, more = (_resident(name, users) for users in (FEW, many))
        seen[name] = {"few": few / 2**20, "many": more / 2**20, "per_user": (more - few) / (many - FEW) / 2**10}
    return seen


def _resident(name: str, users: int) -> float:
    """Bytes of the load process when so many users think. The server tells when all have their connection."""
    with (
        null_server() as (url, server),
        tempfile.TemporaryDirectory() as scratch,
        _load(name, url, users, scratch) as top,
    ):
        limit, calm = time.monotonic() + LONGEST, None
        while calm is None or time.monotonic() < calm:
            if time.monotonic() > limit or top.poll() is not None:
                raise Inconclusive(f"{name} did not come to {users} users (exit {top.poll()})")
            if calm is None and _connected(server) >= users:
                calm = time.monotonic() + SETTLED
            time.sleep(0.5)
        return float(load_process(top.pid).memory_info().rss)


@contextmanager
def _load(name: str, url: str, users: int, scratch: str) -> Iterator[subprocess.Popen[bytes]]:
    if name == "seatrial":
        command = [sys.executable, "-P", "-m", "seatrial", "load", url, "--users", str(users), "--think", "600s",
                   "--duration", f"{4 * SPREAD:.0f}s", "--out", f"{scratch}/run"]  # fmt: skip
        # Long enough that users are there, short enough that nobody has thought to the end.
        env = child_environment()
    else:
        command = [*LOCUST, "-u", str(users), "-r", str(users / SPREAD), "-t", f"{LONGEST:.0f}s", "-H", url]
        kind = "fast" if name == "fast_http_user" else "http"
        env = child_environment() | {"PLAIN_KIND": kind, "PLAIN_THINK": "600", "PLAIN_SECONDS": "600"}
    process = subprocess.Popen(
        command, env=env, cwd=scratch, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for member in family:
            with suppress(psutil.Error):
                member.kill()
        process.kill()
        process.wait()
        psutil.wait_procs(family, timeout=10)


def _connected(server: int) -> int:
    with suppress(psutil.Error):
        return sum(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(server).net_connections("tcp"))
    return 0


def load_process(top: int) -> psutil.Process:
    """The load process: Locust's own, or the one that `seatrial load` started."""
    process = psutil.Process(top)
    for member in [process, *process.children(recursive=True)]:
        if "locust" in member.cmdline()[:5]:
            return member
    raise Inconclusive("there is no load process")


if __name__ == "__main__":
    sys.exit(resumable(main))
