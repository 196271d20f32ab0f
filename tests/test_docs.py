"""The documentation is true: what it shows runs, and what it names exists.

A command of Seatrial in a block of README.md or docs/ stands in one of the tables below, and a table names no command
that is not shown. Most that are only parsed differ from one that runs by a number or a folder.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import signal
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest
from command_line import command, environment, reference_server, seatrial_command
from shown import PAGES, ROOT, Shown, every_command, in_help, in_prose, in_shells, of_seatrial, parse

from seatrial.contract import Contract
from seatrial.lab.children import child
from seatrial.lab.faults import named
from seatrial.lab.proxy import Proxy
from seatrial.lab.serving import running
from seatrial.settings import Settings

TOKEN = "sk-docs"
FEW = "--users 2 --duration 1s --turns 1 --think 0"


@dataclass(frozen=True)
class Run:
    """How a command is run here: as `words`, or as shown and with `more`; `code` is how it may end."""

    words: str = ""
    more: str = ""
    code: tuple[int, ...] = (0,)


VOID = (0, 3)
"""A load on a busy machine says that it was the limit itself; that is an end as it should be."""

RUNS = {
    "seatrial verify https://chat.example.org --baseline before": Run("seatrial verify {broken} --baseline before"),
    "seatrial compare before after": Run(),
    "seatrial replay run 1": Run(code=(1,)),
    "seatrial replay run 1 --url https://mended.example.org": Run("seatrial replay run 1 --url {healthy}"),
    "seatrial load http://localhost:8080 --users 20 --duration 60s --admin you@example.org": Run(
        f"seatrial load {{healthy}} {FEW}", code=VOID
    ),
    "seatrial capacity http://localhost:8080 --slo 'turn p95 < 10s' --admin me@example.org --people 500": Run(
        "seatrial capacity {healthy} --slo 'turn p95 < 10s' --people 500 "
        "--start 1 --most 1 --look 1s --budget 3s --turns 1 --think 0",
        code=(0, 1, 3),
    ),
    "seatrial lab proxy --list": Run(),
}
SERVED = {
    "seatrial lab reference": Run(more="--port 0"),
    "seatrial lab reference --token ana --token rui --database sessions.db": Run(more="--port 0"),
    "seatrial lab provider": Run(more="--port 0"),
    "seatrial lab provider --first-token 0.3 --gap 0.02 --record calls.jsonl": Run(more="--port 0"),
    "seatrial lab proxy --upstream http://localhost:9090 --fault message-lost": Run(
        "seatrial lab proxy --upstream {healthy} --fault message-lost --port 0"
    ),
}
ON_OPENWEBUI = {
    "seatrial load http://localhost:8080 --mix browser=6,reader=3,completions=1 --seed-chats 200 "
    "--admin me@example.org": Run(
        "seatrial load {deployment} --mix browser=6,reader=3,completions=1 --seed-chats 2 --seed-messages 2 "
        "--users 3 --duration 2s --turns 1 --think 0",
        code=VOID,
    ),
}
PARSED = {
    "the fixture `workplace` begins with it": ["seatrial verify https://chat.example.org --out before"],
    "tests/test_load_stages.py runs such": [
        "seatrial load http://localhost:8080 --stage 0.2/s:1m --stage 0.2-1/s:5m",
        "seatrial load http://localhost:8080 --stage 10:1m --stage 10-50:2m --stage 50:5m",
    ],
    "like one that runs": [
        "seatrial compare URL_A URL_B",
        "seatrial verify URL --baseline before",
        "seatrial verify https://chat.example.org --out after",
        "seatrial verify http://localhost:8081 --out old",
        "seatrial verify http://localhost:8082 --out new --baseline old",
        "seatrial verify http://localhost:9092",
        "seatrial compare old new",
        "seatrial replay run 'valid-use:createChat:status 500'",
        "seatrial lab proxy --upstream URL --fault message-lost",
        "seatrial load http://localhost:8080 --slo 'turn p95 < 10s' --slo 'getChat p99 < 300ms' --slo 'errors < 0.1%'",
    ],
    "the tests of `compare` run such, on live targets and on stored loads": [
        "seatrial compare https://chat-old.example.org https://chat-new.example.org --admin you@example.org",
        "seatrial load http://localhost:8080 --out before",
        "seatrial load http://localhost:8080 --out after",
        "seatrial load http://localhost:8080 --baseline before",
    ],
    "tests/test_load_workers.py runs such, on one machine and on two": [
        "seatrial load http://localhost:8080 --users 400 --processes 4 --admin you@example.org",
        "seatrial load https://chat.example.org --users 2000 --duration 10m --master 10.0.0.1 --expect-workers 2 --yes",
        "seatrial load https://chat.example.org --worker 10.0.0.1 --admin you@example.org --yes",
    ],
    "tests/test_load_overhead.py runs such": [
        "seatrial load http://localhost:8080 --provider http://127.0.0.1:9091 --admin me@example.org",
    ],
    "tests/test_capacity_command.py resumes a search": [
        "seatrial capacity http://localhost:8080 --slo 'turn p95 < 10s' --admin me@example.org --resume RUN",
    ],
    "tests/test_lab_postgres.py boots it, in `make test-openwebui`": [
        "seatrial lab openwebui --database postgres --ready-file postgres.json",
    ],
    "tests/test_lab_openwebui.py boots it, in `make test-openwebui`": [
        "seatrial lab openwebui",
        "seatrial lab openwebui --version 0.12.4",
        "seatrial lab openwebui --ready-file sqlite.json",
        "seatrial lab openwebui --yes --ready-file lab.json",
    ],
    "such a one is booted there at its newest release, and benchmarks/releases.py boots the others": [
        "seatrial lab openwebui --version 0.9.5",
        "seatrial lab openwebui --version 0.12.3 --port 8081 --yes --ready-file old.json --torch-index '$TORCH'",
        "seatrial lab openwebui --version 0.12.4 --port 8082 --yes --ready-file new.json --torch-index '$TORCH'",
    ],
    "what it leaves away is tested in tests/test_lab_openwebui.py, without a boot": [
        "seatrial lab openwebui --defaults"
    ],
    "tests/test_openwebui.py puts one there, in `make test-openwebui`": ["seatrial lab reference --upstream URL"],
}
FOR_WIDE = ("lab",)
"""The list of faults is tab-separated where no terminal is."""

OF_OTHERS = {"--headless", "--run-time", "--processes", "--master", "--worker"}
"""Locust's own options."""


