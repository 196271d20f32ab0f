"""What a verification may cost is said before, and kept to, whatever the target does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from command_line import environment
from fake_openwebui import ADMIN, FakeOpenWebUI

from contract_tests.budget import BOUNDS, PROMPT_CHARACTERS, Bounds, Budget, BudgetSpent, RunSpent, prompt_characters
from seatrial.actor import Actor
from seatrial.cli.verification import _command
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected, perform
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.openwebui import MAX_PAGES, PAGE, OpenWebUIVerbs
from seatrial.records import Run, RunFolder
from seatrial.target import ANONYMOUS

LIST = Call("listSessions", "GET", "/sessions")


def ask(text: str = "hello") -> Call:
    return Call("sendMessage", "POST", "/chat", json={"prompt": text})


def reply(call: Call, body: bytes = b"{}", seconds: float = 0.0, kind: str = "application/json") -> Reply:
    return Reply(call, 200, {"content-type": kind}, body, seconds)


@pytest.fixture
def budget() -> Budget:
    return Budget("quick", timeout=2.0)


def test_what_is_said_before_a_run_is_what_holds(budget: Budget) -> None:
    bounds = BOUNDS["quick"]
    told = budget.announcement()
    for number in (bounds.requests, bounds.completions, bounds.reply_tokens, PROMPT_CHARACTERS):
        assert f"{number:,}" in told
    assert "2 minutes of waiting" in told
    assert "4 a second" not in told
    assert "4 a second" in Budget("full", loopback=False).announcement()
    assert budget.told()["waiting_seconds"] == bounds.timeouts * 2


def test_not_one_request_more_is_sent_than_was_said_however_many_ask_at_once(budget: Budget) -> None:
    def send(_: int) -> bool:
        try:
            budget.before(ANONYMOUS, LIST)
        except RunSpent:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        sent = sum(pool.map(send, range(BOUNDS["quick"].requests + 100)))
    assert sent == budget.requests == BOUNDS["quick"].requests


def test_what_was_made_can_be_removed_after_everything_is_spent(budget: Budget) -> None:
    budget.requests = BOUNDS["quick"].requests
    with pytest.raises(RunSpent, match="requests are spent"):
        budget.before(ANONYMOUS, LIST)
    budget.closed = True
    budget.before(ANONYMOUS, LIST)
    budget.after(ANONYMOUS, LIST, reply(LIST, seconds=100))
    assert (budget.requests, budget.waited) == (BOUNDS["quick"].requests, 0.0)


def test_waiting_counts_whether_an_answer_came_or_not(budget: Budget) -> None:
    budget.after(ANONYMOUS, LIST, reply(LIST, seconds=budget.patience / 2))
    budget.before(ANONYMOUS, LIST)
    budget.after(ANONYMOUS, LIST, NoAnswer(LIST, "silence", seconds=budget.patience / 2))
    with pytest.raises(RunSpent, match="has waited 120 s"):
        budget.before(ANONYMOUS, LIST)


def test_completions_are_counted_and_other_requests_go_on_without_them(budget: Budget) -> None:
    for _ in range(BOUNDS["quick"].completions):
        budget.before(ANONYMOUS, ask())
    with pytest.raises(BudgetSpent, match="completions are spent") as spent:
        budget.before(ANONYMOUS, ask())
    assert not isinstance(spent.value, RunSpent)
    budget.before(ANONYMOUS, LIST)
    assert budget.prompt_characters == 5 * BOUNDS["quick"].completions


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "x" * (PROMPT_CHARACTERS + 1)},
        {"messages": [{"role": "user", "content": "x" * PROMPT_CHARACTERS}, {"role": "user", "content": ["yy"]}]},
    ],
)
def test_a_prompt_that_is_too_long_is_not_sent_whoever_made_it_up(budget: Budget, body: Any) -> None:
    with pytest.raises(BudgetSpent, match="longer than any should be"):
        budget.before(ANONYMOUS, Call("createChatCompletion", "POST", "/c", json=body))
    assert budget.completions == 0
    assert prompt_characters(Call("sendMessage", "POST", "/c", raw=b"x" * 7)) == 7
    assert prompt_characters(Call("sendMessage", "POST", "/c", json=[5])) == 0


def test_replies_are_counted_as_tokens_and_a_model_that_never_stops_is_asked_no_more(budget: Budget) -> None:
    budget.after(ANONYMOUS, ask(), reply(ask(), b"x" * 4_000))
    assert budget.reply_tokens == 1_000
    budget.after(ANONYMOUS, ask(), reply(ask(), b'data: {"a": 1}\n\n' * 300, kind="text/event-stream"))
    assert budget.reply_tokens == 1_300
    budget.after(ANONYMOUS, LIST, reply(LIST, b"x" * 4_000))
    assert budget.reply_tokens == 1_300
    budget.after(ANONYMOUS, ask(), reply(ask(), b"x" * 4 * BOUNDS["quick"].reply_tokens))
    with pytest.raises(BudgetSpent, match="which is enough"):
        budget.before(ANONYMOUS, ask())


def test_completions_to_somebody_elses_machine_are_spaced() -> None:
    budget = Budget("quick", loopback=False)
    started = time.monotonic()
    for _ in range(3):
        budget.before(ANONYMOUS, ask())
    assert time.monotonic() - started >= 0.5


# --- what never ends


def sends(answer: Callable[[Call], Any]) -> Actor:
    verbs = OpenWebUIVerbs(Contract.load(), "m", patience=3.0)
    return Actor(verbs, lambda call: reply(call, json.dumps(answer(call)).encode()))


def test_a_list_whose_pages_never_end_is_left() -> None:
    numbers = count()
    with pytest.raises(Unexpected, match="a list that ends") as failure:
        sends(lambda _: [{"id": f"c{next(numbers)}"} for _ in range(PAGE)]).list_sessions()
    assert next(numbers) == PAGE * MAX_PAGES
    assert failure.value.where == "list: its end"


def test_a_page_that_says_the_same_for_ever_ends_the_list() -> None:
    rows = [{"id": f"c{number}"} for number in range(PAGE)]
    assert len(sends(lambda _: rows).list_sessions()) == PAGE


def test_tasks_that_never_end_are_left_after_as_long_as_an_answer_may_take() -> None:
    paused: list[float] = []
    verbs = OpenWebUIVerbs(Contract.load(), "m", patience=3.0)
    steps = verbs.await_tasks("c1")
    with pytest.raises(Unexpected, match="still running after 3 s"):
        perform(steps, lambda call: reply(call, b'{"task_ids": ["t"]}'), paused.append)
    assert 3.0 <= sum(paused) < 3.5


# --- whole runs within small bounds


class Paging(FakeOpenWebUI):
    """Each page of the list is full of chats that nobody has seen before."""

    numbers = count()

    def _list_chats(self, user: Any, _: Any) -> Any:
        return [{"id": f"c{next(self.numbers)}", "title": "x"} for _ in range(PAGE)]


def run_within(bounds: Bounds, url: str, out: Path, **given: str) -> tuple[int, str, Run]:
    """The suite by hand, with these bounds in place of its own."""
    code = (
        "import sys, pytest\nfrom contract_tests import budget\n"
        f"budget.BOUNDS['quick'] = budget.{bounds!r}\nsys.exit(pytest.main({_command(None)[4:]!r}))"
    )
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment({"SEATRIAL_URL": url, "SEATRIAL_RUN": str(out), "SEATRIAL_TIMEOUT": "5"} | given),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, RunFolder(out).load()


def test_an_endless_list_spends_the_requests_and_the_run_ends_with_nothing_left(tmp_path: Path) -> None:
    it = Paging()
    with running(it.app) as url:
        _, printed, run = run_within(Bounds(200, 10, 1_000, 60), url, tmp_path / "run", SEATRIAL_ADMIN=f"{ADMIN}:right")
    assert "requests are spent" in (run.problem or ""), printed
    assert run.counts["requests"] <= 200
    sent = it.asked.total() - run.counts["clean_up_requests"]
    assert sent <= 200
    assert [account["id"] for account in it.accounts.values()] == ["boss"]
    assert run.left_behind == []


def test_what_needs_more_completions_than_there_are_is_skipped_and_said(tmp_path: Path) -> None:
    app, requests = create_app(Contract.load(), tokens=["ana", "rui"]), []

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            requests.append((scope["method"], scope["path"]))
        await app(scope, receive, send)

    path = Contract.load().operation("sendMessage").path
    with running(counting) as url:
        _, printed, run = run_within(
            Bounds(1_000, 9, 1_000, 60), url, tmp_path / "run", SEATRIAL_TOKEN="ana\nrui", SEATRIAL_DISPOSABLE="1"
        )
    assert run.problem is None, printed
    assert run.counts["completions"] == 9
    assert requests.count(("POST", path)) == 9
    assert any("completions are spent" in note for note in run.notes)
    assert run.left_behind == []
