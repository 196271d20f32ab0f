"""Parts of two packages that have no setting and are replaced: a release without them ends in words, and not unseen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seatrial.lifeline import child_environment

GONE = {
    "cookies": (
        "from websocket import _handshake; del _handshake.CookieJar",
        "from load import wire; wire.install()",
        "websocket-client keeps its cookies elsewhere now",
    ),
    "constants": (
        "from hypothesis.internal.conjecture.providers import HypothesisProvider as It; del It._local_constants",
        "import contract_tests.repeatable",
        "calls the constants that it draws on by another name",
    ),
}


@pytest.mark.parametrize("name", GONE)
def test_a_release_without_the_part_that_is_replaced_is_told_of(name: str) -> None:
    without, use, words = GONE[name]
    as_it_is, changed = (
        subprocess.run(
            [sys.executable, "-c", code], env=child_environment(), capture_output=True, text=True, check=False
        )
        for code in (use, f"{without}\n{use}")
    )
    assert as_it_is.returncode == 0, as_it_is.stderr
    assert changed.returncode == 1
    assert words in changed.stderr.splitlines()[-1]
