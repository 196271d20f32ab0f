"""The self-check takes its moments as the load takes those of its target: under TLS its own lateness is in both."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

import gevent
import pytest

from load.recorder import LoadRecorder
from load.selfcheck import SelfCheck
from seatrial.records import RunFolder
from seatrial.samples import Known

BUSY = 0.07
"""Seconds in which nobody has a turn, again and again."""

GAP, COUNT = 0.11, 8
"""Of the known streams: seconds between tokens, more than nobody has a turn in, so that each is read by itself."""

LATE = 25.0
"""Milliseconds: some token waits longer, and the next one hardly."""


def keep_busy() -> None:
    while True:
        time.sleep(BUSY)  # not gevent's: the loop stands still
        gevent.sleep(0.001)


def known(place: Path, *, tls: bool) -> list[float]:
    """By how many milliseconds each stream's worst gap is measured wrong in a loop that is kept busy."""
    folder = RunFolder.create(str(place / f"tls-{tls}"), "load")
    recorder = LoadRecorder(folder.path / "samples" / "load.jsonl")
    check, busy = SelfCheck(5.0, recorder, tls=tls), gevent.spawn(keep_busy)
    try:
        check.begin()
    finally:
        check.end()
        busy.kill()
        recorder.close()
    return [max(map(abs, row.gaps)) for row in folder.rows("samples/*.jsonl", Known)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what arrives")
def test_a_busy_loop_shows_in_known_streams_where_it_shows_in_the_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("load.selfcheck.GAP", GAP)
    monkeypatch.setattr("load.selfcheck.COUNT", COUNT)
    stamped, read = known(tmp_path, tls=False), known(tmp_path, tls=True)
    assert len(stamped) == len(read) == 20
    assert median(stamped) < LATE < median(read)
