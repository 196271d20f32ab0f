"""`seatrial capacity --resume`: levels stand beside each other only where they were played alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Command
from fake_openwebui import FakeOpenWebUI

from seatrial.lab.serving import running
from seatrial.records import Run, RunFolder


def test_levels_of_another_load_are_not_gone_on_from(
    here: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(str(tmp_path / "run"), "capacity")
    held = ["damaged = 0", "errors < 1%", "turn p95 < 1s"]
    folder.save(Run("capacity", "", "sessions", settings={"slo": held, "turns": 2, "think": 1.0}))
    go_on = ("capacity", "--resume", str(folder.path))
    here(*go_on, "--slo", "turn p95 < 1s").refused(2, "judged with turns 2, and not 3")
    here(*go_on, "--slo", "turn p95 < 9s", "--turns", "2").refused(2, "judged with slo", "turn p95 < 9s")
    here(*go_on, "--slo", "turn p95 < 1s", "--turns", "2", "--out", "run").refused(2, "leave out --out")
    folder.save(
        Run("capacity", "", "sessions", settings={"slo": held, "model": "cheap", "seed_chats": 9, "timeout": 5})
    )
    slo = (*go_on, "--slo", "turn p95 < 1s")
    here(*slo, "--timeout", "5s").refused(2, "judged with model cheap, and not None")
    here(*slo, "--timeout", "5s", "--model", "cheap").refused(2, "judged with seed_chats 9, and not 0")
    monkeypatch.setenv("SEATRIAL_SEED_CHATS", "9")
    here(*slo, "--model", "cheap").refused(2, "judged with timeout 5, and not 30.0")


def test_levels_of_another_release_are_not_gone_on_from(here: Command, tmp_path: Path) -> None:
    fake, folder = FakeOpenWebUI(), RunFolder.create(str(tmp_path / "run"), "capacity")
    with running(fake.app) as url:
        held = {"slo": ["damaged = 0", "errors < 1%", "turn p95 < 1s"]}
        folder.save(Run("capacity", url, "openwebui", settings=held, target_version="0.9.5"))
        go_on = (
            "capacity",
            url,
            "--resume",
            str(folder.path),
            "--slo",
            "turn p95 < 1s",
            "--admin-token",
            "token-of-boss",
        )
        here(*go_on).refused(2, "its levels were those of release 0.9.5, and 0.9.6 answers now")


def test_levels_of_another_target_are_not_gone_on_from(here: Command, tmp_path: Path) -> None:
    target = "http://localhost:1"
    folder = RunFolder.create(str(tmp_path / "run"), "capacity")
    folder.save(Run("capacity", target, "openwebui", settings={"slo": ["damaged = 0", "errors < 1%", "turn p95 < 1s"]}))
    go_on = ("--resume", str(folder.path), "--slo", "turn p95 < 1s")
    for given in (("http://localhost:2",), (), (target, "--api", "sessions")):
        here("capacity", *given, *go_on).refused(2, f"its levels were those of openwebui at {target}")
    assert here("capacity", target + "/", *go_on).code == 3  # the same one, and nothing listens there
