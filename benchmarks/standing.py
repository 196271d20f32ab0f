"""What load benchmarks load: each started by the command that users have for it, and ended with the block.

with released("0.12.4", database="postgres") as (url, credentials): ...
with referenced() as (url, credentials): ...
with behind(url, "history-late") as broken: ...             # a fault in front

Credentials are the environment that `seatrial` reads them from; where the model is the scripted provider, that is named
in it as well.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.cli.contact import reference_process
from seatrial.errors import Inconclusive
from seatrial.lab import openwebui_install
from seatrial.lab.children import child
from seatrial.lab.serving import free_port
from seatrial.lifeline import child_environment

BOOT_SECONDS = 300.0
BEHIND = ["nice", "-n", "10"] if shutil.which("nice") else []
"""On a machine that they share, the load process goes first: a generator that is kept waiting measures the machine."""
SEATRIAL = [sys.executable, "-P", "-m", "seatrial"]


@contextmanager
def released(version: str, database: str = "sqlite") -> Iterator[tuple[str, dict[str, str]]]:
    """A released Open WebUI with the scripted provider behind it, new and empty. Installed where it is not."""
    openwebui_install.install(version)
    with tempfile.TemporaryDirectory() as scratch:
        ready = Path(scratch) / "ready.json"
        other = [] if database == "sqlite" else ["--database", database]
        command = [
            *BEHIND,
            *SEATRIAL,
            "lab",
            "openwebui",
            "--version",
            version,
            "--yes",
            "--ready-file",
            str(ready),
            *other,
        ]
        with (Path(scratch) / "log").open("w+") as log, child(command, env=child_environment(), output=log) as process:
            limit = time.monotonic() + BOOT_SECONDS
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > limit:
                    log.seek(0)
                    raise Inconclusive(f"Open WebUI {version} on {database} did not come up: {log.read()[-500:]}")
                time.sleep(0.2)
            told = json.loads(ready.read_text("utf-8"))
            admin = f"{told['admin_email']}:{told['admin_password']}"
            yield told["url"], {"SEATRIAL_ADMIN": admin, "SEATRIAL_PROVIDER": told["provider_url"]}


@contextmanager
def referenced(owners: int = 1) -> Iterator[tuple[str, dict[str, str]]]:
    """The reference server in memory, with owners."""
    tokens = [f"owner-{number}-{secrets.token_hex(8)}" for number in range(owners)]
    with reference_process(None, tokens) as url:
        yield url, {"SEATRIAL_TOKEN": "\n".join(tokens), "SEATRIAL_DISPOSABLE": "1"}


@contextmanager
def behind(upstream: str, fault: str | None) -> Iterator[str]:
    """The proxy with a fault of the catalogue, or with none; yields its base URL."""
    command = [*SEATRIAL, "lab", "proxy", "--upstream", upstream, "--port", str(free_port())]
    command += ["--fault", fault] if fault else []
    with child(command, env=child_environment(), errors=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        word, _, url = process.stdout.readline().strip().partition(" ")
        if word != "ready":
            raise Inconclusive(f"the proxy did not come up (exit {process.poll()})")
        yield url
