"""Ends what the lab started, and removes what it laid down, should the lab be killed before it could do so itself.

    with child([...]) as process, guarded(process.pid, folder): ...

It is a process of its own that waits for its starter to be gone. A server that we did not write cannot look for that.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from seatrial.lab.children import GRACE_SECONDS, NOBODY_LEFT, child
from seatrial.lifeline import LOOK_SECONDS, child_environment, is_cut


@contextlib.contextmanager
def guarded(group: int, folder: Path | None = None, end: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Over the group of a process that `child` started; `end` is how it is asked, and the folder goes after it."""
    wanted = json.dumps({"group": group, "folder": str(folder) if folder else None, "end": int(end)})
    with child(
        [sys.executable, "-P", "-m", "seatrial.lab.guard", wanted], env=child_environment(), output=subprocess.DEVNULL
    ):
        yield


def main(arguments: str) -> None:
    """Wait for the starter's end; whoever ends it otherwise has nothing to be guarded any more."""
    wanted = json.loads(arguments)
    while not is_cut():
        time.sleep(LOOK_SECONDS)
    try:
        with contextlib.suppress(*NOBODY_LEFT):
            _end(wanted["group"], wanted["end"])
    finally:
        if wanted["folder"]:
            shutil.rmtree(wanted["folder"], ignore_errors=True)


def _end(group: int, signal_first: int) -> None:
    """Raises one of `NOBODY_LEFT` as soon as that is so."""
    os.killpg(group, signal_first)
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until:
        os.killpg(group, 0)
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
