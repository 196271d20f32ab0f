"""Whoever sits at a terminal is asked before load goes to another machine, by each command that brings some."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command_line import command, environment

pty = pytest.importorskip("pty", reason="there are no terminals of this kind here")

ELSEWHERE = "http://example.invalid"
ASKED = {
    "verify": (["verify", ELSEWHERE, "--load"], f"Put 5 users on {ELSEWHERE} for 6 s?"),
    "load": (["load", ELSEWHERE, "--users", "3", "--duration", "5s"], f"Put 3 users on {ELSEWHERE} for 5 s?"),
    "capacity": (
        ["capacity", ELSEWHERE, "--slo", "turn p95 < 1s", "--most", "8", "--budget", "2m"],
        f"Put up to 8 users on {ELSEWHERE} for 2 minutes?",
    ),
    "load, a worker": (
        ["load", ELSEWHERE, "--worker", "192.0.2.1"],
        f"Put what the master at 192.0.2.1 says on {ELSEWHERE}?",
    ),
    "compare": (["compare", "http://localhost:1", ELSEWHERE], f"Put 4 users on {ELSEWHERE}?"),
}


@pytest.mark.parametrize(("words", "question"), ASKED.values(), ids=ASKED)
def test_no_is_a_stop_before_anything_begins(tmp_path: Path, words: list[str], question: str) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"n\n")
        done = subprocess.run(
            command(*words), cwd=tmp_path, env=environment(), stdin=theirs, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    assert question in done.stdout
    assert done.returncode == 130
    assert list(tmp_path.iterdir()) == []
