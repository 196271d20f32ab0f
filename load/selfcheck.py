"""The load process checks itself while it works: is what it measures true, or its own doing?

    check = SelfCheck(timeout, recorder, tls=False)
    check.begin()                  # a server of known timing is started, and measured as the target will be
    check.watch(over)              # once a second during the load, and how late this process wakes
    check.end()

A process that has too much to do reports its own lateness as the target's. So it keeps measuring something whose times
are known, with the same client, in the same loop, and with moments taken as those of the target are: by the kernel, or
under TLS when the bytes are read. What encrypting costs is not in it. `validity` judges.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import gevent
import gevent.socket
from gevent.event import Event

from load.delivery import read
from load.locust_client import LoadClient
from load.recorder import NOBODY, LoadRecorder, Silent
from seatrial.exchange import Call, NoAnswer
from seatrial.lifeline import child_environment
from seatrial.samples import Known, Pulse
from seatrial.target import ANONYMOUS, Target

AT_ONCE = 10
"""Streams of a calibration, all begun at the same moment."""

FIRST, GAP, COUNT = 0.2, 0.02, 20
"""What the known streams are asked for: seconds to the first token and between tokens, and how many."""

TICK = 0.02
"""How often the loop is asked to wake, in seconds."""


@contextlib.contextmanager
def _known_server() -> Iterator[str]:
    """The lab's server of known timing, in a process of its own; yields its base URL."""
    command = [sys.executable, "-P", "-m", "seatrial.lab.metronome"]
    process = subprocess.Popen(
        command, env=child_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


LEAST_TIMEOUT = 5.0
"""Seconds that a known stream may take at least: a target may be given less than it lasts."""


class SelfCheck:
    """`timeout` is what one known stream may take, in seconds; `tls` whether the target is reached over TLS.

    Once each: begin, watch, end.
    """

    def __init__(self, timeout: float, recorder: LoadRecorder, *, tls: bool = False) -> None:
        self._timeout, self._recorder, self.tls = max(timeout, LEAST_TIMEOUT), recorder, tls
        self._stack = contextlib.ExitStack()
        self._url = ""
        self._watching: list[gevent.Greenlet] = []

    def begin(self) -> None:
        self._url = self._stack.enter_context(_known_server())
        self._calibrate("before")

    def watch(self, over: Event) -> None:
        self._watching = [gevent.spawn(self._sentinel, over), gevent.spawn(self._pulse, over)]

    def end(self) -> None:
        """The second calibration; safe to call whatever has happened."""
        try:
            gevent.killall(self._watching)
            if self._url:
                self._calibrate("after")
        finally:
            self._url = ""
            self._stack.close()

    def _calibrate(self, when: str) -> None:
        gevent.joinall([gevent.spawn(self._known, when) for _ in range(AT_ONCE)])

    def _sentinel(self, over: Event) -> None:
        while not over.wait(1.0):
            self._known("during")

    def _known(self, when: str) -> None:
        call = Call("known", "GET", f"/stream?first={FIRST}&gap={GAP}&count={COUNT}")
        # A client as those of the users are. What is not measured to its end is no record; without any, a load is void.
        target = Target(self._url, timeout=self._timeout)
        client = LoadClient(target, ANONYMOUS, 0, Silent(), NOBODY, stamped=not self.tls)
        with contextlib.closing(client), contextlib.suppress(NoAnswer):
            at = self._recorder.now()
            streamed = client.stream(call)
            delivery = read(streamed)
            told = [json.loads(line[6:]) for line in streamed.reply.body.split(b"\n") if line.startswith(b"data: {")]
            if delivery.ended != "done" or delivery.first is None or len(told) != COUNT:
                return
            first = delivery.first - (told[0]["sent"] - told[0]["received"]) * 1000
            true = [(later["sent"] - earlier["sent"]) * 1000 for earlier, later in pairwise(told)]
            gaps = tuple(round(gap - right, 3) for gap, right in zip(delivery.gaps, true, strict=True))
            self._recorder.tell(Known(at, when, round(first, 3), gaps))

    def _pulse(self, over: Event) -> None:
        """How late this process wakes: what hundreds of users share is shared by this one, too."""
        while not over.is_set():
            late: list[float] = []
            began, spent = time.perf_counter(), time.process_time()
            while time.perf_counter() - began < 1.0 and not over.is_set():
                asked = time.perf_counter()
                gevent.sleep(TICK)
                late.append((time.perf_counter() - asked - TICK) * 1000)
            if late:
                cpu = (time.process_time() - spent) / (time.perf_counter() - began)
                late.sort()
                middle, latest = max(0.0, late[len(late) // 2]), max(0.0, late[-1])
                self._recorder.tell(Pulse(self._recorder.now(), round(middle, 3), round(latest, 3), round(cpu, 3)))
