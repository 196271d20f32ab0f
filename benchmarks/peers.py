"""Installs the tools that the benchmarks measure beside Seatrial, each into an environment of its own in the cache.

    python benchmarks/peers.py             # all that are not there yet; says of each whether it installed
    python benchmarks/peers.py aiohttp

A tool that does not install here is left out by the benchmarks, which then say so. GuideLLM needs PyTorch: some GB.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seatrial.cache import cache_folder

LIMIT = 1800.0


@dataclass(frozen=True)
class Peer:
    """What pip is asked for, and the oldest Python 3 that it says it runs on."""

    requirement: str
    python: int = 11


PEERS = {
    "aiohttp": Peer("aiohttp==3.14.5"),
    "guidellm": Peer("guidellm==0.8.1"),
    "aiperf": Peer("aiperf==0.13.0"),
    "inference-perf": Peer("inference-perf==0.7.0", python=12),
}
READY = "seatrial-ready"


def home(name: str) -> Path | None:
    """The environment of a peer, None where it is not installed in the version that is wanted."""
    folder = cache_folder("peers") / name
    mark = folder / READY
    return folder if mark.exists() and mark.read_text("utf-8") == PEERS[name].requirement else None


def program(name: str, executable: str | None = None) -> Path | None:
    """A program of a peer's environment, by default of its own name."""
    folder = home(name)
    return folder / "bin" / (executable or name) if folder else None


def install(name: str) -> str:
    """Make the environment. Returns why it could not be made, "" when it was."""
    if home(name) is not None:
        return ""
    peer, folder = PEERS[name], cache_folder("peers") / name
    pythons = [sys.executable] if sys.version_info >= (3, peer.python) else []
    pythons += filter(_runs, filter(None, (shutil.which(f"python3.{minor}") for minor in range(peer.python, 15))))
    if not pythons:
        return f"{peer.requirement} needs Python 3.{peer.python}, and none on the PATH runs"
    log = folder.with_suffix(".log")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        for command in (
            [pythons[0], "-m", "venv", "--clear", str(folder)],
            [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", peer.requirement],
        ):
            try:
                done = subprocess.run(command, stdout=said, stderr=said, check=False, timeout=LIMIT)
            except subprocess.TimeoutExpired:
                return f"{peer.requirement} did not install within {LIMIT / 60:.0f} minutes (see {log})"
            if done.returncode:
                return f"{peer.requirement} did not install (see {log})"
    (folder / READY).write_text(peer.requirement, "utf-8")
    return ""


def _runs(python: str) -> bool:
    """False for what version managers put in the place of a Python that is not chosen."""
    return subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0


def main() -> int:
    for name in sys.argv[1:] or PEERS:
        trouble = install(name)
        print(f"{name}: {trouble or 'installed'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
