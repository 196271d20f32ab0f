"""The deployment's own share of a turn, joined with what a scripted provider recorded; and who was the limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from command_line import Command
from rich.console import Console

from load.capacity import Capacity
from load.limit import limited
from load.objectives import judge, parse
from load.overhead import OVERHEAD, learn, overheads
from load.proof import replies
from load.provider import FILE, MOST_BYTES, MOST_LINE, _lines, fetch, mark, meet
from reports.overhead import Overheads
from seatrial.cli.load import run_load
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.errors import EXIT_FAIL, Inconclusive, WrongUse
from seatrial.evidence import Evidence
from seatrial.lab import openwebui_install as releases
from seatrial.lab.children import provider_process
from seatrial.lab.openwebui import boot
from seatrial.lab.provider import Script, create_app
from seatrial.lab.reference import create_app as reference_app
from seatrial.lab.serving import free_port, running
from seatrial.records import Recorder, Run, RunFolder
from seatrial.samples import Asked, Joined, ModelCall, Overhead, ProviderClock, Sample, Tried, Turned
from seatrial.settings import Settings

QUIET = Console(quiet=True)
MARKER = "seatrial-0a"
TURN = Turned(1.0, "1-1", 1, "session", "plain", 130.0, "done")
CALL = ModelCall(0, 1.0, "chat", False, 200, True, 100.0, 90.0, 100.0, 90.0)
TITLE = "### Task:\nGenerate a concise title summarizing the chat history.\nUSER: {0}\nASSISTANT: {0}"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(str(tmp_path / "run"), "load")


@pytest.fixture
def provider() -> Iterator[str]:
    with running(create_app(Script(first_token=0, gap=0))) as url:
        yield url


def nonce(session: int, turn: int = 1) -> str:
    return f"[{MARKER}.{session}-1.{turn}]"


def ask(url: str, text: str) -> None:
    body = {"model": "seatrial-model", "messages": [{"role": "user", "content": text}]}
    assert httpx.post(f"{url}/v1/chat/completions", json=body).status_code == 200


def written(folder: RunFolder, *rows: Turned | Sample) -> None:
    recorder = Recorder(folder.path / "samples" / "1.jsonl")
    for row in rows:
        recorder.write(row)
    recorder.close()


def joined(folder: RunFolder) -> list[Joined]:
    return list(folder.rows(OVERHEAD, Joined))


def test_a_turn_less_its_model_call_is_the_deployments_own(folder: RunFolder, provider: str) -> None:
    ask(provider, "before the load")
    mark(meet(f"{provider}/v1"), folder)
    for session in range(12):
        ask(provider, nonce(session))
        ask(provider, TITLE.format(nonce(session)))
    ask(provider, "[seatrial-bb.1-1.1] of somebody else")
    written(folder, *(replace(TURN, session=f"{number}-1", nonce=nonce(number)) for number in range(12)))
    learned = learn(provider, folder, MARKER, 0.0, 60.0)
    rows = joined(folder)
    assert [row.calls for row in rows] == [1] * 12
    calls = {call.nonces[-1]: call for call in folder.rows(FILE, ModelCall) if call.kind == "chat" and call.nonces}
    assert [row.model_ms for row in rows] == [calls[nonce(number)].ms for number in range(12)]
    assert learned.counts == {"model_calls": 24, "joined_turns": 12, "model_calls_chat": 12, "model_calls_title": 12}
    assert {(one.kind, one.per_turn) for one in folder.rows(OVERHEAD, Asked)} == {("chat", 1.0), ("title", 1.0)}
    ((way, measure, (median, _)),) = overheads(folder)
    assert (way, measure, median.count) == ("plain", "turn", 12)
    assert median.value in [round(row.ms - (row.model_ms or 0), 3) for row in rows]
    assert any("model calls per answered turn: 2 (chat 1, title 1)" in note for note in learned.notes)
    assert len(list(folder.rows(FILE, ModelCall))) == 25  # and none from before the load


def test_streams_are_joined_by_first_token_and_mean_gap(folder: RunFolder, provider: str) -> None:
    call = replace(CALL, streamed=True, first=50.0, due_first=50.0, gaps=(20.0, 22.0), nonces=(nonce(1),))
    recorder = Recorder(folder.path / FILE)
    recorder.write(call)
    recorder.close()
    written(folder, replace(TURN, way="sse", first=80.0, gaps=(20.0, 30.0), nonce=nonce(1)))
    learn(provider, folder, MARKER, 0.0, 60.0)
    (row,) = joined(folder)
    assert (row.first, row.model_first, row.due_first) == (80.0, 50.0, 50.0)
    assert (row.gap, row.model_gap) == (25.0, 21.0)
    assert (row.stall, row.model_stall) == (30.0, 22.0)
    assert {one.measure for one in folder.rows(OVERHEAD, Overhead)} == {"turn", "ttft", "gap"}


def test_reports_find_in_the_records_what_the_load_made_of_them(folder: RunFolder, provider: str) -> None:
    for number in range(12):
        ask(provider, nonce(number))
    written(
        folder, *(replace(TURN, ms=500.0 + number, session=f"{number}-1", nonce=nonce(number)) for number in range(12))
    )
    learn(provider, folder, MARKER, 0.0, 60.0)
    (_, _, (median, _)), *_ = overheads(folder)
    found = Overheads.of(folder, 0.0, 60.0)
    assert [one.name for one in found.shares] == ["whole turn, in one piece"]
    assert round(found.own_turn() or 0.0, 3) == median.value
    held = judge(parse(["turn p95 < 1ms"]), Evidence.of(folder))
    missed = [replace(one, verdict="missed") for one in held]
    (one,) = limited(folder, OPENWEBUI, missed, Evidence.of(folder))
    assert (one.objective, one.limited_by) == ("turn p95 < 1ms", "server")
    assert one.limited_why.startswith("of 506 ms")


def test_a_turn_that_asked_never_or_twice_counts_and_is_not_subtracted(folder: RunFolder, provider: str) -> None:
    for _ in range(2):
        ask(provider, nonce(1))
    written(folder, replace(TURN, nonce=nonce(1)), replace(TURN, session="2-1", nonce=nonce(2)))
    learned = learn(provider, folder, MARKER, 0.0, 60.0)
    assert [(row.calls, row.model_ms) for row in joined(folder)] == [(2, None), (0, None)]
    assert learned.counts["model_calls"] == 2
    assert list(overheads(folder)) == []


def test_a_call_that_was_left_before_its_end_is_known_as_such(folder: RunFolder, provider: str) -> None:
    recorder = Recorder(folder.path / FILE)
    for number, finished in ((1, True), (2, False)):
        recorder.write(replace(CALL, finished=finished, nonces=(nonce(number),)))
    recorder.close()
    written(folder, *(replace(TURN, ended="refused", nonce=nonce(number)) for number in (1, 2)))
    learn(provider, folder, MARKER, 0.0, 60.0)
    assert [row.model_left for row in joined(folder)] == [False, True]


def test_times_count_within_the_window_and_calls_always(folder: RunFolder, provider: str) -> None:
    turns = [replace(TURN, at=float(at), session=f"{at}-1", nonce=nonce(at)) for at in range(4)]
    for turned in turns:
        ask(provider, turned.nonce)
    written(folder, *turns)
    learned = learn(provider, folder, MARKER, 1.0, 3.0)
    ((_, _, (median, _)),) = overheads(folder)
    assert (median.count, learned.counts["joined_turns"]) == (2, 4)


def test_a_level_that_fails_names_the_provider_where_it_was_the_limit(folder: RunFolder) -> None:
    turns = [replace(TURN, session=f"{number}-1", ms=2_000.0) for number in range(12)]
    written(folder, *turns)
    recorder = Recorder(folder.path / OVERHEAD)
    for _ in turns:
        recorder.write(
            Joined(1.0, "1-1", "session", "plain", "done", 2000.0, 1, failed=False, model_ms=1900.0, due=90.0)
        )
    recorder.close()

    tried = searched(folder, "turn p50 < 1s", requests=12, turns=12, refused_turns=0)
    assert {(level.outcome, level.limit) for level in tried} == {("fails", "provider")}
    assert "the provider was the limit: of 2 s" in tried[0].why


def searched(folder: RunFolder, objective: str, **counts: int) -> list[Tried]:
    """The tries of a search for one user, whose looks all come to what the folder holds."""

    def play(level: int, seconds: float) -> tuple[Run, RunFolder]:
        return Run("load", "http://x", OPENWEBUI, counts=counts), folder

    search = Capacity(parse([objective]), (), play, folder, budget=3_000, look=1)
    search.search(1, 1)
    return search.tried


def test_failed_requests_that_are_no_turns_are_not_put_down_to_the_provider(folder: RunFolder) -> None:
    refused = [Sample(1.0, "getChat", 9.0, 503, False, 1, f"{number}-1") for number in range(50)]
    written(folder, replace(TURN, ended="refused"), *refused)
    recorder = Recorder(folder.path / OVERHEAD)
    recorder.write(Joined(1.0, "1-1", "session", "plain", "refused", 9.0, 1, failed=True))
    recorder.close()

    tried = searched(folder, "errors < 1%", requests=51, turns=1, refused_turns=1)
    assert {(level.outcome, level.limit) for level in tried} == {("fails", "server")}
    evidence = Evidence.of(folder)
    (one,) = limited(folder, OPENWEBUI, judge(parse(["errors < 1%"]), evidence), evidence)
    assert (one.limited_by, one.limited_why) == ("server", "failed requests that are no turns: 50; failed turns: 1")


def test_a_model_that_nobody_asked_is_said_to_be_another(folder: RunFolder, provider: str) -> None:
    written(folder, replace(TURN, nonce=nonce(1)))
    learned = learn(provider, folder, MARKER, 0.0, 60.0)
    assert [note for note in learned.notes if "another model answers there" in note]


def test_a_provider_that_is_gone_afterwards_is_a_note_and_no_error(folder: RunFolder) -> None:
    written(folder, replace(TURN, nonce=nonce(1)))
    learned = learn(f"http://127.0.0.1:{free_port()}", folder, MARKER, 0.0, 60.0)
    assert "does not answer" in learned.notes[0]


def test_a_provider_that_began_anew_is_noticed(folder: RunFolder, provider: str) -> None:
    mark(ProviderClock(1.0, 500, 0), folder)
    assert "began anew" in fetch(provider, folder)


def test_a_record_without_end_is_left_also_where_it_is_one_line() -> None:
    def endless(piece: bytes) -> Iterator[bytes]:
        for _ in range(MOST_BYTES // len(piece) + 2):
            taken[0] += len(piece)
            yield piece

    for piece, most in ((b"x" * 65_536, MOST_LINE), (b"x" * 65_535 + b"\n", MOST_BYTES)):
        taken = [0]
        with pytest.raises(Inconclusive, match="does not end"):
            deque(_lines("http://x", endless(piece)), maxlen=0)
        assert taken[0] <= most + 65_536
    assert list(_lines("http://x", [b"a", b"b\nc", b"\n\xe2\x80", b"\xa8d\n", b"e"])) == ["ab", "c", "\u2028d", "e"]


def test_who_stands_in_for_a_provider_is_refused(tmp_path: Path) -> None:
    with running(reference_app(Contract.load())) as url:
        with pytest.raises(WrongUse, match="no scripted provider"):
            meet(url)
    with pytest.raises(Inconclusive, match="does not answer"):
        meet(f"http://127.0.0.1:{free_port()}")


def test_a_wrong_provider_is_told_before_the_load_starts(here: Command) -> None:
    with running(reference_app(Contract.load())) as url:
        here("load", url, "--provider", "nonsense").refused(2, "--provider: 'nonsense' is no http")
        here("load", url, "--provider", url).refused(2, "no scripted provider")
        here("load", url, "--provider", f"http://127.0.0.1:{free_port()}").refused(3, "does not answer")
        slo = ("--slo", "turn p95 < 1s")
        here("capacity", url, *slo, "--provider", url).refused(2, "no scripted provider")


def test_what_was_proved_of_replies_depends_on_the_model() -> None:
    counts = {"turns": 10, "refused_turns": 2, "echoed": 8}
    assert "scripted model" in replies(counts)[0]
    assert "a real model, none repeated" in replies(counts | {"echoed": 0})[0]
    assert "only 3 of 8" in replies(counts | {"echoed": 3})[0]
    assert replies(counts | {"turns": 2, "echoed": 0}) == []


def test_a_load_without_the_provider_behind_it_says_so(tmp_path: Path, provider: str) -> None:
    with running(reference_app(Contract.load())) as url:
        settings = Settings(url=url, api=SESSIONS, users=2, duration=1.5, think=0.1, timeout=5.0, provider=provider)
        place = RunFolder.create(str(tmp_path / "run"), "load")
        run = run_load(settings, place, QUIET)
    assert run.exit_code != EXIT_FAIL, run.sentence  # a busy machine may make it void
    assert (run.counts["model_calls"], run.counts["joined_turns"]) == (0, 0)
    assert any("another model answers there" in note for note in run.notes)
    assert any("a scripted model, each reply repeated" in note for note in run.notes)


@pytest.mark.openwebui
def test_a_real_open_webui_is_told_from_the_model_behind_it(tmp_path: Path) -> None:
    if not releases.is_installed(releases.DEFAULT_VERSION):
        pytest.skip(f"Open WebUI {releases.DEFAULT_VERSION} is not installed: seatrial lab openwebui --install-only")
    with (
        provider_process(Script(first_token=0.1, gap=0.0)) as url,
        boot(releases.DEFAULT_VERSION, provider_url=url) as deployment,
    ):
        admin = f"{deployment.admin_email}:{deployment.admin_password}"
        settings = Settings(
            url=deployment.url, admin=admin, users=4, duration=12.0, think=0.2, turns=2,
            mix="session=1,completions=1", provider=f"{url}/v1",
        )  # fmt: skip
        place = RunFolder.create(str(tmp_path / "run"), "load")
        run = run_load(settings, place, QUIET)
    assert run.exit_code != EXIT_FAIL, run.sentence  # a busy machine may make it void
    assert run.counts["joined_turns"] == run.counts["turns"] == run.counts["model_calls_chat"]
    assert run.counts["answers_checked"] > 0
    assert run.counts["answers_wrong"] == 0
    rows = joined(place)
    assert {one.way for one in rows} == {"plain", "sse"}
    assert all(100 <= (one.model_ms or 0) < one.ms for one in rows if one.ended == "done")
