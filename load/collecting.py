"""Python's search for garbage, kept from making pauses: what it takes, every user and every stream waits for.

A request leaves no objects that refer to each other in a circle (tests see to that), and what such a search goes
through is what hundreds of users have under way: 10 ms with a thousand of them, some times a second, and 40 ms more for
all that was ever imported. Sockets that are closed and errors that are kept may leave some, so it is not turned off.
"""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 5, 5)
"""Python's own are 700, 10 and 10: the young ones are gone through a fourteenth as often, all of them a fourth."""


def rarely() -> None:
    """From now on. What is there stays to the end, and is not gone through again; it may be called for each load."""
    gc.unfreeze()  # of an earlier load
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
