"""A load of a released Open WebUI from two machines, which are network namespaces here."""

from __future__ import annotations

from pathlib import Path

import pytest
from another_machine import NETWORK, led, namespace, relayed

from load.machine import machine
from seatrial.lab.serving import free_port
from seatrial.records import RunFolder
from seatrial.samples import Integrity, Sample
from seatrial.settings import Settings

pytestmark = pytest.mark.openwebui


def test_workers_on_two_machines_play_one_load(deployment: Settings, admin_token: str, tmp_path: Path) -> None:
    small = ("--think", "0.5", "--turns", "2", "--timeout", "60", "--mix", "session=1,browser=1")
    with namespace() as there, relayed(deployment.url or "", f"{NETWORK}.1") as url:
        meeting = f"{NETWORK}.1:{free_port(f'{NETWORK}.1')}"
        secrets = {"SEATRIAL_ADMIN_TOKEN": admin_token}
        code = led(url, tmp_path, meeting, secrets, small, users=6, duration="15s", apart=there)
    folder = RunFolder(tmp_path / "all")
    run = folder.load()
    assert code == 0 or (code, run.cause) == (3, "void"), run
    assert run.target == url
    assert run.left_behind == []
    assert run.counts["aboard"] == 6
    assert run.counts["lost"] == run.counts["foreign"] == 0
    assert run.counts["stored"] == run.counts["acknowledged"] > 0
    assert run.machine["workers"] == [machine()] * 2
    for worker in ("worker-01", "worker-02"):
        played = {sample.journey for sample in folder.rows(f"samples/{worker}.jsonl", Sample)}
        assert {"session", "browser"} <= played
        assert any(True for _ in folder.rows(f"samples/{worker}.jsonl", Integrity))
