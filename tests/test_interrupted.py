"""Runs that do not get to their end: the target dies, somebody presses Ctrl-C or kills, the disk is full.

Whatever happens, the record says so, the exit code is not 0, and nothing of the run is left on the target.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from command_line import command, environment, reference_server, seatrial_command

from seatrial.contract import Contract
from seatrial.ledger import open_entries
from seatrial.records import RunFolder

LIST = Contract.load().operation("listSessions").path
LOAD = ("--users", "4", "--duration", "60s", "--think", "0.1")
VERIFY = ("--depth", "full")
SECRET = "s3cret-that-nobody-may-see"
Options = tuple[str, ...]
Case = Callable[[Path, str, Options], None]


def both(case: Case) -> Callable[[Path], None]:
    """A test of both commands that run long, at the same time: they mostly wait."""

    def test(tmp_path: Path) -> None:
        with ThreadPoolExecutor(2) as pool:
            started = []
            for name, options in (("verify", VERIFY), ("load", LOAD)):
                (tmp_path / name).mkdir()
                started.append(pool.submit(case, tmp_path / name, name, options))
        for one in started:
            one.result()

    return test


def left_on(url: str) -> list[str]:
    answer = httpx.get(url + LIST, headers={"Authorization": f"Bearer {SECRET}"}, timeout=10)
    return [row["id"] for row in answer.json()["sessions"]]


def said(out: Path) -> list[str]:
    """What the run and its suite wrote down, for a test that fails."""
    files = [out / name for name in ("run.json", "pytest.log", "ledger.jsonl") if (out / name).exists()]
    return [file.read_text("utf-8", "replace")[-2_000:] for file in files]


def is_under_way(out: Path) -> bool:
    """Whether the run has made a few things on its target."""
    ledger = out / "ledger.jsonl"
    return ledger.exists() and ledger.read_bytes().count(b'"made"') >= 5


def awaited(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def running(out: Path, url: str, name: str, options: Options) -> Iterator[subprocess.Popen[str]]:
    """The command in a process group of its own, in the middle of its run when the block is entered."""
    pipe = subprocess.PIPE
    arguments = command(name, url, "--timeout", "2s", "--out", str(out), *options)
    env = environment({"SEATRIAL_TOKEN": SECRET})
    process = subprocess.Popen(
        arguments, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    try:
        awaited(lambda: is_under_way(out) or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        assert not [one for one in family(process.pid) if SECRET in " ".join(one.cmdline())]
        yield process
        assert not [file for file in out.rglob("*") if file.is_file() and SECRET in file.read_text("utf-8")]
    finally:
        for one in family(process.pid):
            one.kill()
        process.communicate()


def family(process_id: int) -> list[psutil.Process]:
    """A process and all that it started."""
    try:
        it = psutil.Process(process_id)
        return [it, *it.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@both
def test_a_target_that_dies_is_inconclusive_and_the_record_is_kept(tmp_path: Path, name: str, options: Options) -> None:
    out = tmp_path / "run"
    with reference_server(SECRET) as (url, server), running(out, url, name, options) as process:
        server.kill()
        printed, told = process.communicate(timeout=60)
    assert process.returncode == 3, (printed, told)
    assert "Traceback" not in printed + told
    run = RunFolder(out).load()
    assert "stopped answering" in (run.problem or "")
    assert "stopped answering" in printed
    assert (out / "report.html").exists()
    assert (out / "junit.xml").exists()
    assert len(run.left_behind) == len(open_entries(out / "ledger.jsonl"))
    assert run.exit_code == 3


@both
def test_ctrl_c_removes_what_was_made_and_writes_the_reports(tmp_path: Path, name: str, options: Options) -> None:
    out = tmp_path / "run"
    with reference_server(SECRET) as (url, _), running(out, url, name, options) as process:
        os.killpg(process.pid, signal.SIGINT)
        printed, told = process.communicate(timeout=60)
        assert left_on(url) == [], (process.returncode, printed, told, said(out))
    assert process.returncode == 3, (printed, told)
    assert "Traceback" not in printed + told
    run = RunFolder(out).load()
    assert "interrupted" in (run.problem or "")
    assert run.left_behind == []
    assert open_entries(out / "ledger.jsonl") == []
    assert (out / "report.html").exists()


@both
def test_after_a_kill_of_everything_clean_removes_the_rest(tmp_path: Path, name: str, options: Options) -> None:
    out = tmp_path / "run"
    with reference_server(SECRET) as (url, _), running(out, url, name, options) as process:
        awaited(lambda: bool(left_on(url)))
        for one in family(process.pid):
            one.kill()
        process.wait(10)
        cleaned = seatrial_command(tmp_path, "clean", str(out), env={"SEATRIAL_TOKEN": SECRET})
        named = {entry.id for entry in open_entries(out / "ledger.jsonl")}
        assert named <= {None}, cleaned
        # A creation under way at the kill carries no name on this API: told, and not deleted.
        assert len(left_on(url)) <= len(open_entries(out / "ledger.jsonl"))
        assert cleaned.code == (3 if named else 0)
        again = seatrial_command(tmp_path, "clean", str(out), env={"SEATRIAL_TOKEN": SECRET})
        assert again.code == cleaned.code


@both
def test_what_a_killed_command_started_cleans_up_by_itself(tmp_path: Path, name: str, options: Options) -> None:
    out = tmp_path / "run"
    with reference_server(SECRET) as (url, _), running(out, url, name, options) as process:
        started = [one for one in family(process.pid) if one.pid != process.pid]
        assert started
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        _gone, alive = psutil.wait_procs(started, timeout=30)
        for one in alive:
            one.kill()
        assert not alive
        assert left_on(url) == []
        cleaned = seatrial_command(tmp_path, "clean", str(out), env={"SEATRIAL_TOKEN": SECRET})
    assert cleaned.code == 0, cleaned
    assert "nothing was left behind" in cleaned.out


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A file system of 256 KiB."""
    try:
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@both
def test_a_disk_that_fills_is_one_line_and_nothing_is_left(tmp_path: Path, name: str, options: Options) -> None:
    out = tmp_path / "run"
    with small_disk(tmp_path), reference_server(SECRET) as (url, _), running(out, url, name, options) as process:
        with (tmp_path / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while filler.write(b"x" * 4096):
                pass
        printed, told = process.communicate(timeout=60)
        assert left_on(url) == []
        assert process.returncode == 3, (printed, told)
        assert "Traceback" not in printed + told
        lines = told.splitlines()
        assert len(lines) == 1
        assert "No space left on device" in lines[0]
        assert json.loads((out / "run.json").read_text("utf-8"))["target"] == url
        assert (out / "ledger.jsonl").stat().st_size > 0
