"""A limit on requests in front of a target is waited for and told; what fails at any pace is found all the same."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from clocks import Clock
from command_line import environment

from contract_tests.limits import LONGEST, PACES, REPEATS, SHORTEST, Limited, Limits, pause_of
from seatrial.cli.verification import _command
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.chances import VERBS, _verb
from seatrial.lab.faults.making import BOTH, Fault, always
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.records import Finding, Run, RunFolder
from seatrial.target import ANONYMOUS, Account, Target

LIST = Call("listSessions", "GET", "/sessions")
OWNERS = ["ana", "rui", "eva"]
NGINX = {"server": "nginx/1.27", "content-type": "text/html"}


def refusal(status: int = 429, call: Call = LIST, **headers: str) -> Reply:
    return Reply(call, status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def limits(clock: Clock | None = None, **given: Any) -> Limits:
    clock = clock or Clock()
    return Limits(**{"loopback": False, "now": clock, "sleep": clock.sleep} | given)


# --- judging refusals


@pytest.mark.parametrize(
    ("reply", "limited"),
    [
        (refusal(), True),
        (refusal(503, retry_after="2"), True),
        (Reply(LIST, 503, NGINX, b""), True),
        (refusal(503), False),
        (refusal(502, retry_after="2"), False),
        (refusal(500), False),
        (refusal(200, retry_after="2"), False),
        (refusal(call=Call("signIn", "POST", "/signin")), False),
    ],
)
def test_what_says_come_back_later_is_asked_again_and_nothing_else(reply: Reply, limited: bool) -> None:
    assert (limits().again(ANONYMOUS, reply, 1) is not None) == limited


@pytest.mark.parametrize(
    ("told", "pause"),
    [
        ("", SHORTEST), ("3", 3.0), ("0", SHORTEST), ("3600", LONGEST), ("soon", SHORTEST), ("-5", SHORTEST),
        ("Wed, 21 Oct 2099 07:28:00 GMT", LONGEST), ("Wed, 21 Oct 2015 07:28:00 GMT", SHORTEST),
        ("9" * 400, LONGEST), ("²", SHORTEST),
    ],
)  # fmt: skip
def test_the_time_that_a_refusal_tells_is_waited_within_bounds(told: str, pause: float) -> None:
    assert pause_of(refusal(retry_after=told)) == pause


def test_on_this_machine_and_at_once_a_refusal_stands() -> None:
    assert limits(loopback=True).again(ANONYMOUS, refusal(), 1) is None
    it = limits()
    with it.at_once():
        assert it.again(ANONYMOUS, refusal(), 1) is None
        assert it.excuses(refusal())
    assert (it.refusals, it.excuses(refusal())) == (0, False)


def test_bad_input_is_sent_again_too_and_what_is_refused_each_time_stands_and_ends_nothing() -> None:
    it = limits(is_provoking=lambda: True)
    for number in range(1, REPEATS + 1):
        assert it.again(ANONYMOUS, refusal(503, retry_after="1"), number) is not None
    assert it.again(ANONYMOUS, refusal(503, retry_after="1"), REPEATS + 1) is None
    assert (it.refusals, it.pace) == (1, PACES[0])
    assert not it.excuses(refusal(503, retry_after="1"))


def test_after_requests_at_once_a_limit_is_given_the_time_that_they_would_have_taken() -> None:
    clock = Clock()
    it = limits(clock)
    it.again(ANONYMOUS, refusal(), 1)
    with it.at_once():
        for _ in range(8):
            it.before(ANONYMOUS, LIST)
    before = clock.now
    it.before(ANONYMOUS, LIST)
    assert clock.now - before == pytest.approx(8 / PACES[0])


def test_each_refusal_slows_the_run_and_one_at_the_slowest_pace_is_a_fault() -> None:
    clock = Clock()
    it = limits(clock)
    for pace in (None, *PACES):
        assert it.pace == pace
        before = clock.now
        for _ in range(11):
            it.before(ANONYMOUS, LIST)
        assert clock.now - before >= (10 / pace if pace else 0) - 1e-6
        assert (it.again(ANONYMOUS, refusal(), 1) is None) == it.is_fault
    assert it.is_fault
    assert it.pace is None
    assert it.again(ANONYMOUS, refusal(), 1) is None
    assert "no limit" in it.notes()[0]


def test_a_call_that_is_refused_each_time_ends_the_run_but_not_its_cleaning() -> None:
    it = limits()
    for number in range(1, REPEATS + 1):
        assert it.again(ANONYMOUS, refusal(), number) == SHORTEST
    with pytest.raises(Limited, match="listSessions was answered 429 3 times"):
        it.again(ANONYMOUS, refusal(retry_after="60"), REPEATS + 1)
    it.closed = True
    assert it.again(ANONYMOUS, refusal(), REPEATS + 1) is None


# --- the client


def answering(statuses: list[int], again: Callable[[Account, Reply, int], float | None]) -> tuple[Client, list[Reply]]:
    heard: list[Reply] = []

    def hear(_account: Account, _call: Call, outcome: Reply | NoAnswer) -> None:
        assert isinstance(outcome, Reply)
        heard.append(outcome)

    transport = httpx.MockTransport(lambda _: httpx.Response(statuses.pop(0), json={"detail": "later"}))
    return Client(Target("http://target.example"), on_exchange=hear, again=again, transport=transport), heard


def test_a_refused_call_is_sent_again_and_only_listeners_see_the_refusal() -> None:
    client, heard = answering([429, 429, 200], lambda _, reply, number: 0.0 if reply.status == 429 else None)
    with client:
        assert client.send(LIST).status == 200
    assert [(reply.status, reply.repeated) for reply in heard] == [(429, True), (429, True), (200, False)]


def test_what_ends_the_run_leaves_the_client_told_of_all() -> None:
    it = limits()
    client, heard = answering([429] * 3, lambda *asked: it.again(*asked) and 0.0)
    with client, pytest.raises(Limited):
        client.send(LIST)
    assert [reply.repeated for reply in heard] == [True, True, False]


# --- whole runs


class Limiter:
    """Lets so many a second through, and `burst` at once, as proxies do; what is more is answered as `refused`."""

    def __init__(self, app: Any, rate: float, burst: int, status: int, headers: Mapping[str, str]) -> None:
        self._app, self._rate, self._burst, self._status = app, rate, burst, status
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._left, self._at, self._lock = float(burst), time.monotonic(), threading.Lock()
        self.refused = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or self._lets_through():
            await self._app(scope, receive, send)
            return
        self.refused += 1
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": b"<html>Too many requests</html>"})

    def _lets_through(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._left = min(self._burst, self._left + self._rate * (now - self._at))
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


def run(url: str, out: Path, test: str | None, paces: tuple[float, float]) -> tuple[str, Run, list[Finding]]:
    printed, folder = started(url, out, test, paces), RunFolder(out)
    return printed, folder.load(), list(folder.rows("findings.jsonl", Finding))


def started(url: str, out: Path, test: str | None, paces: tuple[float, float]) -> str:
    """The suite by hand, its limits awake on this machine, and quicker. Returns what it printed."""
    code = (
        "import sys, pytest\nfrom contract_tests import limits\n"
        f"limits.ON_LOOPBACK, limits.PACES, limits.SHORTEST = True, {paces!r}, 0.2\n"
        f"sys.exit(pytest.main({_command(test)[4:]!r}))"
    )
    out.mkdir()
    given = {"SEATRIAL_URL": url, "SEATRIAL_RUN": str(out), "SEATRIAL_TOKEN": "\n".join(OWNERS)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment(given | {"SEATRIAL_DISPOSABLE": "1", "SEATRIAL_TIMEOUT": "5"}),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize(("status", "headers"), [(429, {"retry-after": "1"}), (503, NGINX)], ids=["429", "nginx"])
@pytest.mark.parametrize(
    ("test", "burst", "rate", "paces"),
    [
        ("test_lifecycle.py", 30, 20, (20.0, 10.0)),
        ("test_conformance.py", 15, 10, (12.0, 6.0)),  # generated requests, which are the densest part of a run
    ],
)
def test_a_run_behind_a_limit_finds_nothing_and_says_what_it_did(
    status: int,
    headers: dict[str, str],
    test: str,
    burst: int,
    rate: float,
    paces: tuple[float, float],
    tmp_path: Path,
) -> None:
    limiter = Limiter(create_app(Contract.load(), tokens=OWNERS), burst, rate, status, headers)
    with running(limiter) as url:
        printed, ended, findings = run(url, tmp_path / "run", test, paces)
    assert limiter.refused
    assert (findings, ended.problem) == ([], None), printed
    assert any("limits requests" in note for note in ended.notes)
    assert ended.left_behind == []


def test_a_limit_that_does_not_let_up_makes_a_run_inconclusive(tmp_path: Path) -> None:
    limiter = Limiter(create_app(Contract.load(), tokens=OWNERS), 0, 30, 429, {"retry-after": "1"})
    with running(limiter) as url:
        printed, ended, findings = run(url, tmp_path / "run", "test_lifecycle.py", (20.0, 10.0))
    assert findings == [], printed
    assert "limits requests" in (ended.problem or "")


def test_a_limit_that_leaves_no_room_for_a_beginning_is_said_in_a_line(tmp_path: Path) -> None:
    limiter = Limiter(create_app(Contract.load(), tokens=OWNERS), 0, 3, 429, {})
    with running(limiter) as url:
        printed = started(url, tmp_path / "run", "test_lifecycle.py", (20.0, 10.0))
    assert "429" in printed
    assert "Traceback" not in printed


async def _busy(_asked: Asked, _behind: Behind) -> Answer:
    answer = Answer.of(429, {"detail": "Too many requests."})
    answer.headers.append((b"retry-after", b"1"))
    return answer


def test_one_request_in_fifty_that_is_refused_is_found_though_each_works_when_it_is_repeated(tmp_path: Path) -> None:
    fault = Fault("one-in-fifty-429", "availability", BOTH, "Now and then nothing happens.", ("valid-use",),
                  always(VERBS, _busy), chance=1 / 50, of=_verb)  # fmt: skip
    contract = Contract.load()
    with running(create_app(contract, tokens=OWNERS)) as url, running(Proxy(url, contract, fault, 0)) as proxy:
        printed, ended, findings = run(proxy, tmp_path / "run", None, (60.0, 30.0))
    assert "valid-use" in {finding.rule for finding in findings if finding.fails}, (printed, ended.notes)
    assert any("no limit" in note for note in ended.notes)
