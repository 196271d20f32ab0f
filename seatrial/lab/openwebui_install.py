"""Released Open WebUIs, each installed with pip into an environment of its own under the user's cache.

    <user cache>/seatrial/openwebui/0.12.4/            a virtual environment; `.complete` in it is written last
    <user cache>/seatrial/openwebui/0.12.4.pip.log     what pip said

An environment without `.complete` is the rest of an interrupted installation: it is removed and made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from seatrial.cache import cache_folder
from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab.children import child
from seatrial.lab.guard import guarded
from seatrial.lifeline import foreign_environment

DEFAULT_VERSION = "0.12.4"
TORCH = "torch==2.13.0"
PYTHONS = ((3, 12), (3, 11))  # Open WebUI's own bounds: >=3.11, <3.13
SIZE = "about 3 GB on disk, a few minutes"

# A version becomes a folder name and an argument of pip, so nothing else gets through.
_VERSION = re.compile(r"\d+(\.\d+){1,3}((a|b|rc|\.dev|\.post)\d+)?")
_PROBE = "import sys, venv, ensurepip; print(sys.implementation.name, *sys.version_info[:2])"


def environment_folder(version: str) -> Path:
    """The folder of a version's environment, whether or not it is there; `WrongUse` for what is no version."""
    if not _VERSION.fullmatch(version):
        raise WrongUse(f"{version!r} is not a version of Open WebUI; give one like {DEFAULT_VERSION}")
    return cache_folder("openwebui") / version


def is_installed(version: str) -> bool:
    return (environment_folder(version) / ".complete").is_file()


def install(version: str, *, torch_index: str | None = None, progress: Callable[[str], None] = print) -> Path:
    """Install a version unless it is there, and return its environment. `progress` hears what is being done.

    `torch_index` is the address of a package index for PyTorch alone; without it pip uses what it is configured for.
    Raises `WrongUse` where there is no such version or no fitting Python, `Inconclusive` where pip fails.
    """
    folder = environment_folder(version)
    if is_installed(version):
        return folder
    python = find_python()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if is_installed(version):  # by whoever held the lock until now
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _build(folder, version, python, torch_index, progress)
            (folder / ".complete").touch()
        except BaseException:  # Ctrl-C too: no half installation stays behind
            progress("removing the unfinished installation")
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return folder


def add_driver(version: str, progress: Callable[[str], None]) -> None:
    """Install what the release needs to speak to PostgreSQL, which it names as an extra of its own, unless it is there.

    Raises `WrongUse` where it names none, `Inconclusive` where pip fails.
    """
    folder = environment_folder(version)
    if any(folder.glob("lib/python*/site-packages/psycopg2")):
        return
    (metadata,) = folder.glob(f"lib/python*/site-packages/open_webui-{version}.dist-info/METADATA")
    found = re.search(r"^Requires-Dist: (psycopg2-binary==[\d.]+)", metadata.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise WrongUse(f"Open WebUI {version} names no driver for PostgreSQL (psycopg2-binary)")
    title = f"installing {found.group(1)}"
    log_path = folder.with_name(f"{version}.pip.log")
    with _alone(folder), log_path.open("a", encoding="utf-8") as log:
        log.write(f"\n# {title}\n")
        _run([*_pip(folder), "--no-deps", found.group(1)], {}, title, progress, log, version)


def _pip(folder: Path) -> list[str]:
    return [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]


def find_python() -> str:
    """A CPython that Open WebUI supports and that can make environments: this one, one on PATH, or one of pyenv's."""
    names = [shutil.which(f"python{major}.{minor}") for major, minor in PYTHONS]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    kept = [str(path) for major, minor in PYTHONS for path in sorted(pyenv.glob(f"{major}.{minor}*/bin/python"))]
    for candidate in [sys.executable, *filter(None, names), *kept]:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            probe = subprocess.run(
                [candidate, "-c", _PROBE],
                env=foreign_environment(), capture_output=True, text=True, timeout=20, check=False,
            )  # fmt: skip
            if probe.stdout.split() in [["cpython", str(major), str(minor)] for major, minor in PYTHONS]:
                return candidate
    raise WrongUse(
        "Open WebUI needs CPython 3.11 or 3.12 with its venv module, and none was found: "
        "not this Python, no python3.12 or python3.11 on PATH, none of pyenv's"
    )


def _build(folder: Path, version: str, python: str, torch_index: str | None, progress: Callable[[str], None]) -> None:
    pip = _pip(folder)
    wanted = f"open-webui=={version}"
    # By environment, not by argument: the address may hold a password.
    for_torch = {"PIP_INDEX_URL": torch_index} if torch_index else {}
    steps: list[tuple[str, list[str], dict[str, str]]] = [
        ("making the environment", [python, "-m", "venv", str(folder)], {}),
        # Alone and first: a version that does not exist is known in seconds, not after PyTorch.
        (f"fetching Open WebUI {version}", [*pip, "--no-deps", wanted], {}),
        # Before the rest, which would otherwise choose a PyTorch, and a far larger one.
        (f"installing PyTorch ({TORCH})", [*pip, TORCH], for_torch),
        (f"installing what Open WebUI {version} needs", [*pip, wanted], {}),
    ]
    log_path = folder.with_name(f"{folder.name}.pip.log")
    with log_path.open("w", encoding="utf-8") as log:
        for title, command, more in steps:
            log.write(f"\n# {title}\n")
            _run(command, more, title, progress, log, version)


def _run(
    command: list[str],
    more: Mapping[str, str],
    title: str,
    progress: Callable[[str], None],
    log: TextIO,
    version: str,
) -> None:
    progress(title)
    # What a package does while it is built is not ours: it gets no secret of a deployment.
    # Guarded: the lock goes with a command that is killed, and two installers must not meet in one folder.
    with child(command, env=foreign_environment() | dict(more)) as process, guarded(process.pid):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            log.flush()
            if said := shown(line):
                progress(f"{title}: {said}")
        if process.wait():
            log.flush()
            raise failure(version, title, Path(log.name))


def shown(line: str) -> str:
    """What of a line of pip's is worth showing: which package it is at."""
    match = re.match(r"\s*(Collecting|Downloading|Installing collected packages)[: ]\s*(\S+)", line)
    if match is None:
        return ""
    what, name = match.groups()
    return "unpacking" if what.startswith("Installing") else f"{what.lower()} {name.rpartition('/')[2]}"


def failure(version: str, title: str, log_path: Path) -> Inconclusive | WrongUse:
    """Why a step failed, in one line, from the log pip left."""
    text = log_path.read_text(encoding="utf-8", errors="replace")
    if found := re.search(r"requirement open-webui==\S+ \(from versions: (.*)\)", text):
        versions = found.group(1)
        if versions not in ("", "none"):
            newest = versions.split(", ")[-1]
            return WrongUse(f"there is no Open WebUI {version} on the package index; the newest there is {newest}")
        return Inconclusive(f"pip found no open-webui at all; is the package index reachable? (log: {log_path})")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.partition("ERROR: ")[2] for line in lines if "ERROR: " in line] or lines
    return Inconclusive(f"{title} failed, pip's last error: {errors[-1]} (log: {log_path})")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two installations of one version at a time would remove each other's files."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(f"Open WebUI {folder.name} is being installed by another process; wait for it") from None
        yield
