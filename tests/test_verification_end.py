"""How a verification begins, and how it ends: what was found is on the disk before the target gets its time to remove
anything."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract_tests.verification import Verification
from seatrial.contract import Contract
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.records import Finding, Recorder, Run, RunFolder, full
from seatrial.settings import Settings

CONTRACT = Contract.load()


@pytest.fixture
def under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Verification]:
    """A verification that has found something."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    folder = RunFolder(tmp_path)
    with running(create_app(CONTRACT, tokens=["ana"])) as url:
        folder.save(Run("verify", url, "auto", settings={"embedded": True}))
        one = Verification(Settings(url=url, token=("ana",)), folder)
        one.begin()
        one.log.finding("valid-use", "listSessions", "200", "500", "status 500")
        yield one


def found(tmp_path: Path) -> list[str]:
    return [one.operation for one in RunFolder(tmp_path).rows("findings.jsonl", Finding)]


def test_who_stops_a_run_does_not_lose_what_it_found_to_a_target_that_hangs(
    under_way: Verification, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay_off = under_way.crew.pay_off
    seen: list[list[str] | str | None] = []

    def slowly() -> list[str]:
        seen.extend([found(tmp_path), RunFolder(tmp_path).load().problem, RunFolder(tmp_path).load().ended])
        under_way.log.finding("valid-use", "deleteSession", "200", "500", "status 500")
        return pay_off()

    monkeypatch.setattr(under_way.crew, "pay_off", slowly)
    under_way.end(interrupted=True)
    assert seen == [["listSessions"], "the run was interrupted", ""]
    run = RunFolder(tmp_path).load()
    assert (run.problem, bool(run.ended), run.settings["embedded"]) == ("the run was interrupted", True, True)
    assert found(tmp_path) == ["listSessions", "deleteSession"]


def test_what_the_disk_has_taken_stays_when_it_takes_no_more(
    under_way: Verification, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay_off, write = under_way.crew.pay_off, Recorder.write
    full_now: list[bool] = []

    def then_full() -> list[str]:
        full_now.append(True)
        return pay_off()

    def written(self: Recorder, record: object) -> None:
        if full_now and "ledger" not in self.path.name:
            raise full(self.path, OSError(28, "No space left on device"))
        write(self, record)

    monkeypatch.setattr(under_way.crew, "pay_off", then_full)
    monkeypatch.setattr(Recorder, "write", written)
    under_way.end(interrupted=False)
    assert "No space left" in (RunFolder(tmp_path).load().problem or "")
    assert found(tmp_path) == ["listSessions"]
    assert not list(tmp_path.glob(".*.part"))


def test_a_disk_that_is_full_already_keeps_nobody_from_removing_what_was_made(
    under_way: Verification, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: Recorder, _: object) -> None:
        raise full(self.path, OSError(28, "No space left on device"))

    removed: list[bool] = []
    pay_off = under_way.crew.pay_off
    monkeypatch.setattr(Recorder, "write", refuses)
    monkeypatch.setattr(under_way.crew, "pay_off", lambda: removed.append(True) or pay_off())
    under_way.end(interrupted=False)
    assert removed
    assert "No space left" in (under_way.problem or "")


BEGIN = """
import os, sys, threading
import contract_tests.plugin as plugin

class Quick:
    def __init__(self, settings, folder):
        self.interrupt = lambda *_: None

    def begin(self):
        pass

plugin.Verification = Quick
os.environ |= {"SEATRIAL_URL": "http://localhost:9", "SEATRIAL_OUT": sys.argv[1]}
plugin._begun()
print(sys.modules["contract_tests.generation"].__spec__._initializing, threading.active_count())
"""


def test_what_is_imported_on_the_way_is_there_before_the_tests_are(tmp_path: Path) -> None:
    """In a process of its own, which has imported nothing yet; the target is done before the import is."""
    command = [sys.executable, "-c", BEGIN, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["False", "1"], done.stderr
