"""Plays both targets of a comparison in turns; a process of its own, that `duelling` starts.

    SEATRIAL_RUN=folder SEATRIAL_URL=... SEATRIAL_B_URL=... python -P -m gevent.monkey --module load.duel

One process plays both, so that they are measured by the same clock, in the same memory, with connections that are kept;
nothing starts between two blocks. It is the client of the load, whose times are the kernel's, without Locust.
"""

from __future__ import annotations

import gc
import math
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

import gevent
from gevent.event import Event

from load.blocks import QUAD, journeys, order
from load.duelling import RUN, both
from load.mix import Mix
from load.pairs import LEAST, SPARE, rarest, subject
from load.progress import FILE, Ended, Phase
from load.recorder import LoadRecorder
from load.selfcheck import SelfCheck
from load.side import Side
from seatrial.errors import Inconclusive, SeatrialError
from seatrial.evidence import SAMPLES
from seatrial.lifeline import watch
from seatrial.ratios import BLOCKS, SIDES, Block
from seatrial.records import Recorder, RunFolder
from seatrial.samples import Sample, Turned
from seatrial.settings import Settings

BLOCK_SECONDS = 0.5
"""What a block lasts at least: shorter ones are more of a change than a measurement."""

MOST_SESSIONS = 400
"""Sessions of a block, however fast they are."""

BEAT_SECONDS = 10.0


class Duel:
    """Both sides, and the blocks that they are played in."""

    def __init__(self, settings: Mapping[str, Settings], folder: RunFolder) -> None:
        self.over = Event()
        self.problem: SeatrialError | None = None
        self.finished = False
        tls = any((one.url or "").startswith("https") for one in settings.values())
        self.sides = {
            side: Side(side, settings[side], RunFolder(folder.path / side), self.over, not tls) for side in SIDES
        }
        self._settings = settings[SIDES[0]]
        self._mix = Mix.parse(self._settings.mix)
        self._progress, self._blocks = Recorder(folder.path / FILE), Recorder(folder.path / BLOCKS)
        self._recorder = LoadRecorder(folder.path / "samples" / "load.jsonl")
        self._check = SelfCheck(self._settings.timeout, self._recorder, tls=tls)
        self._played = 0
        self._phase = Phase("accounts", 0, 1)

    def muster(self) -> None:
        """Gather the crews of both, and measure what is known. Raises `SeatrialError`."""
        gevent.spawn(self._beat)
        of = len(SIDES) * self._settings.users
        for done, side in enumerate(self.sides.values()):
            self._tell("accounts", done * self._settings.users, of)
            side.muster(partial(self._mustering, done * self._settings.users, of))
        demand_one_model(*self.sides.values())
        self._check.begin()
        self._recorder.start()
        for side in self.sides.values():
            assert side.recorder is not None
            side.recorder.started = self._recorder.started  # one clock for all records
        self._check.watch(self.over)

    def play(self) -> None:
        """The warm-up, which tells how many sessions a block needs, and then the blocks."""
        sessions = self._warm_up()
        sides = order(self._settings.pairs, self._settings.seed)
        for number, side in enumerate(sides, 1):
            if self.over.is_set():
                return
            self._tell("running", number - 1, len(sides))
            self._block(side, sessions, number, (number - 1) // QUAD + 1)
        self.finished = not self.over.is_set()

    def stop(self) -> None:
        """No new session and no new turn from here on."""
        self.over.set()

    def pay_off(self) -> None:
        """Clean up on both sides, whatever has happened."""
        self.over.set()
        with suppress(OSError, Inconclusive):
            self._check.end()
        for side in self.sides.values():
            with suppress(Inconclusive):  # the other one is to be cleaned up as well
                side.pay_off(self._cleaning)
        problem = self.problem
        self._progress.write(
            Ended(
                self.finished,
                self._recorder.now(),
                str(problem) if problem else None,
                problem.exit_code if problem else None,
            )
        )
        for recorder in (self._progress, self._blocks, self._recorder):
            recorder.close()

    def _warm_up(self) -> int:
        """One quad that is not counted, and how many sessions it says a block needs."""
        sessions = max(LEAST + SPARE, 2 * self._settings.users)
        wanted = sessions
        for number, side in enumerate(order(2, self._settings.seed), -QUAD + 1):
            if self.over.is_set():
                return wanted
            self._tell("warming up", number + QUAD - 1, QUAD)
            block = self._block(side, sessions, number, 0)
            if (fewest := self._fewest(block)) < LEAST + SPARE and fewest:
                wanted = max(wanted, math.ceil(sessions * (LEAST + SPARE) / fewest))
            wanted = max(wanted, math.ceil(sessions * BLOCK_SECONDS / max(block.seconds, 0.001)))
        return min(wanted, MOST_SESSIONS)

    def _fewest(self, block: Block) -> float:
        """How many good answers there are of what was asked least often."""
        counts: Counter[str] = Counter()
        folder = self.sides[block.side].folder
        rows: Iterator[Sample | Turned] = chain(folder.rows(SAMPLES, Sample), folder.rows(SAMPLES, Turned))
        for row in rows:
            if row.at >= block.at and row.ok and (name := subject(row)):
                counts[name] += 1
        return rarest(counts.values(), block.sessions)

    def _block(self, side: str, sessions: int, number: int, quad: int) -> Block:
        """One target's turn. Both blocks of a pair play the same journeys in the same order."""
        played = journeys(self._mix, sessions, f"{self._settings.seed} {(number + 1) // 2}")
        self.sides[side].wake()
        gc.collect()
        gc.disable()
        began = self._recorder.now()
        try:
            self.sides[side].play(played)
        finally:
            gc.enable()
        block = Block(number, quad, side, began, round(self._recorder.now() - began, 4), sessions)
        self._played += sessions
        if not self.over.is_set():
            self._blocks.write(block)
        return block

    def _mustering(self, before: int, of: int, done: int, _: int) -> None:
        if self.over.is_set():
            raise Inconclusive("interrupted before it began")
        self._tell("accounts", before + done, of)

    def _cleaning(self, done: int, of: int) -> None:
        with suppress(Inconclusive):  # a disk that is full keeps nobody from removing what was made
            self._tell("cleaning", done, of)

    def _tell(self, phase: str, done: float, of: float) -> None:
        recorders = [side.recorder for side in self.sides.values() if side.recorder is not None]
        requests, failures = sum(one.requests for one in recorders), sum(one.failures for one in recorders)
        self._phase = Phase(phase, done, of, requests, failures, self._played)
        self._progress.write(self._phase)

    def _beat(self) -> None:
        """A block may take long; who is followed says now and then that it is still there."""
        while not self.over.wait(BEAT_SECONDS):
            self._progress.write(self._phase)


def demand_one_model(a: Side, b: Side) -> None:
    """Raises `Inconclusive` where nobody said which model to ask, and the first ones that are listed differ."""
    first, second = (side.crew.model if side.crew else None for side in (a, b))
    if a.crew and a.crew.api == "openwebui" and first != second and b.settings.model is None:
        raise Inconclusive(
            f"A would answer with the model {first}, B with {second}, and their times would be of two models; "
            f"choose one with --model, or B's own with SEATRIAL_B_MODEL"
        )


def main() -> None:
    watch()
    duel = Duel(both(os.environ), RunFolder(Path(os.environ[RUN])))
    gevent.signal_handler(signal.SIGTERM, duel.stop)
    try:
        duel.muster()
        duel.play()
    except SeatrialError as error:
        duel.problem = error
    except OSError as error:
        duel.problem = Inconclusive(f"the comparison broke off: {error}")
    finally:
        duel.pay_off()


if __name__ == "__main__":
    main()
