"""Processes that Seatrial starts: what they are given, and that none outlives whoever started it.

Who starts one gives it `child_environment()`; the process calls `watch()`, or asks `is_cut()` where it waits
anyway: whoever was killed could not ask it to end.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import seatrial
from seatrial.cache import cache_folder

VARIABLE = "SEATRIAL_PARENT"
LOOK_SECONDS = 0.5


def foreign_environment() -> dict[str, str]:
    """Ours without settings of Seatrial and Locust, secrets among them: for programs that we did not write."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SEATRIAL_", "LOCUST_"))}


def child_environment() -> dict[str, str]:
    """Ours, tied to us, without settings of Seatrial and Locust: a process gets its own, secrets among them.

    It finds the same packages as we do, also when they run from a checkout that is not installed.
    """
    shell = foreign_environment()
    # Without it, Hypothesis leaves a folder wherever Seatrial is called.
    shell.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache_folder("hypothesis")))
    root = str(Path(seatrial.__file__).resolve().parents[1])
    path = os.pathsep.join([root, *filter(None, [shell.get("PYTHONPATH")])])
    return shell | {VARIABLE: str(os.getpid()), "PYTHONPATH": path}


def tie_to_parent() -> None:
    """For a process that was forked: it is tied to who forked it, not to whom that one is tied to."""
    if VARIABLE in os.environ:
        os.environ[VARIABLE] = str(os.getppid())


def is_cut() -> bool:
    """Whether this process was started by one that is gone; a process started by hand is tied to nobody."""
    parent = os.environ.get(VARIABLE)
    return parent is not None and parent != str(os.getppid())


def watch() -> None:
    """From now on, SIGTERM when the starter is gone."""
    if VARIABLE in os.environ:
        threading.Thread(target=_wait, name="seatrial-lifeline", daemon=True).start()


def _wait() -> None:
    while not is_cut():
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
