"""What runs in other people's CI, as it runs there: the steps of the action and the lines of the GitLab template.

No runner is here. The steps' own text is run by bash, with the files and variables that a runner gives them.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from ci_job import Job, on_github
from command_line import reference_server, until

from seatrial.cli import cli
from seatrial.contract import Contract
from seatrial.lab.faults import named
from seatrial.lab.proxy import Proxy
from seatrial.lab.serving import running

ROOT = Path(__file__).resolve().parent.parent

HEARING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
"""Starts a program: a shell cannot trap what was ignored when it was started, as Ctrl-C is in another's background."""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return on_github(tmp_path)


def action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / ".ci/github/action.yml").read_text("utf-8"))
    return document


def evaluated(text: str, inputs: Mapping[str, str], env: Mapping[str, str]) -> str:
    """The few expressions that the action has: `${{ inputs.x || env.Y }}`."""

    def value(found: re.Match[str]) -> str:
        contexts = {f"inputs.{name}": given for name, given in inputs.items()} | {f"env.{n}": v for n, v in env.items()}
        contexts["steps.python.outputs.python-path"] = sys.executable
        return next((contexts[one] for one in found[1].split(" || ") if contexts.get(one)), "")

    return re.sub(r"\$\{\{ (.+?) \}\}", value, text)


def run_action(job: Job, **given: str) -> None:
    """Its `run` steps one after the other, until one fails, with these inputs."""
    document = action()
    inputs = {name: one["default"] for name, one in document["inputs"].items()}
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    for step in document["runs"]["steps"]:
        if "run" in step and job.code == 0:
            job.bash(step["run"], {name: evaluated(t, inputs, job.env) for name, t in step.get("env", {}).items()})


def gate(job: Job, **env: str) -> None:
    """The script alone, with a stub in place of Seatrial."""
    job.bash(str(ROOT / ".ci/gate"), {"SEATRIAL_COMMAND": "stub", "SEATRIAL_URL": "http://new"} | env)


def test_the_action_verifies_and_tells(job: Job) -> None:
    job.env["SEATRIAL_ADMIN"] = "me@example.org:of-the-deployment"  # as a job has it whose URL is empty
    run_action(job)
    assert job.code == 0, job.printed
    assert job.outputs == {"exit-code": "0", "verdict": "pass", "folder": str(job.folder)}
    assert "## ✅ Pass" in job.summary
    (told,) = job.obeyed
    assert told.startswith("::warning title=Seatrial::no URL was given: what was verified is a reference server")
    assert "no deployment of yours" in job.summary
    names = {path.name for path in (job.folder / "verify").iterdir()}
    assert {"report.html", "report.md", "junit.xml"} <= names
    assert list(job.place.glob("seatrial*")) == []  # a runner of one's own keeps its workspace


def test_what_is_uploaded_is_where_the_runs_are() -> None:
    (upload,) = [one for one in action()["runs"]["steps"] if "upload-artifact" in one.get("uses", "")]
    (script,) = [one["run"] for one in action()["runs"]["steps"] if one.get("id") == "gate"]
    assert (
        upload["with"]["path"]
        == "${{ inputs.folder || steps.gate.outputs.folder || format('{0}/seatrial-run', runner.temp) }}"
    )
    assert 'SEATRIAL_OUT="${SEATRIAL_OUT:-$RUNNER_TEMP/seatrial-run}"' in script


def test_the_action_fails_what_is_broken_and_annotates_it(job: Job) -> None:
    token = "sk-of-the-owner"
    job.env["SEATRIAL_TOKEN"] = token
    with (
        reference_server(token) as (healthy, _),
        running(Proxy(healthy, Contract.load(), named("message-lost"))) as url,
    ):
        run_action(job, url=url)
    assert job.code == 1, job.printed
    assert job.outputs["verdict"] == "fail"
    assert "## ❌ Fail" in job.summary
    assert any(re.match(r"::error title=break%3A \w+ \([\w-]+\)::", line) for line in job.obeyed), job.printed
    everything = [path for path in job.folder.rglob("*") if path.is_file()]
    assert not [path for path in everything if token.encode() in path.read_bytes()]
    assert token not in job.printed


def test_a_target_that_cannot_be_reached_is_annotated_with_the_reason(job: Job) -> None:
    run_action(job, url="http://127.0.0.1:1")
    assert job.code == 3, job.printed
    assert job.outputs["verdict"] == "inconclusive"
    (told,) = job.obeyed
    assert told.startswith("::error title=Seatrial::seatrial: ")
    assert "http://127.0.0.1:1" in told
    assert told.partition("Seatrial::")[2] in job.summary


