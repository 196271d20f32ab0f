"""A PostgreSQL of the lab's own on loopback, for an Open WebUI that keeps its data there.

    with postgres(folder, password) as url: ...       # postgresql://openwebui:...@127.0.0.1:PORT/postgres

Its programs are those of the system, found and never installed. `folder` is made on first use, and kept. The server
refuses to run as root; there it runs as `postgres`, or as `nobody` where there is no such account.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab.children import child
from seatrial.lab.guard import guarded
from seatrial.lab.serving import LOOPBACK, free_port

PLACES = Path("/usr/lib/postgresql")
"""Where Debian and its kin keep the server's programs, a folder for each version."""

USER = "openwebui"
START_SECONDS = 60.0
READY_LINE = 8
"""Of `postmaster.pid`: the server's state, which its own `pg_ctl` waits for, too."""


def programs() -> Path:
    """The folder with `initdb` and `postgres`, the newest there is. Raises `WrongUse` that says what to install."""
    newest = sorted(PLACES.glob("*/bin/initdb"), key=lambda found: _number(found.parents[1].name), reverse=True)
    on_path = shutil.which("initdb")
    for initdb in [*newest, *([Path(on_path).resolve()] if on_path else [])]:
        if (initdb.parent / "postgres").exists():
            return initdb.parent
    raise WrongUse(
        f"no PostgreSQL server here: no initdb in {PLACES} or on PATH; on Debian: apt-get install postgresql"
    )


def _number(version: str) -> float:
    found = re.match(r"\d+(\.\d+)?", version)
    return float(found.group()) if found else 0.0


@contextlib.contextmanager
def postgres(folder: Path, password: str, log_path: Path, *, temporary: bool = False) -> Iterator[str]:
    """Start it on a free port and yield the URL of its database; end it when the block is left.

    `temporary` says that the folder goes with the lab, also when the lab is killed.
    """
    bin_folder, owner = programs(), _owner()
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _give(folder, owner)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _initialise(bin_folder, folder, password, owner)
    port = free_port()
    with (
        log_path.open("w", encoding="utf-8") as log,
        child(server(bin_folder, data, port), env=_environment(), cwd=Path("/"), output=log, **owner) as process,
        guarded(process.pid, folder if temporary else None, end=signal.SIGINT),
    ):
        try:
            _wait(process, data, log_path)
            yield f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)  # SIGTERM would wait until nobody is connected any more


def server(bin_folder: Path, data: Path, port: int) -> list[str]:
    """The command: on loopback alone, and without a socket in a folder that others write to."""
    settings = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": ""}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(bin_folder / "postgres"), "-D", str(data), *options]


def initialisation(bin_folder: Path, data: Path, password_file: Path) -> list[str]:
    """The command that makes an empty cluster, whose one user has a password."""
    return [
        str(bin_folder / "initdb"), "--pgdata", str(data), "--username", USER, "--pwfile", str(password_file),
        "--auth", "scram-sha-256", "--encoding", "UTF8",
    ]  # fmt: skip


def _initialise(bin_folder: Path, folder: Path, password: str, owner: dict[str, Any]) -> None:
    password_file, data = folder / "password", folder / "data"
    shutil.rmtree(data, ignore_errors=True)  # the rest of one that was interrupted
    try:
        with _told(folder):
            password_file.touch(mode=0o600)
            password_file.write_text(password + "\n", encoding="utf-8")
            _give(password_file, owner)
        done = subprocess.run(
            initialisation(bin_folder, data, password_file),
            env=_environment(), cwd=folder, capture_output=True, text=True, timeout=START_SECONDS, check=False, **owner,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Inconclusive(f"initdb did not end within {START_SECONDS:.0f} s") from None
    finally:
        password_file.unlink(missing_ok=True)
    if "Permission denied" in done.stderr:
        raise WrongUse(f"{folder} cannot be entered by {owner.get('user', 'us')}, whom PostgreSQL runs as here")
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if "error:" in line] or [done.stderr.strip()[-200:]]
        raise Inconclusive(f"PostgreSQL could not make its data folder: {lines[0]}")


def _owner() -> dict[str, Any]:
    """Whom its processes run as, for `subprocess`; nothing where we are not root, since then it may be us."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_name, "group": account.pw_gid, "extra_groups": []}
    raise WrongUse("PostgreSQL refuses to run as root, and here is neither an account postgres nor nobody")


def _give(path: Path, owner: dict[str, Any]) -> None:
    if owner:
        os.chown(path, pwd.getpwnam(owner["user"]).pw_uid, owner["group"])


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": os.environ.get("TZ", "UTC")}


def _wait(process: subprocess.Popen[str], data: Path, log_path: Path) -> None:
    until, state = time.monotonic() + START_SECONDS, data / "postmaster.pid"
    while time.monotonic() < until:
        if process.poll() is not None:
            last = [line.strip() for line in log_path.read_text("utf-8", "replace").splitlines() if line.strip()]
            raise Inconclusive(f"PostgreSQL ended with code {process.returncode}: {last[-1] if last else 'no word'}")
        with contextlib.suppress(OSError):
            lines = state.read_text("utf-8", "replace").splitlines()
            if len(lines) >= READY_LINE and lines[READY_LINE - 1].strip() == "ready":
                return
        time.sleep(0.05)
    raise Inconclusive(f"PostgreSQL was not ready within {START_SECONDS:.0f} s")


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WrongUse(f"cannot use {folder} for PostgreSQL: {error.strerror}") from None
