"""Loads that several processes play, on one machine and on two, which are network namespaces here."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from another_machine import NETWORK, led, namespace
from command_line import command, environment, reference_server, seatrial_command, until

from load.generator import LOCUSTFILE, _free
from load.machine import machine
from seatrial.contract import Contract
from seatrial.lab.children import child
from seatrial.lab.serving import free_port
from seatrial.ledger import left_open
from seatrial.records import RunFolder
from seatrial.samples import Arrival, Integrity, Sample

CONTRACT = Contract.load()
TOKEN = "somebody"
SMALL = ("--think", "0.2", "--turns", "2", "--timeout", "20")


def left_on(url: str) -> list[str]:
    call = CONTRACT.call("listSessions")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return [row["id"] for row in httpx.get(url + call.path, headers=headers, trust_env=False).json()["sessions"]]


def samples_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "samples").glob("*.jsonl"))}


def test_processes_share_users_and_their_records_come_together(tmp_path: Path) -> None:
    with reference_server(TOKEN) as (url, _):
        options = ("--users", "5", "--duration", "4s", "--processes", "2", *SMALL, "--out", "run")
        done = seatrial_command(tmp_path, "load", url, *options, env={"SEATRIAL_TOKEN": TOKEN})
        assert left_on(url) == []
    assert done.code in (0, 3), done  # on a slow machine the measurement may be void
    folder = RunFolder(tmp_path / "run")
    run = folder.load()
    assert run.counts["lost"] == run.counts["left_behind"] == 0
    assert sorted(samples_of(folder.path)) == ["worker-01.jsonl", "worker-02.jsonl"]
    users = {name: {row.user for row in folder.rows(f"samples/{name}", Sample)} for name in samples_of(folder.path)}
    assert users == {"worker-01.jsonl": {1, 3, 5}, "worker-02.jsonl": {2, 4}}
    assert run.counts["requests"] == len(list(folder.rows("samples/*.jsonl", Sample)))
    sessions = [row.session for row in folder.rows("samples/*.jsonl", Integrity)]
    assert len(sessions) == len(set(sessions)) == run.counts["sessions"] > 5
    assert run.counts["aboard"] == 5
    assert run.machine == machine() | {"workers": [machine()] * 2}


def test_processes_share_the_arrivals_of_an_open_loop(tmp_path: Path) -> None:
    with reference_server(TOKEN) as (url, _):
        options = ("--rate", "4", "--duration", "5s", *SMALL)
        for name, processes in (("one", "1"), ("two", "2")):
            more = ("--processes", processes, "--out", name)
            seatrial_command(tmp_path, "load", url, *options, *more, env={"SEATRIAL_TOKEN": TOKEN})
    due = {
        name: sorted(row.at for row in RunFolder(tmp_path / name).rows("samples/*.jsonl", Arrival))
        for name in ("one", "two")
    }
    assert len(due["one"]) > 5
    assert due["one"] == due["two"]


@contextmanager
def loaded(url: str, place: Path, duration: str) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """Two processes at work: the command that started them, and Locust's processes, the master first."""
    options = ("--users", "4", "--duration", duration, "--processes", "2", *SMALL, "--out", str(place / "run"))
    with child(command("load", url, *options), env=environment({"SEATRIAL_TOKEN": TOKEN})) as load:
        # Not the self-check's: a worker that has only checked itself has not said yet that it is ready.
        until(lambda: [b'"Sample"' in data for data in samples_of(place / "run").values()] == [True] * 2)
        (master,) = psutil.Process(load.pid).children()
        workers = [process for process in master.children() if "locust" in " ".join(process.cmdline())]
        assert len(workers) == 2
        yield load, [master, *workers]


@pytest.mark.parametrize(("who", "seconds"), [("master", 12), ("workers", 6)])
def test_processes_that_a_busy_machine_held_up_are_not_taken_for_dead(tmp_path: Path, who: str, seconds: int) -> None:
    with reference_server(TOKEN) as (url, _):
        with loaded(url, tmp_path, "16s") as (load, (master, *workers)):
            held_up = [master] if who == "master" else workers
            for process in held_up:
                process.suspend()
            sleep(seconds)
            for process in held_up:
                process.resume()
            assert load.wait(60) in (0, 3)
        assert left_on(url) == []
    run = RunFolder(tmp_path / "run").load()
    assert run.cause in ("", "void"), run
    assert left_open(tmp_path / "run") == []


def test_a_load_whose_workers_all_die_ends(tmp_path: Path) -> None:
    with reference_server(TOKEN) as (url, _), loaded(url, tmp_path, "100s") as (load, (_, *workers)):
        for process in workers:
            process.kill()
        assert load.wait(50) == 3
    assert RunFolder(tmp_path / "run").load().cause == "worker lost"


def test_a_port_that_was_found_free_is_kept_for_who_asks_for_it() -> None:
    port = _free("127.0.0.1")
    with socket.socket() as unasked, pytest.raises(OSError, match="in use"):
        unasked.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)):  # which says that it knows, as ZeroMQ does
        pass


