"""Against a released Open WebUI, installed and booted for it: verification at quick depth, and a load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab.children import child
from seatrial.records import Finding, RunFolder
from seatrial.samples import Turned
from seatrial.settings import Settings

pytestmark = pytest.mark.openwebui


def _seatrial(
    deployment: Settings, out: Path, *arguments: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    shell = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", *arguments, "--out", str(out)],
        env=shell | {"SEATRIAL_URL": deployment.url or ""} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    run = json.loads((out / "run.json").read_text()) if (out / "run.json").exists() else {}
    return done, run


def test_the_release_keeps_its_contract_but_for_known_defects(deployment: Settings, tmp_path: Path) -> None:
    done, run = _seatrial(deployment, tmp_path / "run", "verify", SEATRIAL_ADMIN=deployment.admin or "")
    assert done.returncode == 0, done.stdout + done.stderr
    assert run["verdict"] == "pass"
    assert run["left_behind"] == []
    findings = list(RunFolder(tmp_path / "run").rows("findings.jsonl", Finding))
    assert [finding for finding in findings if not finding.known] == []


def test_it_does_not_serve_the_session_api(deployment: Settings, tmp_path: Path) -> None:
    done, run = _seatrial(deployment, tmp_path / "run", "verify", "--api", "sessions")
    assert done.returncode == 3
    assert run == {}
    assert "does not serve the Session API; it serves Open WebUI's" in done.stderr
    assert "the web app answers in its place" in done.stderr


def test_the_gateway_in_front_of_it_keeps_the_session_api(
    deployment: Settings, admin_token: str, tmp_path: Path
) -> None:
    """`lab reference --upstream` is held to the contract like any other deployment of the Session API."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
    command = [sys.executable, "-m", "seatrial", "lab", "reference", "--port", "0", "--upstream", deployment.url or ""]
    with child(command, env=shell | {"SEATRIAL_TOKEN": admin_token}, errors=None) as gateway:
        assert gateway.stdout is not None
        url = gateway.stdout.readline().strip().removeprefix("ready ")
        done = subprocess.run(
            [sys.executable, "-m", "seatrial", "verify", url, "--api", "sessions", "--out", str(tmp_path / "run")],
            env=shell,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


def passed(done: subprocess.CompletedProcess[str], run: dict[str, Any]) -> bool:
    """It did; or the machine was busy with other things, and the measurement is void."""
    return done.returncode == 0 or (done.returncode, run["cause"]) == (3, "void")


def test_every_message_of_a_load_is_stored_or_accounted_for(
    deployment: Settings, admin_token: str, tmp_path: Path
) -> None:
    small = ("--users", "5", "--duration", "15s", "--turns", "2", "--think", "0.5")
    done, run = _seatrial(deployment, tmp_path / "run", "load", *small, SEATRIAL_ADMIN_TOKEN=admin_token)
    assert passed(done, run), done.stdout + done.stderr
    counts = run["counts"]
    assert counts["sessions"] >= 5
    assert (counts["lost"], counts["doubled"], counts["altered"], counts["foreign"]) == (0, 0, 0, 0)
    assert run["left_behind"] == []


def test_browsers_are_told_over_their_sockets_what_is_stored(
    deployment: Settings, admin_token: str, tmp_path: Path
) -> None:
    small = ("--users", "3", "--duration", "15s", "--turns", "2", "--think", "0.5", "--mix", "browser=2,completions=1")
    done, run = _seatrial(deployment, tmp_path / "run", "load", *small, SEATRIAL_ADMIN_TOKEN=admin_token)
    assert passed(done, run), done.stdout + done.stderr
    folder = RunFolder(tmp_path / "run")
    assert {(turn.way, turn.ended) for turn in folder.rows("samples/*.jsonl", Turned)} == {
        ("socket", "done"),
        ("sse", "done"),
    }
    assert run["counts"]["stored"] == run["counts"]["acknowledged"] > 0
    assert "turn socket" in done.stdout + done.stderr
    assert run["left_behind"] == []