def test_inputs_win_over_the_environment_which_is_used_without(job: Job) -> None:
    document = action()
    (step,) = [one for one in document["runs"]["steps"] if one.get("id") == "gate"]
    text = step["env"]["SEATRIAL_URL"]
    assert evaluated(text, {"url": "http://input"}, {"SEATRIAL_URL": "http://environment"}) == "http://input"
    assert evaluated(text, {"url": ""}, {"SEATRIAL_URL": "http://environment"}) == "http://environment"


def test_no_step_is_made_of_an_input_and_what_it_uses_is_named_by_commit() -> None:
    for step in action()["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", f"x@{'0' * 40}"))


def test_every_input_is_explained_in_the_docs() -> None:
    page = (ROOT / "docs/ci.md").read_text("utf-8")
    assert [name for name in (*action()["inputs"], *action()["outputs"]) if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    ("against", "verify", "compare", "code"),
    [
        ("0", "0", "0", 0),
        ("1", "0", "0", 0),  # what fails there is the baseline
        ("0", "1", "3", 1),
        ("0", "3", "1", 1),
        ("0", "0", "3", 3),
        ("0", "0", "2", 2),
        ("0", "1", "2", 1),
        ("3", "0", "0", 3),  # nothing to hold it against
        ("0", "130", "1", 130),
    ],
)
def test_it_ends_with_the_gravest_code_of_its_parts(
    job: Job, against: str, verify: str, compare: str, code: int
) -> None:
    codes = {"STUB_against": against, "STUB_verify": verify, "STUB_compare": compare}
    gate(job, SEATRIAL_AGAINST="http://old", SEATRIAL_MAX_SLOWDOWN="10%", **codes)
    assert (job.code, job.outputs["exit-code"]) == (code, str(code))


def test_what_it_asks_of_seatrial(job: Job) -> None:
    gate(job, SEATRIAL_AGAINST="http://old", SEATRIAL_MAX_SLOWDOWN="10%", SEATRIAL_BASELINE="gone", SEATRIAL_OUT="o")
    assert [call for call in job.calls if not call.startswith("report")] == [
        "verify http://old --out o/against baseline=",
        "verify http://new --out o/verify baseline=o/against",
        "compare o/against o/verify baseline=",
        "compare http://old http://new --no-verify --max-slowdown 10% --yes --out o/compare baseline=",
    ]
    assert job.summary == "report of verify\n\n### Against http://old\n\n    it drifted\nreport of compare\n"
    assert job.obeyed == ["::error title=stub::annotated"] * 2


def test_what_it_asks_of_compare_is_there(job: Job) -> None:
    gate(job, SEATRIAL_AGAINST="http://old", SEATRIAL_MAX_SLOWDOWN="10%")
    (asked,) = [call.split() for call in job.calls if "--max-slowdown" in call]
    command = cli.get_command(click.Context(cli), "compare")
    assert command is not None
    known = {name for option in command.params for name in option.opts}
    assert {word for word in asked if word.startswith("--")} <= known


@pytest.mark.parametrize("secret", ["ADMIN", "TOKEN"])
def test_credentials_of_the_deployment_alone_go_nowhere_else(job: Job, secret: str) -> None:
    gate(job, SEATRIAL_AGAINST="http://old", SEATRIAL_ADMIN="of-old", **{f"SEATRIAL_B_{secret}": "of-new"})
    asked = (job.place / "calls.credentials").read_text("utf-8").splitlines()
    verified = [line for line in asked if line.startswith("verify")]
    assert verified == ["verify of-old  ", "verify of-new  " if secret == "ADMIN" else "verify  of-new "]


def test_drift_alone_fails_where_seatrial_says_so(job: Job) -> None:
    gate(job, SEATRIAL_AGAINST="http://old", STUB_drift="1")
    assert (job.code, job.outputs["verdict"]) == (1, "fail")
    assert job.obeyed[-1] == "::error title=Seatrial::against http://old: it drifted"


def test_findings_that_are_new_are_annotated_once(job: Job) -> None:
    gate(job, SEATRIAL_AGAINST="http://old", STUB_verify="1", STUB_drift="1")
    assert job.code == 1
    assert job.obeyed == ["::error title=stub::annotated"]


def test_nothing_is_held_against_another_without_a_url_of_its_own(job: Job) -> None:
    gate(job, SEATRIAL_AGAINST="http://old", SEATRIAL_URL="")
    assert (job.code, job.calls) == (2, [])
    assert "SEATRIAL_URL is held against, and that is empty" in job.printed
    (job.place / "seatrial.toml").write_text('url = "http://new"\n', "utf-8")
    gate(job, SEATRIAL_AGAINST="http://old", SEATRIAL_URL="")
    assert job.code == 0


