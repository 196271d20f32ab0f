"""`seatrial replay`: what a fault made red turns up again through the fault, and no longer does without it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from command_line import Command, Ended, environment, seatrial_command
from report_runs import finding, folder, verify_run
from rich.console import Console

from contract_tests.retracing import Retraced
from contract_tests.rules import RULES
from seatrial.cli import replaying
from seatrial.contract import SESSIONS, Contract
from seatrial.lab.faults import CATALOGUE, named
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.ledger import open_entries
from seatrial.records import Finding, RunFolder
from seatrial.settings import Settings

CONTRACT = Contract.load()


@dataclass(frozen=True)
class Case:
    """A fault, the test that meets it, and whether one answer shows it or its test has to be run again."""

    test: str
    finding: str
    by_steps: bool


ON_SESSIONS = {
    "delete-fails": Case("does_not_come_back", "valid-use:deleteSession", True),
    "never-answers": Case("texts_come_back", "no-answer:getHistory", False),
    "times-as-text": Case("does_not_come_back", "answer-conforms:listSessions", True),
    "message-lost": Case("mix", "history-content:getHistory", False),
    "deleted-still-listed": Case("does_not_come_back", "deleted-gone:listSessions", False),
    "delete-does-nothing": Case("sequence", "state-agrees", False),
    "others-read": Case("another_owner", "other-cannot-read:getHistory", True),
    "trace-shown": Case("bad_requests", "no-internals", True),
    "mistake-fails": Case("generated_requests", "no-server-error:sendMessage", True),
}
ON_OPENWEBUI = {
    "others-read": Case("second_account", "other-cannot-read:getChat", True),
    "deleted-key-works": Case("a_key_opens", "wrong-credentials-refused:listChats", True),
    "stream-without-done": Case("stream_is_whole", "stream-finish", False),
    "removed-account-gets-in": Case("until_it_is_removed", "wrong-credentials-refused:getCurrentUser", True),
}


@dataclass(frozen=True)
class Replays:
    """What was found, and what came of it through the fault and without it."""

    found: Ended
    through: Ended
    without: Ended

    @staticmethod
    def told(ended: Ended) -> dict[str, object]:
        document: dict[str, object] = json.loads(ended.out)
        return document


def tried(name: str, case: Case, upstream: str, env: Mapping[str, str], place: Path, *options: str) -> Replays:
    place.mkdir()
    with running(Proxy(upstream, CONTRACT, named(name))) as proxy:
        chosen = env | {"PYTEST_ADDOPTS": f"-k {case.test}"}
        run = ("--timeout", "4", "--out", "run", *options)
        found = seatrial_command(place, "verify", proxy, *run, env=chosen, limit=240)
        again = ("replay", "run", case.finding, "--json")
        through = seatrial_command(place, *again, env=env, limit=240)
        without = seatrial_command(place, *again, "--url", upstream, env=env, limit=240)
    return Replays(found, through, without)


def holds(replays: Replays, case: Case) -> None:
    """It still happens through the fault and no longer without; nothing is left, and no secret is in the record."""
    assert replays.found.code == 1, replays.found
    assert replays.through.code == 1, replays.through
    assert replays.without.code == 0, replays.without
    through, without = Replays.told(replays.through), Replays.told(replays.without)
    assert (through["verdict"], without["verdict"]) == ("still happens", "no longer happens")
    assert str(through["finding"]).startswith(case.finding)
    assert bool(through["steps"]) >= case.by_steps
    assert (through["tested"] == 0) >= case.by_steps, through
    assert without["left_behind"] == []
    if not through["left_behind"]:  # a target that deletes nothing keeps what was made
        assert [path.name for path in replays.found.folder.iterdir()] == ["run"]


@pytest.fixture(scope="module")
def on_sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Replays]]:
    place, tokens = tmp_path_factory.mktemp("replays"), [f"owner-{n}-{secrets.token_hex(8)}" for n in range(3)]
    env = {"SEATRIAL_TOKEN": "\n".join(tokens), "SEATRIAL_DISPOSABLE": "1"}

    def one(name: str) -> Replays:
        with running(create_app(CONTRACT, tokens=tokens)) as upstream:
            replays = tried(name, ON_SESSIONS[name], upstream, env, place / name)
            if not name.startswith("delete-"):  # what cannot be deleted stays
                for token in tokens:
                    listed = httpx.get(
                        upstream + CONTRACT.call("listSessions").path, headers={"Authorization": f"Bearer {token}"}
                    )
                    assert listed.json() == {"sessions": []}
        record = (place / name / "run" / "findings.jsonl").read_text("utf-8")
        assert not [token for token in tokens if token in record]
        return replays

    with ThreadPoolExecutor(2) as pool:
        yield dict(zip(ON_SESSIONS, pool.map(one, ON_SESSIONS), strict=True))


@pytest.mark.parametrize("name", ON_SESSIONS)
def test_a_finding_happens_again_through_its_fault_only(on_sessions: dict[str, Replays], name: str) -> None:
    holds(on_sessions[name], ON_SESSIONS[name])


def test_every_class_of_fault_is_among_them() -> None:
    classes = {fault.kind for fault in CATALOGUE.values() if SESSIONS in fault.apis and fault.rules}
    assert classes - {CATALOGUE[name].kind for name in ON_SESSIONS} == set()
    assert {case.finding.partition(":")[0] for case in (*ON_SESSIONS.values(), *ON_OPENWEBUI.values())} <= set(RULES)


def test_a_sequence_of_steps_is_told_so_that_a_person_can_take_them(on_sessions: dict[str, Replays]) -> None:
    told = on_sessions["delete-does-nothing"].through.err
    assert "  1. The " in told
    assert "deletes session" in told


@pytest.mark.openwebui
def test_findings_on_open_webui_happen_again_through_their_faults_only(
    deployment: Settings, admin_token: str, tmp_path: Path
) -> None:
    env = {"SEATRIAL_ADMIN_TOKEN": admin_token}

    def one(name: str) -> Replays:
        return tried(name, ON_OPENWEBUI[name], deployment.url or "", env, tmp_path / name)

    with ThreadPoolExecutor(2) as pool:
        for name, replays in zip(ON_OPENWEBUI, pool.map(one, ON_OPENWEBUI), strict=True):
            holds(replays, ON_OPENWEBUI[name])
            record = (tmp_path / name / "run" / "findings.jsonl").read_text("utf-8")
            assert admin_token not in record


TEST = "test_lifecycle.py::test_conversations_are_kept_as_they_were_said_and_do_not_mix"


def recorded(path: Path, *findings: Finding, **changes: object) -> RunFolder:
    given = {"api": "sessions", "target": "http://127.0.0.1:9", "depth": "quick"} | changes
    return folder(path, verify_run(**given), *findings)


def test_a_finding_is_named_by_its_id_its_beginning_or_its_number(here: Command, tmp_path: Path) -> None:
    ids = ("valid-use:getHistory:status 500", "valid-use:getHistory:status 502", "no-answer:getHistory:connection")
    rows = [finding(id=one, operation="getHistory", where=one.rpartition(":")[2], test=TEST) for one in ids]
    recorded(tmp_path / "run", *rows)
    for name in ("valid-use:getHistory:status 500", "no-", "3"):
        assert here("replay", "run", name).code == 3  # found, and nothing listens there
    here("replay", "run", "valid").refused(2, "the beginning of 2 findings", ids[0], ids[1])
    here("replay", "run", "4").refused(2, "no finding 4", "3 findings")
    here("replay", "run", "nothing").refused(2, "no finding 'nothing'", ids[0])


def test_what_is_no_verification_cannot_be_replayed(here: Command, tmp_path: Path) -> None:
    recorded(tmp_path / "load", command="load")
    here("replay", "load", "1").refused(2, "a load run")
    here("replay", "nowhere", "1").refused(2, "not a run folder")
    recorded(tmp_path / "passed")
    here("replay", "passed", "1").refused(2, "holds no finding")


def test_of_the_folder_of_a_replay_there_is_no_report(here: Command, tmp_path: Path) -> None:
    recorded(tmp_path / "again", command="replay")
    here("report", "again").refused(2, "again is the folder of a replay")
    assert not (tmp_path / "again" / "report.html").exists()


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("", "does not name its test"),
        ("../../evil.py::test_it", "has no test"),
        ("test_lifecycle.py::test_that_went", "was not run"),
        ("test_pages.py::test_pages_neither_repeat_nor_skip", "was not run"),
        ("test_access.py::test_another_owner_meets_nothing", "reached without credentials"),
    ],
)
def test_what_cannot_be_told_says_why(tmp_path: Path, test: str, words: str) -> None:
    with running(create_app(CONTRACT)) as url:
        recorded(tmp_path / "run", finding(test=test), target=url)
        ended = seatrial_command(tmp_path, "replay", "run", "1")
    assert ended.code == 3, ended
    assert ended.out.splitlines()[-1].startswith("cannot be told: ")
    assert words in ended.out.splitlines()[-1]


def test_the_embedded_reference_server_is_started_again(tmp_path: Path) -> None:
    recorded(tmp_path / "run", finding(test=TEST, operation="getHistory"), settings={"embedded": True})
    ended = seatrial_command(tmp_path, "replay", "run", "1")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "no longer happens"), ended


def test_a_replay_that_is_kept_leaves_its_record(tmp_path: Path) -> None:
    recorded(tmp_path / "run", finding(test=TEST, operation="getHistory"), settings={"embedded": True})
    ended = seatrial_command(tmp_path, "replay", "run", "1", "--out", "again", env=environment())
    assert ended.code == 0, ended
    assert open_entries(tmp_path / "again" / "ledger.jsonl") == []
    assert RunFolder(tmp_path / "again").load().counts["tests"] == 1
    seatrial_command(tmp_path, "report", "again").refused(2, "again is the folder of a replay")
    seatrial_command(tmp_path, "verify", "--baseline", "again").refused(2)


def test_a_replay_that_is_interrupted_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> Iterator[Retraced]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(replaying.Retracer, "steps", interrupted)
    step = {"operation": "getHistory", "method": "GET", "path": "/", "account": "account 1", "shows": True}
    with running(create_app(CONTRACT)) as url:
        place = RunFolder.create(str(tmp_path / "again"), "replay")
        found = finding(test=TEST, operation="getHistory", where="status 500", received="500", steps=(step,))
        settings = Settings(url=url, api="sessions", token=("ana", "rui"))
        outcome = replaying.replayed(settings, found, verify_run(api="sessions"), place, Console(quiet=True))
    assert (outcome.verdict, outcome.exit_code) == ("cannot be told", 3)
    assert (outcome.why, outcome.left_behind) == ("the run was interrupted", [])
