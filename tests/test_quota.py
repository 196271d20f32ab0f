"""A model's provider that limits requests is waited for, in whatever way it is told, and is never the deployment's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from clocks import Clock
from limited_openwebui import WORDS, LimitedOpenWebUI, run

from contract_tests.limits import Limited
from contract_tests.quota import LONGEST, MOST, PACES, PAUSES, Quota, Refused, refuse, tells_limit
from seatrial.exchange import Call, Reply, Unexpected
from seatrial.lab.serving import running
from seatrial.openwebui import STORED_ERROR
from seatrial.target import ANONYMOUS

PLAIN = Call("createChatCompletion", "POST", "/api/chat/completions", json={"model": "m"})
STORED = Call("createChatCompletion", "POST", "/api/chat/completions", json={"model": "m", "id": "a", "chat_id": "c"})
LIST = Call("listChats", "GET", "/api/v1/chats/")


def refusal(
    call: Call = PLAIN, status: int = 429, body: str = "{}", kind: str = "application/json", **more: str
) -> Reply:
    headers = {"content-type": kind} | {name.replace("_", "-"): value for name, value in more.items()}
    return Reply(call, status, headers, body.encode())


def quota(clock: Clock | None = None, **given: Any) -> Quota:
    clock = clock or Clock()
    return Quota(**{"loopback": True, "now": clock, "sleep": clock.sleep} | given)


@pytest.mark.parametrize(
    ("reply", "of_provider"),
    [
        (refusal(), True),
        (refusal(status=503, retry_after="2"), True),
        (refusal(kind="text/plain"), True),
        (refusal(kind="text/html"), False),
        (refusal(LIST), False),
        (refusal(Call("sendMessage", "POST", "/chat", json={"prompt": "hello"})), False),
        (refusal(status=503), False),
        (refusal(status=500), False),
        (refusal(status=400, body=WORDS), False),
    ],
)
def test_on_this_machine_a_completion_is_refused_by_the_provider(reply: Reply, of_provider: bool) -> None:
    assert quota().takes(reply) == of_provider


def test_elsewhere_plain_words_are_of_what_stands_in_front() -> None:
    assert not quota(loopback=False).takes(refusal(kind="text/plain"))
    assert quota(loopback=False).takes(refusal())


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (WORDS, True),
        ("{'message': 'Provider returned error', 'code': 429}", True),
        ("Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your pricing tier", True),
        ("[{'error': {'code': 400, 'message': 'You exceeded your current quota, please check your plan'}}]", True),
        ("RESOURCE_EXHAUSTED", True),
        ("Error code: 429", True),
        ("Too Many Requests", True),
        ("[Errno 122] Disk quota exceeded", False),
        ("This model's maximum context length is 4096 tokens, and you asked for 429 more", False),
        ("Model not found", False),
        ("'NoneType' object has no attribute 'startswith'", False),
    ],
)  # fmt: skip
def test_a_limit_is_known_by_its_words_and_other_errors_are_not_taken_for_one(words: str, limit: bool) -> None:
    assert tells_limit(words) == limit
    assert quota().explains(refusal(status=400, body=f'{{"detail": "{words}"}}')) == limit
    if limit:
        with pytest.raises(Refused):
            refuse(["", words])


def test_what_is_stored_nowhere_is_sent_again_and_what_is_stored_is_not() -> None:
    it = quota()
    assert it.again(refusal(), 1) == PAUSES[0]
    assert it.again(refusal(retry_after="30"), 2) == 30
    with pytest.raises(Refused):
        it.again(refusal(STORED), 1)
    assert it.refusals == 2
    assert quota(is_provoking=lambda: True).again(refusal(STORED), 1) is None
    assert quota(is_at_once=lambda: True).again(refusal(), 1) is None


def test_each_refusal_slows_completions_and_nothing_else() -> None:
    clock = Clock()
    it = quota(clock)
    for pace in (None, *PACES, PACES[-1]):
        assert it.pace == pace
        before = clock.now
        it.before(ANONYMOUS, LIST)
        for _ in range(3):
            it.before(ANONYMOUS, PLAIN)
        assert clock.now - before >= (2 / pace if pace else 0) - 1e-6
        it.again(refusal(), 1)
        clock.now += 60


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        ([(refusal(), number) for number in range(1, len(PAUSES) + 2)], f"refused each of {len(PAUSES) + 1} tries"),
        ([(refusal(), 1)] * (MOST + 1), f"has refused {MOST + 1} times"),
        ([(refusal(retry_after=f"{LONGEST + 1:.0f}"), 1)], "asks to come back in 61 s"),
    ],
)
def test_a_limit_that_does_not_let_up_ends_the_run(replies: list[tuple[Reply, int]], why: str) -> None:
    it = quota()
    for reply, number in replies[:-1]:
        assert it.again(reply, number) is not None
    with pytest.raises(Limited, match=f"the model's provider limits requests: it {why}"):
        it.again(*replies[-1])
    with pytest.raises(Limited):
        it.before(ANONYMOUS, PLAIN)
    it.before(ANONYMOUS, LIST)


def test_a_test_runs_again_for_a_limit_only() -> None:
    it = quota()
    stored = f"the stored message holds an error: {WORDS}"
    assert it.later(Unexpected(refusal(status=200), "a reply", stored, STORED_ERROR), 1) == PAUSES[0]
    assert it.later(Refused(WORDS), 2) == PAUSES[1]
    assert it.refusals == 2
    assert it.later(Unexpected(refusal(status=400, body=f'"{WORDS}"'), "200"), 3) == PAUSES[2]
    assert (
        it.later(Unexpected(refusal(status=200), "a reply", "the stored message holds an error: no", STORED_ERROR), 1)
        is None
    )
    assert it.later(Unexpected(refusal(status=400, body='"Model not found"'), "200"), 1) is None
    assert it.later(Unexpected(refusal(LIST), "200"), 1) is None


# --- whole runs


@pytest.mark.parametrize(
    ("test", "status", "refuses"),
    [
        ("test_turns.py", 429, [1, 4, 6, 8]),
        ("test_turns.py", 400, [1, 4, 6, 8]),
        ("test_streams.py", 429, [1, 4, 6]),
        ("test_streams.py", 400, [1, 5]),
        ("test_state.py", 429, [1, 4, 6]),
        ("test_state.py", 400, [1, 4]),
    ],
)
def test_a_run_whose_provider_refuses_now_and_then_finds_nothing(
    test: str, status: int, refuses: list[int], tmp_path: Path
) -> None:
    """Each form of request is refused once: told over the socket, blocking, plain, in a new chat, streamed."""
    fake = LimitedOpenWebUI(refuses, status)
    with running(fake.app) as url:
        ended, findings = run(url, tmp_path / "run", test)
    assert (findings, ended.problem, ended.left_behind) == ([], None, [])
    assert any("provider limits requests" in note for note in ended.notes)
    assert fake.refused >= 2
    assert fake.taken == 0


def test_turns_at_once_of_which_the_provider_takes_none_are_not_judged(tmp_path: Path) -> None:
    with running(LimitedOpenWebUI(range(1, 1000)).app) as url:
        ended, findings = run(url, tmp_path / "run", "test_concurrency.py")
    assert (findings, ended.problem) == ([], None)


def test_generated_completions_that_an_older_release_refuses_with_400_are_not_held_against_it(tmp_path: Path) -> None:
    """They are sent one after the other, and none of them is asked again."""
    fake = LimitedOpenWebUI([1, 3], 400)
    with running(fake.app) as url:
        _, findings = run(url, tmp_path / "run", "test_conformance.py::test_generated_requests[createChatCompletion]")
    assert fake.refused == 2
    assert [one for one in findings if WORDS in one.received] == []


@pytest.mark.parametrize("test", ["test_turns.py", "test_streams.py"])
def test_a_provider_that_takes_nothing_makes_a_run_inconclusive(test: str, tmp_path: Path) -> None:
    with running(LimitedOpenWebUI(range(1, 1000)).app) as url:
        ended, findings = run(url, tmp_path / "run", test)
    assert findings == []
    assert "the model's provider limits requests" in (ended.problem or "")
    assert "--model" in (ended.problem or "")
