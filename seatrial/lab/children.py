"""Processes that the lab starts: each in a group of its own, and none outlives the block that started it.

with child([...], env=..., output=log) as process: ...
with provider_process(Script()) as url: ...       # its timing does not suffer from what this process does
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab.script import Script
from seatrial.lifeline import child_environment

GRACE_SECONDS = 10.0  # between SIGTERM and SIGKILL

NOBODY_LEFT = (ProcessLookupError, PermissionError)
"""What a signal to a group says once nobody lives in it: macOS refuses it while there is a zombie."""


@contextlib.contextmanager
def child(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    output: int | IO[str] = subprocess.PIPE,
    errors: int | None = subprocess.STDOUT,
    user: str | None = None,
    group: int | None = None,
    extra_groups: Sequence[int] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Start a command, as another user if one is named, and end it and whatever it started when the block is left.

    The group is its own so that Ctrl-C in the terminal reaches only us: we then end our children in order.
    """
    process = subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        text=True,
        errors="replace",
        start_new_session=True,
        user=user,
        group=group,
        extra_groups=extra_groups,
    )
    try:
        yield process
    finally:
        _end(process)


@contextlib.contextmanager
def provider_process(script: Script, record: Path | None = None, port: int = 0) -> Iterator[str]:
    """The scripted provider in a process of its own; yields its base URL."""
    wanted = {"script": asdict(script), "record": str(record.absolute()) if record else None, "port": port}
    command = [sys.executable, "-P", "-m", "seatrial.lab.provider", json.dumps(wanted)]
    with child(command, env=child_environment(), errors=None) as process:
        assert process.stdout is not None
        word, _, url = process.stdout.readline().strip().partition(" ")
        if word == "wrong":
            raise WrongUse(url)
        if word != "ready":
            raise Inconclusive(f"the scripted provider ended with code {process.wait()} before it was ready")
        yield url


class Stop:
    """A handler of signals: the first one ends the block, and later ones do nothing. `fired` says whether one came."""

    def __init__(self, names: Sequence[signal.Signals]) -> None:
        self._names, self.fired = names, False

    def __call__(self, _number: int, _frame: object) -> None:
        self.fired = True
        for name in self._names:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt


@contextlib.contextmanager
def until_stopped() -> Iterator[Stop]:
    """Ctrl-C, SIGTERM and a closed terminal end the block in order; a second one does not disturb the clean-up.

    Nor does it disturb that of a block around this one: it is told (`fired`), and ends itself when it is ready to.
    """
    names = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup a closed terminal means nothing
        names.append(signal.SIGHUP)
    stop = Stop(names)
    before = {name: signal.signal(name, stop) for name in names}
    try:
        yield stop
    finally:
        around = before[signal.SIGINT]
        if stop.fired and isinstance(around, Stop):
            around.fired = True  # armed again, it would take a second signal for the first
        else:
            for name, handler in before.items():
                signal.signal(name, handler)


def _end(process: subprocess.Popen[str]) -> None:
    process.poll()  # one that has ended by itself is no zombie then
    with contextlib.suppress(*NOBODY_LEFT):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with contextlib.suppress(*NOBODY_LEFT):  # what is left of the group: a hung server, or its orphans
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
