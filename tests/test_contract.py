"""The contract as code: what a release has, how paths are filled, and which answers depart from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.contract import OPENWEBUI, SESSIONS, Contract, default_path
from seatrial.errors import ContractError
from seatrial.exchange import Call, Reply
from seatrial.release import Release

CHAT = {
    "type": "object",
    "required": ["id", "title", "tasks", "old"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": ["string", "null"]},
        "tasks": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}, "x-since": "0.10.2"},
        "old": {"type": "integer", "x-until": "0.9.6"},
    },
}
TASK = {
    "type": "object",
    "required": ["kind"],
    "properties": {"kind": {"anyOf": [{"const": "title"}, {"type": "object", "required": ["name"]}]}},
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "x-tagGroups": [{"name": "Open WebUI", "tags": ["Chats"]}, {"name": "Session API", "tags": ["Sessions"]}],
    "paths": {
        "/chats/{chat_id}/parts/{part_id}": {
            "servers": [{"url": "https://example.org/base/"}],
            "parameters": [{"name": "chat_id", "in": "path"}, {"name": "part_id", "in": "path"}],
            "get": {
                "operationId": "getPart",
                "tags": ["Chats"],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Chat"}}}},
                    "204": {"description": "nothing"},
                    "404": {"$ref": "#/components/responses/Missing"},
                    "409": {"x-since": "0.12.4", "content": {"application/json": {}}},
                },
            },
            "post": {"operationId": "movePart", "tags": ["Chats"], "x-since": "0.10.2", "responses": {"200": {}}},
            "delete": {"operationId": "other", "tags": ["Elsewhere"], "responses": {"200": {}}},
        }
    },
    "components": {
        "schemas": {"Chat": CHAT, "Task": TASK},
        "responses": {"Missing": {"content": {"application/json": {"schema": {"required": ["detail"]}}}}},
    },
}


@pytest.fixture
def contract() -> Contract:
    return Contract(DOCUMENT, "small.yaml")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Somebody's own copy of the contract, to be edited."""
    path = tmp_path / "mine.yaml"
    path.write_text(default_path().read_text("utf-8"), encoding="utf-8")
    return path


def reply(contract: Contract, status: int, body: Any, media: str = "application/json") -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(contract.call("getPart", "c", "p"), status, {"content-type": media}, content)


def kinds(contract: Contract, status: int, body: Any, media: str = "application/json") -> list[tuple[str, str]]:
    return [(fault.kind, fault.where) for fault in contract.violations(reply(contract, status, body, media))]


# --- releases


def test_versions_are_compared_as_numbers() -> None:
    versions = [Release.parse(text) for text in ("0.9.6", "v0.10.2", "0.12.4", "1.0")]
    assert versions == sorted(versions, key=lambda release: release.numbers if release else ())
    assert Release.parse("nightly") is None


@pytest.mark.parametrize(
    ("version", "required"),
    [
        ("0.9.4", {"id", "title", "old"}),
        ("0.9.6", {"id", "title", "old"}),
        ("0.10.1", {"id", "title"}),
        ("0.10.2", {"id", "title", "tasks"}),
        (None, {"id", "title", "tasks", "old"}),
    ],
)
def test_a_release_owes_only_the_fields_that_it_has(
    contract: Contract, version: str | None, required: set[str]
) -> None:
    missing = {where.removeprefix("$.") for _, where in kinds(contract.at(version), 200, {})}
    assert missing == required


def test_a_field_outside_its_releases_may_be_there_and_keeps_its_type(contract: Contract) -> None:
    old = contract.at("0.9.6")
    body = {"id": "c", "title": None, "old": 1}
    assert kinds(old, 200, body | {"tasks": []}) == []
    assert kinds(old, 200, body | {"tasks": "many"}) == [("body", "$.tasks")]


def test_a_status_or_operation_outside_its_releases_is_not_there(contract: Contract) -> None:
    assert kinds(contract.at("0.12.4"), 409, {}) == []
    assert kinds(contract.at("0.12.3"), 409, {}) == [("status", "status 409")]
    assert "movePart" in contract.at("0.10.2").operations
    assert "movePart" not in contract.at("0.9.6").operations


def test_cutting_for_one_release_leaves_the_contract_as_it_was(contract: Contract) -> None:
    before = json.dumps(DOCUMENT)
    contract.at("0.9.4")
    assert json.dumps(DOCUMENT) == before
    assert {name for _, name in kinds(contract, 200, {})} == {"$.id", "$.title", "$.tasks", "$.old"}


def test_a_version_that_says_nothing_cuts_nothing(contract: Contract) -> None:
    assert contract.at("nightly") is contract


# --- paths


def test_path_values_are_bound_by_position_and_encoded(contract: Contract) -> None:
    call = contract.call("getPart", "a/b?c", "{chat_id} é", query={"page": 2})
    assert (call.method, call.path) == ("GET", "/chats/a%2Fb%3Fc/parts/%7Bchat_id%7D%20%C3%A9")
    assert (call.params, call.values) == ((("page", "2"),), ("a/b?c", "{chat_id} é"))


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_an_id_that_would_be_resolved_away_is_never_sent(contract: Contract, value: str) -> None:
    with pytest.raises(ValueError, match="empty or made of dots"):
        contract.call("getPart", "c", value)


