"""Whole verifications of a released Open WebUI whose front means harm; see test_hostile_runs for the Session API."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from command_line import command, environment
from hostile_server import Writes, hostile
from nastiness import BIG, BROKEN, ENDLESS, ODD, body, in_turn

from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.records import RunFolder
from seatrial.settings import Settings

pytestmark = pytest.mark.openwebui

TIMEOUT = 2.0
EVERY = {"broken": BROKEN, "big and odd": BIG | ODD, "endless": ENDLESS}
WORDLESS = body(json.dumps({"task_ids": ["a-task-that-never-ends"]}).encode())


def accounts(deployment: Settings, token: str) -> list[str]:
    with Client(deployment.target()) as client:
        call = Contract.load().call("searchUsers", query={"query": "@"}, headers={"Authorization": f"Bearer {token}"})
        return sorted(row["email"] for row in client.send(call).document()["users"])


@pytest.mark.parametrize(
    ("nasty", "most"),
    [
        (
            dict.fromkeys(("getChat", "createChatCompletion", "listModels", "updateChat"), in_turn(*ways.values())),
            len(ways),
        )
        for ways in EVERY.values()
    ]
    + [({"listChatTasks": WORDLESS}, None)],
    ids=[*EVERY, "tasks that never end"],
)
def test_a_front_that_means_harm_is_found_out_and_nothing_is_left_behind_it(
    nasty: dict[str, Writes], most: int | None, deployment: Settings, admin_token: str, tmp_path: Path
) -> None:
    before = accounts(deployment, admin_token)
    with hostile(deployment.url or "", nasty, after=12, most=most) as server:
        started = time.monotonic()
        done = subprocess.run(
            command("verify", server.url, "--timeout", f"{TIMEOUT}s", "--out", str(tmp_path / "run")),
            env=environment({"SEATRIAL_ADMIN_TOKEN": admin_token}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        assert time.monotonic() - started < 60 * TIMEOUT + 240
    assert done.returncode == 1, (done.stdout, done.stderr)
    run = RunFolder(tmp_path / "run").load()
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert "the suite" not in (run.problem or ""), (tmp_path / "run" / "pytest.log").read_text("utf-8")
    assert server.elsewhere_got == []
    assert run.left_behind == []
    assert accounts(deployment, admin_token) == before
