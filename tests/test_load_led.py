"""What a master makes of workers that go missing, and of those that take their time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from load.led import Led, missing, uncleaned
from load.progress import FILE, Ended, Phase
from load.share import Share
from seatrial.records import RunFolder

PATIENCE = 900.0


def worker(number: int = 0, **known: float | bool) -> Led:
    led = Led(Share(number, 2), 0.0)
    for name, value in known.items():
        setattr(led, name, value)
    return led


def test_who_cleans_up_for_hours_is_not_given_up_while_it_gets_further() -> None:
    one = worker()
    for step in range(100):
        one.follow(Phase("cleaning", step, 100), now=600.0 * step)
        assert not one.is_stuck(since=0.0, now=600.0 * (step + 1), patience=PATIENCE)


def test_who_says_the_same_again_and_again_is_given_up() -> None:
    one = worker()
    for second in range(1000):
        one.follow(Phase("cleaning", 7, 100), now=float(second))
    assert one.moved == 0.0
    assert not one.is_stuck(since=100.0, now=1000.0, patience=PATIENCE), "it was asked to only then"
    assert one.is_stuck(since=0.0, now=1000.0, patience=PATIENCE)


def test_counts_of_the_load_are_kept_while_it_is_cleaned_up() -> None:
    one = worker()
    one.follow(Phase("running", 30, 30, 200, 3, 40), now=30.0)
    one.follow(Phase("cleaning", 1, 5), now=31.0)
    assert (one.phase, one.moved) == (Phase("cleaning", 1, 5, 200, 3, 40), 31.0)


def test_who_was_lost_after_its_load_leaves_something_behind_and_lacks_nothing() -> None:
    played, cut = worker(lost=70.0), worker(1, lost=20.0)
    cut.finish()
    assert not cut.finished, "it came back too late"
    played.lost = None
    played.finish()
    played.lost = 70.0
    assert missing([played, cut], 60.0) == (
        "worker 2 of 2 was lost after 20 s: 40 s of its share of the load are missing"
    )
    assert uncleaned([played, cut]) == [
        "worker 1 of 2 was lost when it had finished its load: what it had not removed by then is left behind"
    ]
    assert missing([played], 60.0) == ""
    played.home = True
    assert uncleaned([played, cut]) == [], "it was silent for long, and came home after all"


MASTER = """
import gevent, sys, time
from pathlib import Path
from load.led import Led
from load.master import FILE, Master, Recorder
from load.progress import Phase
from load.share import Share
from seatrial.settings import Settings

master = Master.__new__(Master)
master._settings, master._problem, master._finished, master._files = Settings(duration=60.0), None, True, {}
master._began, master._called = time.monotonic() - 70, 60.0
master._progress = Recorder(Path(sys.argv[1]) / FILE)
busy, stuck = (Led(Share(number, 2), time.monotonic(), finished=True) for number in (0, 1))
master._led = {"busy": busy, "stuck": stuck}

def clean():
    for step in range(8):
        busy.follow(Phase("cleaning", step, 8), time.monotonic())
        gevent.sleep(0.5)
    busy.home = True

gevent.spawn(clean)
master._until(lambda one: one.home, lambda: None, patience=2.0)
master._conclude()
"""


def test_a_master_waits_for_who_gets_further_and_judges_what_was_played(tmp_path: Path) -> None:
    """In a process of its own: what it imports changes the whole of one."""
    subprocess.run([sys.executable, "-c", MASTER, str(tmp_path)], check=True, timeout=60)
    (ended,) = RunFolder(tmp_path).rows(FILE, Ended)
    assert (ended.finished, ended.problem, ended.cause, ended.seconds) == (True, None, "", 60.0)
    assert [note.partition(" was")[0] for note in ended.notes] == ["worker 2 of 2"]
