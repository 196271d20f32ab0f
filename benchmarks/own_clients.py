"""Clients of our own writing on the server of known timing: those of `streamers.py`, each in a process of its own.

    told = run("aiohttp", Plan(url, starts, queries))
    told["streams"], told["cpu"]

A client whose library is among the peers runs in the environment of that one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import peers
from known_streams import Plan
from tools import ToolFailed

from seatrial.lifeline import child_environment

LIMIT = 120.0
"""Seconds for one client and all its streams."""
NAMES = ("seatrial", "sockets", "aiohttp", "fast_http_user", "http_user")


def names() -> list[str]:
    """Those whose library is installed here."""
    return [name for name in NAMES if name not in peers.PEERS or peers.home(name)]


def run(name: str, plan: Plan) -> dict[str, Any]:
    """What it printed, see `known_streams.told`. Raises `ToolFailed`."""
    python = peers.program(name, "python") if name in peers.PEERS else None
    script = Path(__file__).with_name("streamers.py")
    try:
        done = subprocess.run(
            [str(python or sys.executable), str(script), name, json.dumps(asdict(plan))],
            env=child_environment(), capture_output=True, text=True, check=False, timeout=LIMIT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ToolFailed(f"no end within {LIMIT:.0f} s") from None
    if done.returncode:
        raise ToolFailed(done.stderr.strip()[-500:])
    told: dict[str, Any] = json.loads(done.stdout)
    return told