@pytest.mark.parametrize("values", [(), ("c",), ("c", "p", "x")])
def test_a_missing_or_surplus_path_value_is_an_error(contract: Contract, values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        contract.call("getPart", *values)


def test_paths_and_parameters_may_be_renamed_in_a_copy(copy: Path) -> None:
    text = copy.read_text("utf-8")
    text = text.replace("/api/v1/sessions/{session_id}", "/v2/talks/{talk-id}").replace(
        "name: session_id\n      in: path", "name: talk-id\n      in: path"
    )
    copy.write_text(text.replace("parameters: {session_id:", "parameters: {talk-id:"), encoding="utf-8")
    contract = Contract.load(copy)
    assert contract.call("getHistory", "s1").path == "/v2/talks/s1/history"
    assert contract.operation("deleteSession").path_parameters == ("talk-id",)


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("http://localhost:9090", ""),
        ("http://localhost:9090/", ""),
        ("https://chat.example.org/llm/", "/llm"),
        ("/llm", "/llm"),
    ],
)
def test_the_prefix_is_the_path_of_the_apis_first_server(copy: Path, url: str, prefix: str) -> None:
    copy.write_text(copy.read_text("utf-8").replace('url: "http://localhost:9090"', f'url: "{url}"'), encoding="utf-8")
    assert Contract.load(copy).prefix(SESSIONS) == prefix


def test_operations_outside_the_two_apis_are_left_alone(contract: Contract) -> None:
    assert set(contract.operations) == {"getPart", "movePart"}
    assert contract.prefix(OPENWEBUI) == "/base"
    with pytest.raises(ContractError, match="no operation other"):
        contract.operation("other")


# --- files


def test_a_copy_without_one_of_the_six_operations_names_it_and_the_file(copy: Path) -> None:
    text = copy.read_text("utf-8").replace("operationId: getHistory\n", "operationId: readHistory\n", 1)
    copy.write_text(text.replace("operationId: getHistory", "operationId: readHistory"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"mine\.yaml:\d+: no operation getHistory"):
        Contract.load(copy)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("openapi: 3.1.0\ninfo: {title: a: b}\n", ":2: "),
        ("", ":1: is no OpenAPI document"),
        ("- a\n- b\n", "is no OpenAPI document"),
        ("swagger: '2.0'\n", "must be OpenAPI 3.1"),
        ("openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {}\n", "describes no operation"),
        ("openapi: 3.1.0\ninfo: {title: x}\npaths: {}\n", "version"),
        ("openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths:\n  /a:\n    get: 5\n", ":5: "),
    ],
)
def test_a_file_that_is_no_contract_is_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as error:
        Contract.load(path)
    assert said in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_or_no_text_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"none\.yaml: cannot be read: No such file"):
        Contract.load(tmp_path / "none.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\x89PNG\xff")
    with pytest.raises(ContractError, match="is not UTF-8 text"):
        Contract.load(tmp_path / "image.yaml")


def test_a_reference_that_leads_nowhere_is_found_when_the_file_is_read(copy: Path) -> None:
    text = copy.read_text("utf-8").replace("#/components/schemas/ModelInfo", "#/components/schemas/Nothing", 1)
    copy.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError):
        Contract.load(copy)


# --- answers


def test_an_answer_that_keeps_the_contract_has_no_faults(contract: Contract) -> None:
    body = {"id": "c", "title": "t", "tasks": [{"kind": "title"}, {"kind": {"name": "x"}}], "old": 1, "new_field": {}}
    assert kinds(contract, 200, body) == []
    assert kinds(contract, 200, body, "application/json; charset=utf-8") == []


@pytest.mark.parametrize(
    ("status", "body", "media", "found"),
    [
        (500, {}, "application/json", ("status", "status 500")),
        (302, {}, "application/json", ("status", "status 302")),
        (200, b"<!doctype html>", "text/html", ("content-type", "content-type")),
        (404, b"not found", "text/plain", ("content-type", "content-type")),
        (200, b'{"id": "c', "application/json", ("body", "$")),
        (200, b"\xff\xfe\xfa", "application/json", ("body", "$")),
        (200, b"[" * 100_000, "application/json", ("body", "$")),
        (200, [], "application/json", ("body", "$")),
        (404, {"error": "x"}, "application/json", ("body", "$.detail")),
    ],
)
def test_status_content_type_and_body_are_held_to_the_contract(
    contract: Contract, status: int, body: Any, media: str, found: tuple[str, str]
) -> None:
    assert kinds(contract, status, body, media) == [found]


def test_each_missing_field_and_each_wrong_type_is_a_fault_of_its_own(contract: Contract) -> None:
    body = {"title": 5, "tasks": [{"kind": "title"}, {"kind": "other"}, {}], "old": 1}
    assert sorted(where for _, where in kinds(contract, 200, body)) == [
        "$.id",
        "$.tasks[1].kind",
        "$.tasks[2].kind",
        "$.title",
    ]


@pytest.mark.parametrize("cut", ["deadline", "size", "encoding"])
def test_a_body_without_an_end_is_told_and_what_came_of_it_is_not_judged(contract: Contract, cut: str) -> None:
    whole = reply(contract, 200, b"{")
    (fault,) = contract.violations(Reply(whole.call, 200, whole.headers, whole.body, cut=cut))
    assert (fault.where, fault.expected) == (f"body ({cut})", "a whole body")
    stream = {"content-type": "text/event-stream"}
    assert list(contract.violations(Reply(whole.call, 200, stream, whole.body, cut=cut))) == []


def test_a_body_that_broke_off_is_not_judged_here_since_the_target_may_have_died(contract: Contract) -> None:
    whole = reply(contract, 200, b"{")
    assert list(contract.violations(Reply(whole.call, 200, whole.headers, whole.body, cut="closed"))) == []


def test_a_call_that_the_contract_does_not_know_is_not_judged(contract: Contract) -> None:
    assert list(contract.violations(Reply(Call("unknown", "GET", "/"), 200, {}, b""))) == []


def test_a_status_without_content_may_answer_anything(contract: Contract) -> None:
    assert kinds(contract, 204, b"", "") == []
