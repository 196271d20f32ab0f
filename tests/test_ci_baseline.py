"""The workflow that holds a branch against the last run of main, with a stand-in for GitHub's own command."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from ci_job import Job, on_github

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return on_github(tmp_path)


GH = """#!/usr/bin/env bash
echo "$*" >> "$STUB_CALLS"
case "$2" in
list) echo "$RUNS" ;;
download)
    case " $EXPIRED " in *" $3 "*) exit 1 ;; esac
    mkdir -p main/verify
    problem=null
    case " $CUT " in *" $3 "*) problem='"interrupted"' ;; esac
    echo "{\\"id\\": \\"$3\\", \\"ended\\": \\"now\\", \\"problem\\": $problem}" > main/verify/run.json
    ;;
esac
"""


@pytest.mark.parametrize(
    ("runs", "expired", "cut", "taken"),
    [
        ("", "", "", None),
        ("77 76", "", "", "77"),
        ("77 76", "77", "", "76"),
        ("77 76", "", "77", "76"),
        ("77 76", "76", "77", None),
    ],
)
@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
def test_the_baseline_of_main_is_its_newest_run_that_came_to_its_end(
    job: Job, runs: str, expired: str, cut: str, taken: str | None
) -> None:
    """Whether it passed or failed: a branch fails for what is new. What has expired locks nobody out."""
    (text,) = re.findall(
        r"        run: \|\n((?: {10}.*\n)+?)        env: {GH_TOKEN", (ROOT / "docs/ci.md").read_text("utf-8")
    )
    stub = Path(job.env["PATH"].split(":")[0]) / "gh"
    stub.write_text(GH, "utf-8")
    stub.chmod(0o755)
    stale = Path(job.env["RUNNER_TEMP"], "main/verify/run.json")
    stale.parent.mkdir(parents=True)
    stale.write_text('{"id": "of an earlier job"}', "utf-8")
    job.bash(text, {"RUNS": runs.replace(" ", "\n"), "EXPIRED": expired, "CUT": cut})
    assert job.code == 0, job.printed
    assert (json.loads(stale.read_text("utf-8"))["id"] if stale.exists() else None) == taken
    assert ("all that is found counts" in job.printed) is (taken is None)
