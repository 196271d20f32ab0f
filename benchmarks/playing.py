"""Does many pieces of work with a few hands, each with ground of its own, and tells each result as it comes.

    play(cells, lambda: at(api, version), lambda cell, ground: ..., jobs=2, tell=store.add)

Ctrl-C ends what is under way and keeps what is done. A piece that cannot be done is told and left for the next time;
three in a row end it all.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from processes import STOP, Stopped
from storing import ROOT, SourcesChanged

import seatrial
from seatrial.errors import SeatrialError, WrongUse

Work = TypeVar("Work")
Here = TypeVar("Here")
Done = TypeVar("Done")

PATIENCE = 3


def play(
    wanted: Sequence[Work],
    ground: Callable[[], contextlib.AbstractContextManager[Here]],
    do: Callable[[Work, Here], Done],
    *,
    jobs: int,
    tell: Callable[[Done], None],
) -> None:
    """Raises what a hand raised, when the others have ended."""
    waiting, lock = iter(wanted), threading.Lock()
    errors: list[BaseException] = []

    def hand() -> None:
        failed = 0
        try:
            with ground() as here:
                while not STOP.is_set():
                    with lock:
                        work = next(waiting, None)
                    if work is None:
                        return
                    try:
                        done = do(work, here)
                    except SourcesChanged:
                        raise
                    except (SeatrialError, OSError) as error:
                        failed += 1
                        print(f"not done: {work}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                        if failed == PATIENCE:
                            raise
                        continue
                    failed = 0
                    with lock:
                        tell(done)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  told by the thread that waits
            errors.append(error)
            STOP.set()

    hands = [threading.Thread(target=hand, name=f"hand-{n}") for n in range(min(jobs, len(wanted)))]
    for thread in hands:
        thread.start()
    try:
        while any(thread.is_alive() for thread in hands):
            time.sleep(0.1)
    except BaseException:
        STOP.set()
        raise
    finally:
        for thread in hands:
            thread.join()
    if errors:
        raise errors[0]


def resumable(main: Callable[[], int]) -> int:
    """The exit code of a benchmark; one line for whoever interrupts it, and for what it cannot do."""
    try:
        if (here := Path(seatrial.__file__).resolve().parents[1]) != ROOT:
            raise WrongUse(f"what runs is Seatrial of {here}, and what is stored would be said to be of {ROOT}")
        return main()
    except KeyboardInterrupt:
        print("interrupted; what is done is stored, the same command goes on", file=sys.stderr)
        return 130
    except SeatrialError as error:
        print(f"ended: {error}; what is done is stored, the same command goes on", file=sys.stderr)
        return error.exit_code
