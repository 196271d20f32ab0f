"""What stands in front may shut a run out in its middle: that is said, and is no fault of what stands behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from limited_openwebui import LimitedOpenWebUI, run

from contract_tests import contact
from contract_tests.contact import Contact
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.exchange import Call, Reply
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.target import ANONYMOUS, Target

PAGE = b"<!doctype html><html><title>Attention required</title></html>"
LIST = Call("listChats", "GET", "/api/v1/chats/")


class Door:
    """Answers with a page: everything once `after` requests of `prefix` have come, or only those of `prefix`."""

    def __init__(self, app: Any, status: int, after: int, prefix: str = "/", *, everything: bool = True) -> None:
        self._app, self._status, self._left, self._prefix = app, status, after, prefix
        self._everything = everything

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        of_them = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        self._left -= of_them
        if scope["type"] != "http" or self._left >= 0 or not (self._everything or of_them):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/html; charset=utf-8")]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})


@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize(("api", "test"), [(OPENWEBUI, "test_lifecycle.py"), (SESSIONS, "test_conformance.py")])
def test_a_run_that_is_shut_out_in_the_middle_is_inconclusive_and_finds_nothing(
    api: str, status: int, test: str, tmp_path: Path
) -> None:
    """While valid use is under way, and while generated requests are sent, to which a server error is a defect."""
    owners = ["ana", "rui", "eva"]
    app = LimitedOpenWebUI([]).app if api == OPENWEBUI else create_app(Contract.load(), tokens=owners)
    given = {} if api == OPENWEBUI else {"SEATRIAL_TOKEN": "\n".join(owners), "SEATRIAL_DISPOSABLE": "1"}
    with running(Door(app, status, 30)) as url:
        ended, findings = run(url, tmp_path / "run", test, **given)
    assert findings == []
    assert "has shut this address out" in (ended.problem or "")


def test_one_operation_that_answers_with_pages_is_found(tmp_path: Path) -> None:
    with running(Door(LimitedOpenWebUI([]).app, 403, 0, "/api/v1/chats/new", everything=False)) as url:
        ended, findings = run(url, tmp_path / "run", "test_lifecycle.py")
    assert ("valid-use", "createChat") in {(one.rule, one.operation) for one in findings}
    assert ended.problem is None


@pytest.mark.parametrize(
    ("api", "status", "kind", "body", "alive"),
    [
        (OPENWEBUI, 200, "application/json", b'{"version": "0.12.4"}', True),
        (OPENWEBUI, 429, "application/json", b"{}", True),
        (OPENWEBUI, 200, "text/html", PAGE, False),
        (OPENWEBUI, 502, "text/html", PAGE, False),
        (OPENWEBUI, 403, "text/html", PAGE, False),
        (OPENWEBUI, 200, "application/json", b"{}", False),
        (SESSIONS, 500, "application/json", b"{}", True),
    ],
)
def test_who_is_alive_answers_as_at_first(
    api: str, status: int, kind: str, body: bytes, alive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact, "ALIVE_PAUSE", 0.0)

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode())]})
        await send({"type": "http.response.body", "body": body})

    with running(app) as url:
        assert _contact(url, api).is_alive() is alive


def test_a_target_that_is_gone_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "ALIVE_PAUSE", 0.0)
    assert not _contact("http://127.0.0.1:9", OPENWEBUI).is_alive()


def test_what_is_no_page_asks_nobody() -> None:
    it = _contact("http://127.0.0.1:9", OPENWEBUI)
    it.demand(Reply(LIST, 403, {"content-type": "application/json"}, b"{}"))
    it.demand(Reply(LIST, 404, {"content-type": "text/html"}, PAGE))
    it.demand(Reply(LIST, 403, {"content-type": "text/html"}, PAGE))
    assert not it.is_shut


def _contact(url: str, api: str) -> Contact:
    class Crew:
        target, contract = Target(url), Contract.load()

    Crew.api = api  # type: ignore[attr-defined]
    crew: Any = Crew()
    return Contact(crew, ANONYMOUS, lambda *_: None, lambda: None)