def key(line: str) -> str:
    return " ".join(shlex.split(line))


def declared() -> list[str]:
    parsed = [line for lines in PARSED.values() for line in lines]
    return [key(line) for line in (*RUNS, *SERVED, *ON_OPENWEBUI, *parsed)]


@dataclass(frozen=True)
class Workplace:
    """A folder with run folders in it, a reference server, and the same server with something broken in front."""

    folder: Path
    healthy: str
    broken: str

    def words(self, shown: str, run: Run) -> list[str]:
        line = f"{run.words or shown} {run.more}"
        return shlex.split(line.replace("{healthy}", self.healthy).replace("{broken}", self.broken))[1:]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    folder = tmp_path_factory.mktemp("docs")
    with reference_server(TOKEN) as (url, _), running(Proxy(url, Contract.load(), named("model-nameless"))) as broken:
        done = seatrial_command(folder, "verify", broken, "--out", "before", env={"SEATRIAL_TOKEN": TOKEN}, limit=300)
        assert done.code == 1, done.out + done.err
        for name in ("run", "after"):
            shutil.copytree(folder / "before", folder / name)
        yield Workplace(folder, url, broken)


def test_every_command_that_is_shown_is_declared_and_none_else() -> None:
    shown = {one.text: one.page for one in of_seatrial()}
    assert {text: page for text, page in shown.items() if text not in declared()} == {}, "declare how it is run"
    assert [text for text in declared() if text not in shown] == [], "no page shows this any more"
    assert len(declared()) == len(set(declared()))


