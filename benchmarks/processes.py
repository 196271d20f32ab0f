"""Processes that a benchmark starts: each in a group of its own, with a limit, and ended in order.

    end = ended(["seatrial", "verify", url], {"PATH": ...}, limit=400)
    end.code      # None when it had to be ended

Setting `STOP` ends those that run, and whoever waits for them gets `Stopped`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

STOP = threading.Event()
GRACE = 100.0
"""Seconds between the request to end and the end: a verification removes what it made."""
LOOK = 0.2


class Stopped(Exception):
    """The benchmark was interrupted; this piece of work is not done."""


@dataclass(frozen=True)
class End:
    """`code` is None at the limit; `last` is the last line that was said."""

    code: int | None
    seconds: float
    last: str


def ended(
    command: Sequence[str], env: Mapping[str, str], limit: float, *, cwd: Path | None = None, grace: float = GRACE
) -> End:
    """Run a command to its end, or to the limit: then it is asked to end, and made to after the grace."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            while process.poll() is None and time.monotonic() - started < limit and not STOP.is_set():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK)
            code = process.poll()
        finally:
            _end(process, grace)
        if STOP.is_set() and code is None:
            raise Stopped
        seconds = time.monotonic() - started
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    return End(code, seconds, lines[-1][-300:] if lines else "")


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """What it started may have groups of their own; they are its descendants, and nobody else's."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
        return
    family = psutil.Process(process.pid).children(recursive=True)
    groups = {process.pid}
    for member in family:
        with contextlib.suppress(ProcessLookupError):
            groups.add(os.getpgid(member.pid))
    for group in groups - {os.getpgrp()}:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(family, timeout=5)
