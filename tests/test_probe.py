"""The first contact: which API a target speaks, and plain words where it speaks neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from seatrial.client import Client
from seatrial.contract import Contract, default_path
from seatrial.errors import Inconclusive
from seatrial.lab.reference import create_app
from seatrial.lab.serving import free_port, running
from seatrial.probe import Deployment, probe
from seatrial.target import Target

CONTRACT = Contract.load()
PAGE = "<!doctype html><html><title>Open WebUI</title></html>"
Answer = Callable[[httpx.Request], httpx.Response]


def meet(answer: Answer, wanted: str = "auto") -> Deployment:
    target = Target("http://target.example")
    with Client(target, transport=httpx.MockTransport(answer)) as client:
        return probe(client, CONTRACT, wanted)


def open_webui(request: httpx.Request) -> httpx.Response:
    """As a real one answers: the version as JSON, and its web app in place of every unknown page."""
    if request.url.path == CONTRACT.operation("getVersion").path:
        return httpx.Response(200, json={"version": "0.12.4", "deployment_id": ""})
    return httpx.Response(200, html=PAGE)


def page(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, html=PAGE)


def nothing(_: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json={"detail": "Not Found"})


@pytest.mark.parametrize("tokens", [[], ["ana"]])
@pytest.mark.parametrize("wanted", ["auto", "sessions"])
def test_the_session_api_is_known_open_or_with_owners(tokens: list[str], wanted: str) -> None:
    with running(create_app(CONTRACT, tokens=tokens)) as url, Client(Target(url)) as client:
        assert probe(client, CONTRACT, wanted) == Deployment("sessions")


def test_the_session_api_is_known_under_the_paths_of_somebodys_copy(tmp_path: Path) -> None:
    copy = tmp_path / "mine.yaml"
    text = default_path().read_text("utf-8").replace("/api/v1/sessions", "/v2/talks")
    copy.write_text(text.replace('url: "http://localhost:9090"', 'url: "http://localhost:9090/llm"'), "utf-8")
    mine = Contract.load(copy)
    with running(create_app(mine)) as url, Client(Target(url + mine.prefix("sessions"))) as client:
        assert probe(client, mine) == Deployment("sessions")
        with pytest.raises(Inconclusive, match="serves neither API"):
            probe(client, CONTRACT)


@pytest.mark.parametrize("wanted", ["auto", "openwebui"])
def test_an_open_webui_is_known_with_its_version(wanted: str) -> None:
    assert meet(open_webui, wanted) == Deployment("openwebui", "0.12.4", "Open WebUI")


def test_an_open_webui_does_not_pass_for_the_session_api_although_it_answers_200() -> None:
    with pytest.raises(Inconclusive) as error:
        meet(open_webui, "sessions")
    said = str(error.value)
    assert "does not serve the Session API; it serves Open WebUI's (version 0.12.4)" in said
    assert "GET /api/v1/sessions the web app answers" in said
    assert "lab reference --upstream" in said


def test_the_session_api_does_not_pass_for_an_open_webui() -> None:
    with running(create_app(CONTRACT)) as url, Client(Target(url)) as client:
        with pytest.raises(Inconclusive, match="serves the Session API, not Open WebUI"):
            probe(client, CONTRACT, "openwebui")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (page, "200 with an HTML page"),
        (nothing, "404 application/json"),
        (lambda _: httpx.Response(200, json=["version"]), "200 application/json"),
        (lambda _: httpx.Response(200, json={"version": 5}), "200 application/json"),
        (lambda _: httpx.Response(200, text='{"version": "1"}'), "200 text/plain"),
        (lambda _: httpx.Response(204), "204 without a content type"),
        (
            lambda _: httpx.Response(302, headers={"Location": "/login"}),
            "302, a redirect to '/login' (none is followed",
        ),
        (lambda _: httpx.Response(308, html=PAGE, headers={"Location": "https://x"}), "308, a redirect to 'https://x'"),
        (lambda _: httpx.Response(200, content=b"[" * 100_000, headers={"Content-Type": "application/json"}), "200"),
        (lambda _: httpx.Response(200, content=b"{", headers={"Content-Type": "application/json"}), "200"),
    ],
)
def test_a_target_that_speaks_neither_is_told_with_what_it_answers(answer: Answer, said: str) -> None:
    with pytest.raises(Inconclusive, match="serves neither API") as error:
        meet(answer)
    assert "GET /api/version answers " in str(error.value)
    assert said in str(error.value)
    assert len(str(error.value)) < 600


def test_nothing_there_is_told_in_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(Target(url)) as client, pytest.raises(Inconclusive, match=f"{url} does not answer: connection refused"):
        probe(client, CONTRACT)


def test_a_connection_that_drops_once_is_no_deployment_that_is_down() -> None:
    calls: list[str] = []

    def drops_first(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        if len(calls) == 1:
            raise httpx.RemoteProtocolError("Server disconnected")
        return open_webui(request)

    assert meet(drops_first).api == "openwebui"


def test_the_first_contact_only_reads() -> None:
    methods: set[str] = set()

    def answer(request: httpx.Request) -> httpx.Response:
        methods.add(request.method)
        return open_webui(request)

    meet(answer)
    assert methods == {"GET"}


def test_an_open_webui_behind_a_sign_in_of_its_own_is_told_so_that_one_can_act() -> None:
    def sign_in_page(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, html="<html>Sign in</html>")

    with pytest.raises(Inconclusive, match="401 with an HTML page"):
        meet(sign_in_page)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_what_refuses_unknown_paths_as_json_in_front_of_an_open_webui_does_not_hide_it(status: int) -> None:
    def gateway(request: httpx.Request) -> httpx.Response:
        known = request.url.path == CONTRACT.operation("getVersion").path
        return open_webui(request) if known else httpx.Response(status, json={"detail": "not listed"})

    assert meet(gateway) == Deployment("openwebui", "0.12.4", "Open WebUI")