@pytest.mark.parametrize("shown", [*of_seatrial(), *in_help()], ids=lambda one: one.text)
def test_what_is_shown_is_understood(shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = shown.words[: shown.words.index("look")] if "look" in shown.words else shown.words  # a remark beside it
    parse(Shown(shown.page, words))


@pytest.mark.parametrize("shown", RUNS)
def test_what_is_shown_runs(shown: str, workplace: Workplace) -> None:
    words = workplace.words(shown, RUNS[shown])
    env = {"SEATRIAL_TOKEN": TOKEN, "COLUMNS": "80"}
    done = seatrial_command(workplace.folder, *words, env=env, limit=300)
    assert done.code in RUNS[shown].code, done.out + done.err
    assert "Traceback" not in done.out + done.err
    assert "\x1b" not in done.out, "colour where no terminal is"
    if words[0] not in FOR_WIDE:
        whole = ("Report: ", "http")  # a path and an address are not cut
        long = [line for line in done.out.splitlines() if len(line) > 80 and not any(one in line for one in whole)]
        assert long == []


@pytest.mark.parametrize("shown", SERVED)
def test_what_is_shown_serves(shown: str, workplace: Workplace) -> None:
    words = workplace.words(shown, SERVED[shown])
    with child(command(*words), env=environment(), cwd=workplace.folder, errors=None) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.openwebui
@pytest.mark.parametrize("shown", ON_OPENWEBUI)
def test_what_is_shown_runs_on_openwebui(shown: str, deployment: Settings, admin_token: str, tmp_path: Path) -> None:
    words = shlex.split(ON_OPENWEBUI[shown].words.format(deployment=deployment.url))[1:]
    done = seatrial_command(tmp_path, *words, env={"SEATRIAL_ADMIN_TOKEN": admin_token}, limit=300)
    assert done.code in ON_OPENWEBUI[shown].code, done.out + done.err


def test_a_target_of_make_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = {word for one in in_shells() if one.program == "make" for word in one.words[1:] if "=" not in word}
    named_ = {code.split()[1] for page in PAGES for code in in_prose(page) if re.match(r"make [a-z]", code)}
    assert shown | named_ <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_named_exists(page: Path) -> None:
    known = {name for _, one in every_command() for option in one.params for name in option.opts} | OF_OTHERS
    known |= {"--help", "--version"}
    missing = []
    for code in in_prose(page):
        script = re.match(r"(?:python )?(benchmarks/\w+\.py)", code)
        names = known | set(re.findall(r"--[a-z-]+", (ROOT / script[1]).read_text("utf-8"))) if script else known
        of_git_or_pip = code.startswith(("pip ", "git ", "podman ", "docker "))
        missing += [o for o in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code) if o not in names and not of_git_or_pip]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_is_understood(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for code in in_prose(page):
        words = tuple(word for word in code.split(" ") if word != "...")
        if words[0] != "seatrial" or len(words) < 2:
            continue
        with contextlib.suppress(click.MissingParameter):  # named without what it works on
            parse(Shown(page.name, words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_that_is_named_is_read_somewhere(page: Path) -> None:
    settings = {f"SEATRIAL_{spec.name.upper()}" for spec in fields(Settings)}
    sources = [*(ROOT / "seatrial").rglob("*.py"), *(ROOT / "tests").glob("conftest.py"), *(ROOT / ".ci").rglob("g*")]
    known = settings.union(*(re.findall(r"SEATRIAL_[A-Z_]+", p.read_text("utf-8")) for p in sources if p.is_file()))
    known |= {name.replace("SEATRIAL_", "SEATRIAL_B_", 1) for name in settings}  # of B alone, for `compare`
    assert set(re.findall(r"\bSEATRIAL_[A-Z_]*[A-Z]", page.read_text("utf-8"))) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text("utf-8"))
    }
    wanted = {*PAGES[1:], ROOT / "CHANGELOG.md", ROOT / "docs/seatrial.toml", ROOT / "docs/Containerfile"}
    assert wanted <= linked, wanted - linked


def test_the_container_file_copies_all_that_the_wheel_is_made_of() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = re.findall(r"^COPY ((?:[\w.]+ )+)\S+$", (ROOT / "docs/Containerfile").read_text("utf-8"), re.MULTILINE)
    assert {*build["packages"], *build["force-include"], "requirements.lock"} <= set(" ".join(copied).split())
