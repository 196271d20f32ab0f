"""The contract file itself: valid, complete, and its examples true to their schemas. No server is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

CONTRACT = Path(__file__).resolve().parent.parent / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
URN = "urn:seatrial:contract"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

BRIEF = {
    "sendMessage": ("post", "/api/v1/chat"),
    "getModelInfo": ("get", "/api/v1/model"),
    "createSession": ("post", "/api/v1/sessions"),
    "listSessions": ("get", "/api/v1/sessions"),
    "deleteSession": ("delete", "/api/v1/sessions/{session_id}"),
    "getHistory": ("get", "/api/v1/sessions/{session_id}/history"),
}


def resolved(node: Any) -> Any:
    """The node itself, or what its `$ref` points to."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def walk(node: Any, where: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of the file, with its place."""
    if isinstance(node, dict):
        yield where, node
        for key, value in node.items():
            yield from walk(value, f"{where}/{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from walk(value, f"{where}/{i}")


def rooted(schema: Any) -> Any:
    """The schema with references that a registry can follow into the whole file."""
    if isinstance(schema, dict):
        return {key: URN + value if key == "$ref" else rooted(value) for key, value in schema.items()}
    return [rooted(item) for item in schema] if isinstance(schema, list) else schema


def media_types() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every media type object of a request or a response, with its place."""
    for _, _, operation in operations():
        name = operation["operationId"]
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} request {media}", content
        for status, response in operation["responses"].items():
            for media, content in resolved(response).get("content", {}).items():
                yield f"{name} {status} {media}", content


def examples() -> Iterator[Any]:
    for place, content in media_types():
        for name, example in content.get("examples", {}).items():
            yield pytest.param(content["schema"], resolved(example)["value"], id=f"{place} {name}")
    for place, node in walk(DOCUMENT):
        if {"in", "schema", "name"} <= node.keys():
            if "example" in node:
                yield pytest.param(node["schema"], node["example"], id=f"{place} example")
            for name, example in node.get("examples", {}).items():
                yield pytest.param(node["schema"], example["value"], id=f"{place} {name}")


@pytest.fixture(scope="module")
def registry() -> Any:
    return Registry().with_resource(URN, Resource.from_contents(DOCUMENT, default_specification=DRAFT202012))


def named_operations() -> list[Any]:
    return [pytest.param(operation, id=operation["operationId"]) for _, _, operation in operations()]


def test_the_contract_is_a_valid_openapi_document() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_the_contract_refers_to_nothing_outside_itself() -> None:
    outside = [node["$ref"] for _, node in walk(DOCUMENT) if "$ref" in node and not node["$ref"].startswith("#/")]
    assert outside == []


def test_the_six_operations_of_the_brief_are_exactly_there() -> None:
    ours = {
        operation["operationId"]: (method, path)
        for method, path, operation in operations()
        if operation["tags"] == ["Session API"]
    }
    assert ours == BRIEF


@pytest.mark.parametrize("name", BRIEF)
def test_a_session_operation_succeeds_with_200_alone_and_needs_no_credentials(name: str) -> None:
    method, path = BRIEF[name]
    operation = DOCUMENT["paths"][path][method]
    assert [status for status in operation["responses"] if status < "400"] == ["200"]
    assert {} in operation["security"]
    assert DOCUMENT["paths"][path]["servers"][0]["url"] == "http://localhost:9090"


def test_creating_a_session_takes_no_body_and_sending_needs_the_prompt_alone() -> None:
    assert "requestBody" not in DOCUMENT["paths"]["/api/v1/sessions"]["post"]
    body = DOCUMENT["paths"]["/api/v1/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["prompt"]


def test_the_first_group_of_tags_is_the_session_api_and_every_tag_is_in_one_group() -> None:
    groups = DOCUMENT["x-tagGroups"]
    assert [group["name"] for group in groups] == ["Session API", "Open WebUI"]
    grouped = [tag for group in groups for tag in group["tags"]]
    assert sorted(grouped) == sorted(tag["name"] for tag in DOCUMENT["tags"])
    assert len(grouped) == len(set(grouped))


@pytest.mark.parametrize("operation", named_operations())
def test_every_operation_has_one_grouped_tag_a_summary_and_a_description(operation: dict[str, Any]) -> None:
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in [tag for group in DOCUMENT["x-tagGroups"] for tag in group["tags"]]
    assert operation["summary"]
    assert operation["description"]


def test_every_operation_id_is_camel_case_and_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert [name for name in ids if not re.fullmatch(r"[a-z]+([A-Z][a-z]*)+", name)] == []
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("operation", named_operations())
def test_an_operation_that_takes_credentials_and_refuses_bad_ones_documents_401(operation: dict[str, Any]) -> None:
    anybody = operation.get("security") == [] or operation["operationId"] == "getConfig"
    assert anybody or "401" in operation["responses"]


@pytest.mark.parametrize(("place", "content"), list(media_types()))
def test_every_body_has_a_schema_and_a_named_example(place: str, content: dict[str, Any]) -> None:
    assert content.get("schema"), place
    assert content.get("examples"), place
    assert all(resolved(example)["summary"] for example in content["examples"].values())


@pytest.mark.parametrize("operation", named_operations())
def test_every_documented_status_has_a_body(operation: dict[str, Any]) -> None:
    assert [
        status for status, response in operation["responses"].items() if not resolved(response).get("content")
    ] == []


@pytest.mark.parametrize(("schema", "value"), list(examples()))
def test_every_documented_example_is_valid_against_its_schema(schema: Any, value: Any, registry: Any) -> None:
    validator = Draft202012Validator(rooted(schema), registry=registry)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)] == []


def test_every_link_leads_to_an_operation_and_to_parameters_that_it_has() -> None:
    parameters = {
        operation["operationId"]: {
            resolved(parameter)["name"]
            for parameter in [*DOCUMENT["paths"][path].get("parameters", ()), *operation.get("parameters", ())]
        }
        for _, path, operation in operations()
    }
    for place, node in walk(DOCUMENT):
        for name, link in node.get("links", {}).items():
            assert link["operationId"] in parameters, f"{place} {name}"
            assert set(link.get("parameters", {})) <= parameters[link["operationId"]], f"{place} {name}"


def test_every_version_marker_is_a_quoted_version_within_the_contracts_range() -> None:
    numbers = {key: version(DOCUMENT["info"][f"x-{key}-release"]) for key in ("oldest", "newest")}
    for place, node in walk(DOCUMENT):
        for marker in ("x-since", "x-until"):
            if marker in node:
                assert isinstance(node[marker], str), place
                assert numbers["oldest"] < version(node[marker]) <= numbers["newest"], place


def version(text: str) -> tuple[int, ...]:
    assert re.fullmatch(r"\d+\.\d+\.\d+", text), text
    return tuple(map(int, text.split(".")))


def test_every_required_field_is_described() -> None:
    for place, node in walk(DOCUMENT):
        if isinstance(node.get("required"), list) and "properties" in node:
            assert set(node["required"]) <= node["properties"].keys(), place


def test_nothing_that_is_referred_to_is_marked_with_a_version() -> None:
    """Cutting the contract down to one release would leave a reference to nothing."""
    for place, node in walk(DOCUMENT):
        if "$ref" in node:
            assert not {"x-since", "x-until"} & resolved(node).keys(), place


def test_every_component_is_used() -> None:
    used = {node["$ref"] for _, node in walk(DOCUMENT) if "$ref" in node}
    kinds = ("schemas", "responses", "parameters", "examples")
    there = {f"#/components/{kind}/{name}" for kind in kinds for name in DOCUMENT["components"][kind]}
    assert there - used == set()


def test_responses_allow_fields_that_later_releases_add() -> None:
    closed = [
        f"{operation['operationId']} {status} {place}"
        for _, _, operation in operations()
        for status, response in operation["responses"].items()
        for place, node in walk(unfolded(resolved(response)))
        if node.get("additionalProperties") is False
    ]
    assert closed == []


def unfolded(node: Any) -> Any:
    """The node with every reference replaced by what it points to."""
    node = resolved(node)
    if isinstance(node, dict):
        return {key: unfolded(value) for key, value in node.items()}
    return [unfolded(item) for item in node] if isinstance(node, list) else node


def test_deleting_all_chats_is_not_described() -> None:
    assert "delete" not in DOCUMENT["paths"]["/api/v1/chats/"]


def test_accounts_keys_and_sign_ins_are_never_generated() -> None:
    never = {operation["operationId"] for _, _, operation in operations() if operation.get("x-seatrial") == "never"}
    assert never == {"signIn", "createApiKey", "getApiKey", "deleteApiKey", "addUser", "deleteUser", "searchUsers"}