def test_the_web_ui_plays_one_load_of_several_processes_after_another(tmp_path: Path) -> None:
    port, meeting = free_port(), str(free_port())
    secrets = {"SEATRIAL_TOKEN": TOKEN, "SEATRIAL_TIMEOUT": "1", "SEATRIAL_THINK": "0.2", "SEATRIAL_DURATION": "90"}
    line = [sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE), "--processes", "2", "--web-port", str(port)]
    line += ["--master-bind-port", meeting, "--master-port", meeting]
    with (
        reference_server(TOKEN) as (url, _),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as page,
    ):

        def are(state: str) -> bool:
            try:
                told = page.get("/stats/requests").json()
            except httpx.HTTPError:
                return False
            return [one["state"] for one in told.get("workers", ())] == [state] * 2

        with child(line, env=environment(secrets | {"SEATRIAL_URL": url}), cwd=tmp_path):
            until(lambda: are("ready"))
            for _ in range(2):
                page.post("/swarm", data={"user_count": 4, "spawn_rate": 4}, timeout=30)
                until(lambda: are("running"))
                until(lambda: len(left_on(url)) > 0)
                page.post("/stop", timeout=30)
                assert left_on(url) == []
                until(lambda: are("ready"))
    runs = [RunFolder(path.parent).load() for path in (tmp_path / "seatrial-runs").glob("*/run.json")]
    assert [run.cause for run in runs] == ["interrupted"] * 2, runs


def test_a_worker_that_dies_is_named_and_what_it_left_can_be_removed(tmp_path: Path) -> None:
    secrets = {"SEATRIAL_TOKEN": TOKEN}
    with reference_server(TOKEN) as (url, _):
        options = ("--users", "8", "--duration", "16s", "--processes", "2", *SMALL, "--think", "1", "--disposable")
        with child(command("load", url, *options, "--out", str(tmp_path / "run")), env=environment(secrets)) as load:
            until(lambda: len(samples_of(tmp_path / "run")) == 2 and all(samples_of(tmp_path / "run").values()))
            until(lambda: len(left_on(url)) == 8)
            (locust,) = psutil.Process(load.pid).children()
            forked = [process for process in locust.children() if "locust" in " ".join(process.cmdline())]
            assert len(forked) == 2
            forked[1].send_signal(signal.SIGKILL)
            assert load.wait(60) == 3
        folder = RunFolder(tmp_path / "run")
        run = folder.load()
        assert "of 2 (" in (run.problem or "")
        assert f"process {forked[1].pid}) was lost after" in (run.problem or "")
        assert "s of its share of the load are missing" in (run.problem or "")
        assert run.cause == "worker lost"
        # What it had under way is left and known; the other one has removed all of its own.
        assert left_on(url) != []
        assert len(run.left_behind) == len(left_open(folder.path)) >= len(left_on(url))
        cleaned = seatrial_command(tmp_path, "clean", "run", "--disposable", env=secrets)
        assert cleaned.code == 0, cleaned
        assert left_on(url) == []


def test_ctrl_c_ends_all_processes_in_order(tmp_path: Path) -> None:
    with reference_server(TOKEN) as (url, _):
        options = ("--users", "4", "--duration", "60s", "--processes", "2", *SMALL, "--out", str(tmp_path / "run"))
        with child(command("load", url, *options), env=environment({"SEATRIAL_TOKEN": TOKEN})) as load:
            until(lambda: len(samples_of(tmp_path / "run")) == 2 and all(samples_of(tmp_path / "run").values()))
            load.send_signal(signal.SIGINT)
            assert load.wait(40) == 3
        assert left_on(url) == []
    run = RunFolder(tmp_path / "run").load()
    assert run.cause == "interrupted", run
    assert left_open(tmp_path / "run") == []


def holds_together(place: Path) -> None:
    """The master has what its workers have, byte for byte."""
    parts = {name: data for folder in ("one", "two") for name, data in samples_of(place / folder).items()}
    assert samples_of(place / "all") == parts
    assert len(parts) == 2
    run = RunFolder(place / "all").load()
    assert run.counts["sessions"] > 4
    assert run.counts["aboard"] == 4
    assert run.machine["workers"] == [machine()] * 2
    assert run.counts["lost"] == run.counts["left_behind"] == 0
    for part in ("one", "two"):
        own = RunFolder(place / part).load()
        assert 0 < own.counts["requests"] < run.counts["requests"]
        assert any("the result of all is with their master" in note for note in own.notes)
        assert own.settings["users"] == 4
        assert own.machine["workers"] == [machine()]


def test_workers_elsewhere_send_their_records_to_the_master(tmp_path: Path) -> None:
    meeting = f"127.0.0.1:{free_port()}"
    with reference_server(TOKEN) as (url, _):
        led(url, tmp_path, meeting, {"SEATRIAL_TOKEN": TOKEN}, SMALL)
        assert left_on(url) == []
    holds_together(tmp_path)


def test_a_worker_on_another_machine_plays_its_share(tmp_path: Path) -> None:
    with namespace() as there, reference_server(TOKEN, host=f"{NETWORK}.1") as (url, _):
        meeting = f"{NETWORK}.1:{free_port(f'{NETWORK}.1')}"
        led(url, tmp_path, meeting, {"SEATRIAL_TOKEN": TOKEN}, SMALL, apart=there)
        assert left_on(url) == []
    holds_together(tmp_path)


def test_what_cannot_meet_is_refused(tmp_path: Path) -> None:
    def refused(*words: str, **options: str) -> None:
        given = [text for name, value in options.items() for text in (f"--{name}", value)]
        url = [] if "worker" in options and "processes" not in options else ["http://127.0.0.1:9"]
        seatrial_command(tmp_path, "load", *url, *given).refused(2, *words)

    refused("--worker needs the URL", worker="127.0.0.1")
    refused("exclude each other", worker="127.0.0.1", processes="2")
    refused("write HOST or HOST:PORT", master="127.0.0.1:http")
    refused("at most 99 workers", processes="100")
    with socket.create_server(("127.0.0.1", 0)) as sock, reference_server(TOKEN) as (url, _):
        taken = f"127.0.0.1:{sock.getsockname()[1]}"
        done = seatrial_command(tmp_path, "load", url, "--master", taken, env={"SEATRIAL_TOKEN": TOKEN})
        assert done.code == 2, done
        assert f"--master {taken}: Address already in use" in done.err
