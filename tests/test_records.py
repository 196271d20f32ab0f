"""Records: what is written is what is read, whatever a target puts into it."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.records import DiskFull, Finding, Recorder, RunFolder


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


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process grow to so many bytes, as if the disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def steps(folder: RunFolder) -> list[Any]:
    return [one.steps[0]["was"] for one in folder.rows("findings.jsonl", Finding)]


def test_a_line_that_a_full_disk_cut_costs_only_that_line(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "verify")
    path = folder.path / "findings.jsonl"
    recorder = Recorder(path)
    recorder.write(found("before"))
    with room_for(path.stat().st_size + 20), pytest.raises(DiskFull):
        recorder.write(found("cut"))
    recorder.write(found("after"))
    recorder.close()
    assert steps(folder) == ["before", "after"]


def test_a_file_that_ends_inside_a_line_is_gone_on_with(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", "verify")
    for step in ("before", "cut"):
        recorder = Recorder(folder.path / "findings.jsonl")
        recorder.write(found(step))
        recorder.close()
    with (folder.path / "findings.jsonl").open("rb+") as file:
        file.truncate(file.seek(-9, 2))
    recorder = Recorder(folder.path / "findings.jsonl")
    recorder.write(found("after"))
    recorder.close()
    assert steps(folder) == ["before", "after"]
