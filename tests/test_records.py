"""Records: what is written is what is read, whatever a target puts into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seatrial.records import Finding, Recorder, RunFolder


def found(step: Any) -> Finding:
    return Finding("text-intact", "break", "sendMessage", "words", "a", "b", "reply", "curl x", steps=({"was": step},))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("שלום \x00 \u2028 👩‍🚀", "שלום \x00 \u2028 👩‍🚀"),
        ("half a pair \ud800", "half a pair \ud800"),
        (2**70, 2**70),
        ({1: (2, 3)}, {"1": [2, 3]}),
        ([1e300, None, True], [1e300, None, True]),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, written: Any, read: Any) -> None:
    folder = RunFolder.create(tmp_path / "run", "verify")
    recorder = Recorder(folder.path / "findings.jsonl")
    for step in ("before", written, "after"):
        recorder.write(found(step))
    recorder.close()
    assert [one.steps[0]["was"] for one in folder.rows("findings.jsonl", Finding)] == ["before", read, "after"]
