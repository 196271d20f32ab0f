"""Whole verifications of targets that mean harm: they end in time, with a verdict, in bounded memory, leaving nothing.

Each run meets every nastiness of a group in turn, on operations of its own, in front of a reference server that works.
"""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from command_line import command, environment, reference_server
from hostile_server import Writes, hostile
from nastiness import BIG, BROKEN, ENDLESS, EVERY, ODD, in_turn, late

from contract_tests.budget import BOUNDS
from seatrial.records import Finding, Run, RunFolder

TOKENS = "owner-one-0123456789\nowner-two-0123456789"
TIMEOUT = 0.25
MEMORY = 500 * 1_000_000
"""Bytes of all processes of a run together."""

GROUPS = {"endless": ENDLESS, "big": BIG, "odd": ODD, "broken": BROKEN}
TALK = ("getHistory", "sendMessage", "deleteSession", "getModelInfo")
FIRST_CONTACT = 12
"""Lists that have to work before the suite begins: who the target is, and whose the tokens are."""


@dataclass
class Watched:
    """How a run ended."""

    code: int
    out: str
    err: str
    seconds: float
    memory: int
    left_running: list[str]
    run: Run
    findings: list[Finding]
    log: str

    def is_sound(self) -> None:
        """Whatever the target did, the suite did not fail, hang, grow or leave somebody behind."""
        assert self.code in (1, 3), (self.out, self.err, self.log)
        assert "Traceback" not in self.out + self.err
        assert "the suite" not in (self.run.problem or ""), self.log
        assert "INTERNALERROR" not in self.log
        assert self.memory < MEMORY
        assert self.left_running == []
        assert self.run.exit_code == self.code
        assert self.run.counts["requests"] <= BOUNDS["quick"].requests
        # All the waiting that it may do, and what two busy cores need for the rest.
        assert self.seconds < BOUNDS["quick"].timeouts * TIMEOUT + 60


def verified(url: str, place: Path) -> Watched:
    """Verify to the end, looking at the memory of all its processes."""
    out, pipe = place / "run", subprocess.PIPE
    arguments = command("verify", url, "--timeout", f"{TIMEOUT}s", "--out", str(out))
    started = time.monotonic()
    process = subprocess.Popen(
        arguments, env=environment({"SEATRIAL_TOKEN": TOKENS}), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        text=True, start_new_session=True,
    )  # fmt: skip
    family: set[psutil.Process] = set()
    most = 0

    def watch() -> None:
        nonlocal most
        command = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                family.update(command.children(recursive=True))
                most = max(most, sum(one.memory_info().rss for one in [command, *command.children(recursive=True)]))
            except psutil.Error:
                continue
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        printed, told = process.communicate(timeout=BOUNDS["quick"].timeouts * TIMEOUT + 120)
    finally:
        process.kill()
        watcher.join()
    running = [str(one) for one in family if one.is_running()]
    folder, log = RunFolder(out), out / "pytest.log"
    return Watched(
        process.returncode, printed, told, time.monotonic() - started, most, running,
        folder.load(), list(folder.rows("findings.jsonl", Finding)), log.read_text("utf-8") if log.exists() else "",
    )  # fmt: skip


def meets(nasty: dict[str, Writes], place: Path, after: int = 1, most: int | None = None) -> Watched:
    with reference_server(TOKENS) as (url, _), hostile(url, nasty, after, most) as server:
        ended = verified(server.url, place)
        assert server.elsewhere_got == []
        assert most is None or server.times_nasty == most
    ended.is_sound()
    return ended


@pytest.mark.parametrize("group", GROUPS)
def test_a_target_that_talks_nastily_fails_and_harms_nobody(group: str, tmp_path: Path) -> None:
    ways = GROUPS[group]
    ended = meets(dict.fromkeys(TALK, in_turn(*ways.values())), tmp_path, most=2 * len(ways))
    assert ended.code == 1
    assert {finding.operation for finding in ended.findings if finding.fails} & set(TALK)


def test_a_target_that_lists_and_creates_nastily_ends_with_a_verdict(tmp_path: Path) -> None:
    meets(dict.fromkeys(("listSessions", "createSession"), in_turn(*EVERY.values())), tmp_path, after=FIRST_CONTACT)


def test_a_target_that_takes_nearly_all_the_time_each_time_is_left_when_patience_is_spent(tmp_path: Path) -> None:
    slow = late(TIMEOUT * 0.8)
    ended = meets(dict.fromkeys((*TALK, "createSession"), slow), tmp_path, after=3)
    assert "has waited" in (ended.run.problem or "") or ended.code == 1
