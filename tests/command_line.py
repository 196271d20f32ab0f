"""`seatrial` as a user starts it: a process of its own, in a folder of its own, with nobody's settings."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import seatrial
from seatrial.lab.children import child


@dataclass(frozen=True)
class Ended:
    """How a command ended. `folder` is where it was started."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def line(self) -> str:
        """The one line on standard error, as anything that is wrong has to be told."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("seatrial: "), self.err
        assert "Traceback" not in self.out + self.err
        assert "Usage:" not in self.out + self.err
        return lines[0].removeprefix("seatrial: ")

    def refused(self, code: int, *words: str) -> None:
        """It ended with this code and one line that says these words, and left nothing on the disk."""
        assert self.code == code, (self.out, self.err)
        for word in words:
            assert word in self.line
        assert [path.name for path in self.folder.iterdir() if path.name == "seatrial-runs"] == []


Command = Callable[..., Ended]
"""`seatrial` in the process of the test; see the fixture `here`."""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SEATRIAL_", "LOCUST_"))}
    return ours | {"PYTHONPATH": str(Path(seatrial.__file__).resolve().parents[1]), "COLUMNS": "200"} | dict(more or {})


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "seatrial", *arguments]


def seatrial_command(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, limit: float = 60.0, prefix: Sequence[str] = ()
) -> Ended:
    """Run it to its end, without a terminal."""
    done = subprocess.run(
        [*prefix, *command(*arguments)],
        cwd=folder,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr, folder)


@contextmanager
def reference_server(token: str, *, host: str = "127.0.0.1") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`seatrial lab reference` with one owner on a free port: its URL, and the process, which may be killed."""
    env = environment({"SEATRIAL_TOKEN": token})
    with child(command("lab", "reference", "--host", host, "--port", "0"), env=env, errors=None) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1], process


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so, 20 s at most."""
    for _ in range(200):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to that")
