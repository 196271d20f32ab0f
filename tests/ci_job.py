"""A job of somebody's CI without a runner: a workspace, the files and variables that a runner gives, and two stand-ins.

    job = on_github(tmp_path)
    job.bash("stub verify --out run", {"STUB_run": "3"})
    job.code, job.printed, job.calls

`stub` says what it was asked and ends with the code that is named after its folder; `make` installs this checkout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from command_line import environment

ROOT = Path(__file__).resolve().parent.parent
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]

STUB = """#!/usr/bin/env bash
# Says what it was asked, makes a run folder, and ends as it is told.
trap 'echo stopped >> "$STUB_CALLS"; kill $!; exit ${STUB_STOPPED-130}' TERM
echo "$* baseline=${SEATRIAL_BASELINE-}" >> "$STUB_CALLS"
echo "$1 ${SEATRIAL_ADMIN-} ${SEATRIAL_TOKEN-} " >> "$STUB_CALLS.credentials"
case "$*" in report*) echo "::error title=stub::annotated"; exit 0 ;; esac
out=none
while [ $# -gt 1 ]; do [ "$1" != --out ] || out=$2; shift; done
[ "$out" != none ] || { echo "it drifted"; exit "${STUB_drift-0}"; }
name=$(basename "$out")
declare -n code="STUB_$name"
[ "$name" != verify ] || [ -z "${STUB_SAYS-}" ] || echo "$STUB_SAYS"
[ "${STUB_SLEEPS-}" != "$name" ] || { sleep 60 & wait $!; }
[ "${code-0}" = 2 ] || { mkdir -p "$out"; echo "report of $name" > "$out/report.md"; echo {} > "$out/run.json"; }
exit "${code-0}"
"""
MAKE = f"""#!/usr/bin/env bash
# In place of `make --silent -C DIR setup`: installing takes a minute and the network.
[ "$1 $2 $4" = "--silent -C setup" ] && mkdir -p "$3/.venv/bin"
printf '#!/bin/sh\\nexec {sys.executable} -P -m seatrial "$@"\\n' > "$3/.venv/bin/seatrial"
chmod +x "$3/.venv/bin/seatrial"
"""


@dataclass
class Job:
    """A job of a runner: a workspace, the files that GitHub reads afterwards, and what was printed."""

    place: Path
    env: dict[str, str]
    code: int = 0
    printed: str = ""

    def bash(self, script: str, env: Mapping[str, str] | None = None) -> None:
        done = subprocess.run(
            [*BASH, "-c", script],
            cwd=self.place,
            env=self.env | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.code, self.printed = done.returncode, self.printed + done.stdout

    @property
    def folder(self) -> Path:
        """Where the action's runs go unless it is told."""
        return Path(self.env["RUNNER_TEMP"], "seatrial-run")

    @property
    def summary(self) -> str:
        return (self.place / "summary").read_text("utf-8")

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.place / "outputs").read_text("utf-8").splitlines())

    @property
    def calls(self) -> list[str]:
        return (self.place / "calls").read_text("utf-8").splitlines()

    @property
    def obeyed(self) -> list[str]:
        """The lines that GitHub's runner takes for commands: none after a stop, until its word comes again."""
        commands, word = [], None
        for line in self.printed.splitlines():
            if word is not None:
                word = None if line.strip() == f"::{word}::" else word
            elif line.strip().startswith("::stop-commands::"):
                word = line.strip().removeprefix("::stop-commands::")
                assert len(word) == 32
            elif line.strip().startswith("::") or "##[" in line:
                commands.append(line.strip())
        assert word is None, "commands were never switched on again"
        return commands


def on_github(folder: Path) -> Job:
    """A job on GitHub, in new folders below this one."""
    tree, bin_folder, place, temporary = (folder / name for name in ("tree", "bin", "work", "temp"))
    shutil.copytree(ROOT / ".ci", tree / ".ci")
    bin_folder.mkdir()
    place.mkdir()
    temporary.mkdir()
    for name, text in (("make", MAKE), ("stub", STUB)):
        (bin_folder / name).write_text(text, "utf-8")
        (bin_folder / name).chmod(0o755)
    files = {"GITHUB_STEP_SUMMARY": "summary", "GITHUB_OUTPUT": "outputs", "STUB_CALLS": "calls"}
    for name in files.values():
        (place / name).touch()
    env = environment({variable: str(place / name) for variable, name in files.items()})
    env |= {"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(tree / ".ci/github"), "COLUMNS": "80"}
    env["RUNNER_TEMP"] = str(temporary)
    env["PATH"] = f"{bin_folder}{os.pathsep}{env['PATH']}"
    return Job(place, env)
