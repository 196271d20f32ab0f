"""`--json` on every command: what a program reads on standard output is one JSON document."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import click
import pytest
from command_line import Command, command, environment, reference_server, seatrial_command
from shown import every_command

from seatrial.lab.children import child
from seatrial.lab.faults import CATALOGUE
from seatrial.records import Check, Recorder, Run, RunFolder, now


@pytest.mark.parametrize(
    "found", [one for _, one in every_command() if not isinstance(one, click.Group)], ids=lambda one: str(one.name)
)
def test_every_command_has_it(found: click.Command) -> None:
    assert "--json" in {name for option in found.params for name in option.opts}


@pytest.mark.parametrize("words", ["reference", "provider", "proxy --upstream {url}"])
def test_a_server_of_the_lab_says_its_url(words: str) -> None:
    with reference_server("sk-json") as (url, _):
        arguments = ["lab", *words.format(url=url).split(), "--port", "0", "--json"]
        with child(command(*arguments), env=environment(), errors=None) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


def test_the_catalogue_of_faults(here: Command) -> None:
    told = json.loads(here("lab", "proxy", "--list", "--json").out)
    assert [fault["name"] for fault in told] == list(CATALOGUE)
    assert {"name", "kind", "apis", "rules", "words", "credentials"} == set(told[0])


def test_a_verification_and_what_reads_it(here: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    verified = json.loads(here("verify", "--out", "run", "--json").out)
    assert (verified["command"], verified["exit_code"]) == ("verify", 0)
    assert json.loads(here("report", "run", "--json").out)["id"] == verified["id"]
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    assert json.loads(here("compare", "run", "again", "--json").out)
    assert json.loads(here("clean", "run", "--json").out) == {"left_behind": {}, "failed": {}}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_half_a_character_of_a_target_breaks_no_output(tmp_path: Path, encoding: str) -> None:
    odd = "half \ud800 and é"
    for name in ("before", "after"):
        run = Run("verify", "http://x", "sessions", id=name, model=odd, target_name=odd, ended=now(), depth="quick")
        (tmp_path / name).mkdir()
        folder = RunFolder(tmp_path / name)
        folder.save(run)
        recorder = Recorder(folder.path / "checks.jsonl")
        recorder.write(Check("valid-use", odd, "listSessions", 1, 0))
        recorder.close()
        (folder.path / "shapes.jsonl").touch()
    for arguments in (["report", "before"], ["compare", "before", "after"]):
        for more in ([], ["--json"]):
            ended = seatrial_command(tmp_path, *arguments, *more, env={"PYTHONIOENCODING": encoding})
            assert (ended.code, "Traceback" in ended.err) == (0, False), ended
            if more:
                model = json.loads(ended.out).get("model", odd)
                assert model in (odd, odd.replace("\ud800", "?"))  # a terminal of ASCII alone gets UTF-8 from click


def test_a_run_that_was_killed_is_told_as_it_is_judged(here: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    RunFolder(tmp_path / "run").save(Run("verify", "http://x", "sessions", id="seatrial-1", started=now()))
    done = here("report", "run", "--json")
    told = json.loads(done.out)
    assert (told["verdict"], told["exit_code"], done.code) == ("inconclusive", 3, 3)
    assert "ended before it came to a verdict" in told["sentence"]
