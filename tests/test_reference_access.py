"""The reference server: who is let in, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from session_api import CONTRACT, actor, ask, client

from seatrial.exchange import NO_BODY
from seatrial.lab.reference import ANSWERS, create_app
from seatrial.lab.serving import running
from seatrial.verbs import said


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    """One server for the many requests that leave nothing behind."""
    with running(create_app(CONTRACT)) as url:
        yield url


@pytest.fixture(scope="module")
def owned() -> Iterator[str]:
    with running(create_app(CONTRACT, tokens=["ana-token", "rui-token"])) as url:
        yield url


# --- who may see it


def test_without_owners_credentials_are_ignored(shared: str) -> None:
    with client(shared, "whatever") as sender, client(shared) as nobody:
        session = actor(sender).create_session()
        assert session.id in [row.id for row in actor(nobody).list_sessions()]


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "ana-token", "Basic YW5hOnRva2Vu", "Bearer é"])
def test_with_owners_nobody_else_gets_in(owned: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    for operation in ANSWERS:
        values = ("any",) if CONTRACT.operation(operation).path_parameters else ()
        answer = ask(owned, operation, *values, json={"prompt": "hi"}, headers=headers)
        assert (operation, answer.status_code) == (operation, 401)
        assert list(answer.json()) == ["detail"]


def test_another_owners_session_is_like_a_missing_one(owned: str) -> None:
    with client(owned, "ana-token") as hers, client(owned, "rui-token") as his:
        session = actor(hers).create_session()
        turn = actor(hers).send_message(session, "mine")
        assert session.id not in [row.id for row in actor(his).list_sessions()]
        bearer = {"Authorization": "Bearer rui-token"}
        for operation, values, body in (
            ("getHistory", (session.id,), NO_BODY),
            ("deleteSession", (session.id,), NO_BODY),
            ("sendMessage", (), {"prompt": "now mine", "session_id": session.id}),
        ):
            answer, missing = (
                ask(owned, operation, *(made_up or v for v in values), json=change(body, made_up), headers=bearer)
                for made_up in ("", "0" * 32)
            )
            assert (answer.status_code, answer.json()) == (404, missing.json())
        assert [(line.role, line.content) for line in actor(hers).get_history(session.id)] == said([turn])


# --- what it refuses


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"prompt=hi", b"\xff\xfe\xfa", b"[" * 100_000, b"[]", b"null", b'"hi"', b"{}",
        b'{"prompt": ""}', b'{"prompt": null}', b'{"prompt": 5}', b'{"prompt": ["hi"]}', b'{"Prompt": "hi"}',
        b'{"prompt": "hi", "session_id": 5}', b'{"prompt": "hi", "session_id": null}',
        b'{"prompt": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_body_that_is_no_message_is_422_and_says_why(shared: str, body: bytes) -> None:
    answer = ask(shared, "sendMessage", content=body)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("made_up", ["x", "%00", "%2F", "é", "a/b", "😀", "' OR 1=1 --", "0" * 5000])
def test_a_made_up_id_is_a_missing_session(shared: str, made_up: str) -> None:
    for operation in ("getHistory", "deleteSession"):
        assert ask(shared, operation, made_up).status_code == 404
    assert ask(shared, "sendMessage", json={"prompt": "hi", "session_id": made_up}).status_code == 404
    assert ask(shared, "sendMessage", content=b'{"prompt": "hi", "session_id": "\\ud800"}').status_code == 404


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1/sessions/", "/api/v1/sessions/x/", "/api/v1/chat/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_path_that_the_contract_does_not_give_is_404_as_json(shared: str, method: str, path: str) -> None:
    answer = httpx.request(method, shared + path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("operation", "method", "allowed"),
    [
        ("listSessions", "DELETE", {"GET", "HEAD", "POST"}),
        ("sendMessage", "GET", {"POST"}),
        ("getModelInfo", "TRACE", {"GET", "HEAD"}),
        ("deleteSession", "GET", {"DELETE"}),
        ("getHistory", "PATCH", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_405_and_names_the_right_ones(
    shared: str, operation: str, method: str, allowed: set[str]
) -> None:
    values = ("x",) if CONTRACT.operation(operation).path_parameters else ()
    answer = httpx.request(method, shared + CONTRACT.call(operation, *values).path)
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_a_body_where_none_is_needed_changes_nothing(shared: str) -> None:
    assert ask(shared, "createSession", content=b"\xff{not json").status_code == 200


def change(body: Any, made_up: str) -> Any:
    return body | {"session_id": made_up} if made_up and isinstance(body, dict) else body
