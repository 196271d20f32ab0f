"""The fault proxy: faithful without a fault, and with one the contract suite finds it and names the right rule.

The whole matrix is benchmarks/detection.py; here a handful of faults goes through it, one of each kind.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from contract_tests.rules import RULES
from seatrial.cli.lab import lab
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.errors import WrongUse
from seatrial.lab.faults import CATALOGUE, named
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running

ROOT = Path(__file__).parents[1]
CONTRACT = Contract.load()
HANDFUL = ("message-lost", "deleted-still-listed", "others-read", "trace-shown")
"""Durability, listing, access, leak."""


def test_every_rule_has_a_fault_on_every_api_that_it_applies_to() -> None:
    wanted = {(rule.id, api) for rule in RULES.values() for api in rule.apis}
    proved = {(rule, api) for fault in CATALOGUE.values() for rule in fault.rules for api in fault.apis}
    assert sorted(wanted - proved) == []


def test_every_fault_names_rules_that_exist_and_apply() -> None:
    strange = [
        (fault.name, rule, api)
        for fault in CATALOGUE.values()
        for rule in fault.rules
        for api in fault.apis
        if rule not in RULES and api
    ]
    silent = [
        (fault.name, api)
        for fault in CATALOGUE.values()
        for api in fault.apis
        if fault.rules and not any(api in RULES[rule].apis for rule in fault.rules)
    ]
    assert (strange, silent) == ([], [])


def test_no_fault_writes_a_path_out() -> None:
    literal = re.compile(r'"/[a-z]|/api/')
    sources = [ROOT / "seatrial/lab/proxy.py", *sorted((ROOT / "seatrial/lab/faults").glob("*.py"))]
    found = [
        f"{source.name}: {line}"
        for source in sources
        for line in source.read_text().splitlines()
        if literal.search(line) and 'File "/app' not in line
    ]
    assert found == []


def test_the_command_lists_the_catalogue_and_refuses_other_names() -> None:
    listed = CliRunner().invoke(lab, ["proxy", "--list"]).output.splitlines()
    assert [line.split("\t")[0] for line in listed] == list(CATALOGUE)
    with pytest.raises(WrongUse, match="did you mean message-lost"):
        named("mesage-lost")


@pytest.fixture(scope="module")
def detection(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What a quick verification finds behind the proxy, by fault."""
    out = tmp_path_factory.mktemp("detection") / "results.json"
    command = [sys.executable, str(ROOT / "benchmarks/detection.py"), "--jobs", "2", "--json", str(out)]
    command += ["--folder", str(out.parent), "--api", SESSIONS, "--depth", "quick", "--seeds", "1"]
    for name in ("none", *HANDFUL):
        command += ["--fault", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert out.exists(), done.stderr
    return {row["fault"]: row for row in json.loads(out.read_text())}


def test_without_a_fault_nothing_is_found(detection: dict[str, dict[str, Any]]) -> None:
    row = detection["none"]
    assert (row["exit"], row["red"], row["problem"]) == (0, [], None)


@pytest.mark.parametrize("name", HANDFUL)
def test_a_fault_is_found_by_its_rule(detection: dict[str, dict[str, Any]], name: str) -> None:
    row = detection[name]
    red = {line.split()[0] for line in row["red"]}
    assert row["exit"] == 1, row
    assert red & set(CATALOGUE[name].rules), row


def upstream(*routes: Route | WebSocketRoute) -> Starlette:
    return Starlette(routes=list(routes))


def test_a_fault_breaks_what_it_names_and_nothing_else() -> None:
    call = CONTRACT.call
    with running(create_app(CONTRACT)) as url, running(Proxy(url, CONTRACT, named("create-answers-201"))) as proxy:
        with httpx.Client(base_url=proxy) as client:
            made = client.request("POST", call("createSession").path)
            assert made.status_code == 201
            assert client.get(call("listSessions").path).status_code == 200
            assert client.get(call("getHistory", made.json()["id"]).path).json()["messages"] == []


def test_a_broken_connection_is_no_answer_at_all() -> None:
    history = CONTRACT.call("getHistory", "none").path
    with running(create_app(CONTRACT)) as url, running(Proxy(url, CONTRACT, named("connection-breaks"))) as proxy:
        headers = {"Authorization": "Bearer x"}
        assert [httpx.get(proxy + history, headers=headers).status_code for _ in range(2)] == [404, 404]
        with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
            httpx.get(proxy + history, headers=headers)


def test_a_fault_follows_an_edited_contract(tmp_path: Path) -> None:
    edited = tmp_path / "openapi.yaml"
    path = CONTRACT.operation("createSession").path
    text = (ROOT / "openapi.yaml").read_text().replace(f"  {path}:\n", "  /conversations:\n")
    edited.write_text(text)
    contract = Contract.load(edited)
    with running(create_app(contract)) as url, running(Proxy(url, contract, named("create-answers-201"))) as proxy:
        assert httpx.post(proxy + "/conversations").status_code == 201


def test_what_hangs_lets_go_when_the_client_leaves() -> None:
    history = CONTRACT.call("getHistory", "none").path
    with running(create_app(CONTRACT)) as url, running(Proxy(url, CONTRACT, named("never-answers"))) as proxy:
        with httpx.Client(base_url=proxy, headers={"Authorization": "Bearer x"}, timeout=0.3) as client:
            for _ in range(4):
                client.get(history)
            with pytest.raises(httpx.ReadTimeout):
                client.get(history)
            assert client.get(history).status_code == 404
        started = time.monotonic()
    assert time.monotonic() - started < 3


EVENTS = [b'data: {"choices": [{"delta": {"content": "%d "}}]}\n\n' % number for number in range(6)]
EVENTS += [b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n', b"data: [DONE]\n\n"]


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("token-lost", lambda body: body == b"".join(EVENTS[:2] + EVENTS[3:])),
        ("token-doubled", lambda body: body == b"".join(EVENTS[:3] + EVENTS[2:])),
        ("stream-without-done", lambda body: body == b"".join(EVENTS[:-1])),
        ("stream-finishes-twice", lambda body: body.count(b"finish_reason") == 2),
        ("stream-cut-in-an-event", lambda body: not body.endswith(b"\n")),
        ("stream-buffered", lambda body: body == b"".join(EVENTS)),
    ],
)
def test_a_stream_is_broken_as_its_fault_says(name: str, broken: Callable[[bytes], bool]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        whole = b"".join(EVENTS)
        for start in range(0, len(whole), 7):  # events need not arrive whole
            yield whole[start : start + 7]

    async def stream(_: Request) -> Response:
        return StreamingResponse(pieces(), media_type="text/event-stream")

    path = CONTRACT.operation("createChatCompletion").path
    with running(upstream(Route(path, stream, methods=["POST"]))) as url:
        with running(Proxy(url, CONTRACT, named(name))) as proxy:
            assert broken(httpx.post(proxy + path, json={"stream": True}).content)


def test_faults_for_a_socket_break_the_reply_and_leave_the_rest() -> None:
    ping, joined = "2", '42["connected", {}]'
    delta = '42["events", {"chat_id": "c", "data": {"type": "response:completion", "data": {"delta": "be"}}}]'
    assert CATALOGUE["socket-silent"].apis == (OPENWEBUI,)
    for name, wanted in (("socket-silent", []), ("socket-mishears", [delta.replace('"be"', '"b3"')])):
        fault = CATALOGUE[name]
        assert fault.told is not None
        tell = fault.told()
        assert (tell(ping), tell(joined), tell(delta)) == ([ping], [joined], wanted)


def test_two_requests_at_once_collide_and_one_after_the_other_do_not() -> None:
    path = CONTRACT.call("createSession").path
    with running(create_app(CONTRACT)) as url:
        with running(Proxy(url, CONTRACT, named("parallel-creates-collide"))) as proxy:

            async def create(client: httpx.AsyncClient) -> str:
                return str((await client.post(proxy + path, headers={"Authorization": "Bearer x"})).json()["id"])

            async def both() -> tuple[set[str], set[str]]:
                async with httpx.AsyncClient() as client:
                    return {await create(client), await create(client)}, set(
                        await asyncio.gather(create(client), create(client))
                    )

            apart, together = asyncio.run(both())
    assert (len(apart), len(together)) == (2, 1)
