"""The short load that may follow a verification: what it says of messages counts, of times only when they are true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_runs import CHECKED, finding, folder, under_load, verify_run
from rich.console import Console

from load.progress import FILE, Ended
from reports.verdict import judge
from seatrial.cli import load, verification
from seatrial.errors import Inconclusive
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


def test_it_is_the_load_that_was_asked_about_whatever_the_settings_say_of_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heavy = Settings(
        stage=("10-50:2m",), rate=9.0, mix="browser=1", slo=("turn p95 < 1s",), seed_chats=200, processes=4,
        provider="http://127.0.0.1:9",
    )  # fmt: skip
    played: list[Settings] = []

    def heard(settings: Settings, *_: Any, **__: Any) -> Run:
        played.append(settings)
        return verify_run(command="load")

    monkeypatch.setattr(load, "run_load", heard)
    made = folder(tmp_path / "run", verify_run(), *CHECKED)
    verification._with_load(made.load(), heavy, made, Console(quiet=True))
    assert played == [Settings(users=5, duration=6.0, turns=2, think=0.2)]


@pytest.mark.parametrize("error", [Inconclusive("the provider is gone"), KeyboardInterrupt()])
@pytest.mark.parametrize("broken", [True, False])
def test_a_load_that_does_not_begin_takes_back_nothing_that_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, broken: bool
) -> None:
    def fails(*_: Any, **__: Any) -> Run:
        raise error

    monkeypatch.setattr(load, "run_load", fails)
    made = folder(tmp_path / "run", verify_run(), *CHECKED, *([finding()] if broken else []))
    run = verification._with_load(made.load(), Settings(), made, Console(quiet=True))
    judgement = judge(run, made)
    assert (judgement.verdict, judgement.exit_code) == (("fail", 1) if broken else ("inconclusive", 3))
    assert "the provider is gone" in (run.problem or "") or run.cause == "interrupted"
    assert judge(made.load(), made).verdict != "pass"  # nor does one that is killed meanwhile
