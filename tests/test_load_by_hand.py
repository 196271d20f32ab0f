"""Loads that somebody starts by hand, with Locust itself; and one that nobody was asked about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx

from load.generator import LOCUSTFILE
from seatrial.contract import Contract
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.lifeline import child_environment
from seatrial.records import RunFolder

CONTRACT = Contract.load()


def ran(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command to its end, with nobody at the terminal."""
    return subprocess.run(
        [sys.executable, "-P", "-m", *arguments],
        check=False,
        env=child_environment() | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def by_hand(url: str, out: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {"SEATRIAL_URL": url, "SEATRIAL_THINK": "0.2", "SEATRIAL_OUT": str(out)} | environment
    return ran("locust", "-f", str(LOCUSTFILE), "--headless", *options, **settings)


def test_load_on_another_machine_is_not_started_unasked(tmp_path: Path) -> None:
    done = ran("seatrial", "load", "http://192.0.2.1", "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_locustfile_works_by_hand(tmp_path: Path) -> None:
    with running(create_app(CONTRACT)) as url:
        done = by_hand(url, tmp_path / "run", "-u", "3", "-r", "3", "--run-time", "2s")
        listed = httpx.get(url + CONTRACT.call("listSessions").path, trust_env=False).json()["sessions"]
    assert listed == [], "what it made is gone"
    # On a machine that is busy with other things the measurement may be void.
    passed = done.returncode == 0 and "Pass: " in done.stdout
    assert passed or (done.returncode == 3 and "the load generator was the limit" in done.stdout), done
    run = RunFolder(tmp_path / "run").load()
    assert run.settings["users"] == 3
    assert run.settings["duration"] == 2.0


def test_by_hand_users_who_come_too_slowly_are_no_result(tmp_path: Path) -> None:
    with running(create_app(CONTRACT)) as url:
        done = by_hand(url, tmp_path / "run", "-u", "9", "-r", "1", "--run-time", "3s")
    run = RunFolder(tmp_path / "run").load()
    assert (done.returncode, run.cause) == (3, "void")
    assert 0 < run.counts["aboard"] < 9


def test_by_hand_there_are_as_many_users_as_the_highest_stage_wants(tmp_path: Path) -> None:
    with running(create_app(CONTRACT)) as url:
        by_hand(url, tmp_path / "run", SEATRIAL_STAGE="1:1s\n13:1s")
    assert RunFolder(tmp_path / "run").load().counts["aboard"] == 13


def test_by_hand_a_target_that_is_not_there_is_one_line_and_exit_3(tmp_path: Path) -> None:
    done = by_hand("http://127.0.0.1:9", tmp_path / "run")
    assert done.returncode == 3
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr
