"""Faults in front of a Session API that is open to everybody: each shows, or says that it needs credentials."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import signal
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from command_line import command, environment
from session_api import ask

from seatrial.cli.lab import lab
from seatrial.contract import SESSIONS, Contract
from seatrial.exchange import NO_BODY
from seatrial.lab.children import child
from seatrial.lab.faults import CATALOGUE, Fault, named
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running

CONTRACT = Contract.load()
JUDGED = [fault for fault in CATALOGUE.values() if SESSIONS in fault.apis and fault.rules]
"""All but those that only take time."""

NEVER_MADE = "0b7e3c52-1111-4222-8333-944445555666"
TEXTS = ("?", " <b>caf\u00e9 e\u0301</b> \U0001f6a2\r\n\x07 ", *(f"message {number}" for number in range(10)))
STEP = 300
"""Seconds by which times may differ from one visit to another."""


class Visitor:
    """Somebody without credentials, and what is seen: times and ids as those of another visit would be."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.seen: list[Any] = []
        self.names: dict[str, str] = {NEVER_MADE: "never made"}
        self.numbers = itertools.count(1)

    async def do(self, operation: str, *values: str, json: Any = NO_BODY) -> httpx.Response | None:
        """Ask, and note what came; None where no answer came."""
        call = CONTRACT.call(operation, *values)
        body: dict[str, Any] = {} if json is NO_BODY else {"json": json}
        try:
            reply = await self.client.request(call.method, call.path, **body)
        except httpx.HTTPError as error:
            self.seen.append((operation, type(error).__name__))
            return None
        date = parsedate_to_datetime(reply.headers["date"]).timestamp() if "date" in reply.headers else None
        names = sorted(set(reply.headers) - {"date", "content-length", "transfer-encoding"})
        self.seen.append((operation, reply.status_code, names, reply.headers.get("content-type"),
                          None if date is None else self.told(date), self.body(reply)))  # fmt: skip
        return reply

    def body(self, reply: httpx.Response) -> Any:
        try:
            return self.told(reply.json())
        except ValueError:
            return self.told(reply.text)

    def told(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.told(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.told(one) for one in value]
        if isinstance(value, str):
            return re.sub(r"[0-9a-f-]{32,36}", lambda found: self.name(found[0]), value)
        if isinstance(value, (int, float)) and value > 1e9:
            return f"{round((value - time.time()) / STEP)} steps from now"
        return value

    def name(self, session: str) -> str:
        return self.names.setdefault(session, f"session {next(self.numbers)}")

    async def created(self) -> str:
        reply = await self.do("createSession")
        found = reply.json().get("id") if reply is not None and reply.status_code in (200, 201) else None
        return str(found or NEVER_MADE)

    async def visit(self) -> None:
        """Everything that one can do by oneself, mistakes too."""
        await self.do("listSessions")
        first, second, third, *_ = [await self.created() for _ in range(12)]
        for text in TEXTS:
            await self.do("sendMessage", json={"prompt": text, "session_id": first})
        await self.do("sendMessage", json={"prompt": "of the second", "session_id": second})
        for session in (first, second, third, first, second, first, first):
            await self.do("getHistory", session)
        for _ in range(3):
            await self.do("getModelInfo")
        await self.do("sendMessage", json={"prompt": "kept nowhere"})
        await self.do("sendMessage", json={"prompt": "long " * 20_000})
        await self.do("listSessions")
        await self.mistakes()
        await self.do("listSessions")
        for session in (first, second):
            await self.do("getHistory", session)
        await self.deletes(second)
        await self.at_once(first)

    async def mistakes(self) -> None:
        for body in ({}, {"prompt": 7}):
            await self.do("sendMessage", json=body)
        await self.do("sendMessage", json={"prompt": "to nobody", "session_id": NEVER_MADE})
        for session in (NEVER_MADE, "no such thing"):
            await self.do("getHistory", session)
        await self.do("deleteSession", NEVER_MADE)

    async def deletes(self, session: str) -> None:
        for operation in ("deleteSession", "getHistory", "deleteSession"):
            await self.do(operation, session)
        await self.do("listSessions")
        await self.created()
        await self.do("listSessions")

    async def at_once(self, session: str) -> None:
        """Which of two comes first is nobody's business, so what is seen is in no order."""
        before = len(self.seen)
        turns = [{"prompt": f"at once, {number}", "session_id": session} for number in range(2)]
        await asyncio.gather(*(self.do("sendMessage", json=turn) for turn in turns))
        await self.do("getHistory", session)
        said = {text for text in ("at once, 0", "at once, 1") if text in json.dumps(self.seen[-1])}
        made = set(await asyncio.gather(self.created(), self.created()))
        self.seen[before:] = [sorted(said), len(made)]


def seen(fault: Fault | None) -> tuple[list[Any], int]:
    """What a visitor sees through the fault, and how often its dice were thrown."""

    async def visited(url: str) -> list[Any]:
        async with httpx.AsyncClient(base_url=url, timeout=3.0) as client:
            visitor = Visitor(client)
            await visitor.visit()
            return visitor.seen

    with running(create_app(CONTRACT)) as upstream:
        proxy = Proxy(upstream, CONTRACT, fault)
        with running(proxy) as url:
            return asyncio.run(visited(url)), proxy.dice.calls if proxy.dice else 0


@pytest.fixture(scope="module")
def healthy() -> list[Any]:
    (first, _), (second, _) = seen(None), seen(None)
    assert first == second, "a visit is not the same each time"
    return first


@pytest.mark.parametrize("fault", JUDGED, ids=lambda fault: fault.name)
def test_a_fault_shows_without_credentials_or_says_that_it_needs_them(fault: Fault, healthy: list[Any]) -> None:
    through, calls = seen(fault)
    shows = calls > 0 if fault.chance is not None else through != healthy
    assert shows is not fault.credentials


@pytest.fixture
def guarded() -> Iterator[Proxy]:
    """In front of a server that wants credentials."""
    with running(create_app(CONTRACT, tokens=["ana"])) as upstream:
        yield Proxy(upstream, CONTRACT, named("one-in-fifty-fails"))


def test_where_credentials_are_needed_strangers_are_nobody(guarded: Proxy) -> None:
    """What breaks for those who have some is the same, whoever else comes by."""
    assert guarded.dice is not None
    with running(guarded) as url:
        for number in range(10):
            assert ask(url, "listSessions").status_code == 401
            assert ask(url, "getModelInfo").status_code == 401
            ask(url, "listSessions", headers={"Authorization": "Bearer ana"})
            assert guarded.dice.calls == number + 1


def test_the_list_marks_what_needs_credentials() -> None:
    shown = CliRunner().invoke(lab, ["proxy", "--list"]).output.splitlines()
    marked = {row.split("\t")[0] for row in shown if row.split("\t")[5] == "credentials"}
    assert marked == {fault.name for fault in CATALOGUE.values() if fault.credentials}
    assert {"others-read", "token-listed"} <= marked
    assert "message-lost" not in marked


@pytest.mark.parametrize(("name", "told"), [("others-read", True), ("message-lost", False), ("anybody-reads", False)])
def test_a_proxy_says_at_its_start_that_its_fault_needs_credentials(name: str, told: bool) -> None:
    line = command("lab", "proxy", "--upstream", "http://127.0.0.1:9", "--fault", name, "--port", "0")
    with child(line, env=environment()) as process:
        assert process.stdout is not None
        said = ""
        for words in process.stdout:
            said += words
            if words.startswith("ready "):
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert "ready http" in said
    assert (f"{name} shows only where requests bring credentials" in said) is told
