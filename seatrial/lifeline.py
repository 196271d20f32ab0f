"""A process that Seatrial started ends, in order, when whoever started it is gone: killed, it could not ask.

Who starts one adds `tie()` to its environment; the process calls `watch()`, or asks `is_cut()` where it waits anyway.
"""

from __future__ import annotations

import os
import signal
import threading
import time

VARIABLE = "SEATRIAL_PARENT"
LOOK_SECONDS = 0.5


def tie() -> dict[str, str]:
    return {VARIABLE: str(os.getpid())}


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
