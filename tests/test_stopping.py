"""Blocks that Ctrl-C ends in order: once, however many of them stand inside each other."""

from __future__ import annotations

import signal
from contextlib import suppress

from seatrial.lab.children import until_stopped


def test_a_second_signal_does_not_disturb_the_clean_up_of_a_block_around_the_one_that_was_stopped() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with until_stopped() as around:
        with suppress(KeyboardInterrupt), until_stopped() as inside:
            signal.raise_signal(signal.SIGINT)
        assert inside.fired
        assert around.fired
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_block_around_one_that_came_to_its_end_can_be_stopped() -> None:
    with suppress(KeyboardInterrupt), until_stopped() as around:
        with until_stopped():
            pass
        assert not around.fired
        signal.raise_signal(signal.SIGTERM)
    assert around.fired