def test_a_wrong_use_ends_it_at_once(job: Job) -> None:
    gate(job, SEATRIAL_AGAINST="http://old", SEATRIAL_MAX_SLOWDOWN="10%", STUB_verify="2", STUB_SAYS="100% `wrong`")
    assert job.code == 2
    assert not [call for call in job.calls if call.startswith("compare")]
    assert job.obeyed == ["::error title=Seatrial::100%25 `wrong`"]


def test_a_baseline_is_used_once_there_is_one(job: Job) -> None:
    gate(job, SEATRIAL_BASELINE="main/verify", SEATRIAL_OUT="first")
    assert "no baseline at main/verify yet" in job.printed
    (job.place / "main").mkdir()
    shutil.copytree(job.place / "first/verify", job.place / "main/verify")
    gate(job, SEATRIAL_BASELINE="main/verify", SEATRIAL_OUT="second")
    asked = [call.partition(" --out ")[2] for call in job.calls if call.startswith("verify")]
    assert asked == ["first/verify baseline=", "second/verify baseline=main/verify"]


@pytest.mark.parametrize(
    "said", ["::error::x", "  ::add-mask::x", "x ##[set-output name=exit-code]0", "::stop-commands::x"]
)
def test_what_a_target_says_is_no_command(job: Job, said: str) -> None:
    gate(job, STUB_SAYS=said)
    assert said in job.printed
    assert job.obeyed == ["::error title=stub::annotated"]


def test_a_folder_that_holds_something_is_kept(job: Job) -> None:
    (job.place / "seatrial-run").mkdir()
    (job.place / "seatrial-run/mine").touch()
    gate(job)
    assert (job.code, job.outputs["verdict"], job.calls) == (2, "wrong use", [])


@pytest.mark.parametrize("code", [130, 3])
def test_a_job_that_is_cancelled_lets_seatrial_tidy_up_and_begins_nothing_more(job: Job, code: int) -> None:
    """A run that was stopped once it had begun is one that proves nothing, and ends with 3."""
    env = job.env | {"SEATRIAL_COMMAND": "stub", "STUB_SLEEPS": "verify", "STUB_STOPPED": str(code)}
    env |= {"SEATRIAL_URL": "http://new", "SEATRIAL_AGAINST": "http://old", "SEATRIAL_MAX_SLOWDOWN": "10%"}
    with subprocess.Popen(
        [sys.executable, "-c", HEARING, ROOT / ".ci/gate"], cwd=job.place, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        until(lambda: len(job.calls) == 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == code
        assert process.stdout is not None
        with closing(process.stdout):
            verdict = "inconclusive" if code == 3 else "no result"
            assert f"{verdict} (exit code {code})" in process.stdout.read()
    assert [call.split()[0] for call in job.calls[1:]] == ["verify", "stopped"]


def test_a_job_that_is_cancelled_between_two_parts_does_not_pass(job: Job) -> None:
    env = job.env | {"SEATRIAL_COMMAND": "stub", "SEATRIAL_URL": "http://new", "STUB_SLEEPS": "against"}
    env["SEATRIAL_AGAINST"] = "http://old"
    with subprocess.Popen([ROOT / ".ci/gate"], cwd=job.place, env=env | {"STUB_STOPPED": "0"}) as process:
        until(lambda: len(job.calls) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert job.calls[1:] == ["stopped"]


@pytest.mark.parametrize("known", [{"SEATRIAL_URL": "", "SEATRIAL_AGAINST": "http://old"}, {"SEATRIAL_AGAINST": ""}])
def test_to_load_both_it_has_to_know_both(job: Job, known: dict[str, str]) -> None:
    gate(job, SEATRIAL_MAX_SLOWDOWN="10%", **known)
    assert (job.code, job.calls) == (2, [])
    assert "SEATRIAL_URL and SEATRIAL_AGAINST have to name them" in job.printed


def test_the_template_of_gitlab_fetches_sets_up_and_gates(job: Job, tmp_path: Path) -> None:
    template = yaml.safe_load((ROOT / ".ci/gitlab.yml").read_text("utf-8"))[".seatrial"]
    upstream = tmp_path / "tree"
    git = ["git", "-C", str(upstream), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    lines = "\n".join(template["before_script"] + template["script"]).replace("/tmp/seatrial", str(tmp_path / "got"))
    assert "/tmp/seatrial" in template["script"][0]
    lines = lines.replace(".venv/bin/seatrial", "../bin/stub")
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        del job.env[name]
    job.bash(lines, {"SEATRIAL_GIT": str(upstream), "SEATRIAL_REF": commit, "STUB_verify": "3"})
    assert job.code == 3, job.printed
    assert job.calls == ["verify --out seatrial-run/verify baseline="]
    assert (tmp_path / "got/.venv/bin/seatrial").exists()
    assert "::" not in job.printed
    assert template["artifacts"]["paths"] == ["seatrial-run/"]
