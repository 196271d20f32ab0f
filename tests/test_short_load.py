"""The short load that may follow a verification: what it says of messages counts, of times only when they are true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_runs import CHECKED, folder, under_load, verify_run
from rich.console import Console

from load.progress import FILE, Ended
from reports.verdict import judge
from seatrial.cli import load, verification
from seatrial.records import Recorder, Run
from seatrial.samples import Judged
from seatrial.settings import Settings

VOID = "the load generator was the limit, and not the target"


def verified(path: Path, monkeypatch: pytest.MonkeyPatch, *, finished: bool, **loaded: Any) -> tuple[Run, str]:
    """The run of a verification without findings, after a load that ended so, and its sentence."""
    made = folder(path / "run", verify_run(), *CHECKED, samples=under_load())
    progress = Recorder(made.path / FILE)
    progress.write(Ended(finished, 6.0, None, None))
    progress.close()
    monkeypatch.setattr(load, "run_load", lambda *_, **__: replace(verify_run(command="load"), **loaded))
    run = verification._with_load(made.load(), Settings(), made, Console(quiet=True))
    return run, judge(run, made).sentence


def test_a_void_load_takes_its_times_back_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, sentence = verified(tmp_path, monkeypatch, finished=True, cause="void", problem=VOID)
    assert run.problem is None
    assert f"the times of the load prove nothing: {VOID}" in run.notes
    assert "times void" in sentence
    assert "turns p50" not in sentence
    assert "no message lost" in sentence


@pytest.mark.parametrize(("finished", "cause"), [(False, "void"), (True, "died")])
def test_a_load_that_was_not_played_leaves_the_verification_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bool, cause: str
) -> None:
    run, _ = verified(tmp_path, monkeypatch, finished=finished, cause=cause, problem="it broke off")
    assert run.problem == "it broke off"


def test_a_load_whose_times_are_true_tells_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, sentence = verified(tmp_path, monkeypatch, finished=True)
    assert run.problem is None
    assert "turns p50" in sentence


def test_times_of_a_void_load_are_not_told_as_held(tmp_path: Path) -> None:
    held = [Judged(one, "held", 1.0, 0.5, 1.5, proved=True, said="1") for one in ("turn p95 < 2s", "damaged = 0")]
    run = verify_run(command="load", cause="void")
    console = Console(width=100)
    with console.capture() as told:
        load._show(run, folder(tmp_path / "run", run, *held), console)
    assert "void: turn p95 < 2s" in told.get()
    assert "held: damaged = 0" in told.get()
