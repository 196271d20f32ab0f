"""The contract: `openapi.yaml`, read once, the only place where a path is written in full.

contract = Contract.load()                      # the one that ships with Seatrial
contract = Contract.load("my.yaml").at("0.9.6") # a copy, as that release answers
call = contract.call("getChat", chat_id)
faults = contract.violations(reply)             # the second validator's opinion
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from seatrial.contract_file import Located, read
from seatrial.errors import ContractError
from seatrial.exchange import NO_BODY, Call, Reply
from seatrial.release import Release, within

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
SESSIONS, OPENWEBUI = "sessions", "openwebui"
GROUPS = {SESSIONS: "Session API", OPENWEBUI: "Open WebUI"}
_URN = "urn:seatrial:contract"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what is sent, and which statuses with which bodies may come back."""

    id: str
    method: str
    path: str
    api: str
    tag: str
    never: bool
    parameters: tuple[Mapping[str, Any], ...]
    responses: Mapping[str, Mapping[str, Any]]
    raw: Mapping[str, Any]

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """Their names, in the order of the path: code binds them by position, so they may be renamed."""
        parts = self.path.split("{")[1:]
        return tuple(part.split("}")[0] for part in parts)

    @property
    def statuses(self) -> tuple[int, ...]:
        return tuple(int(status) for status in self.responses if status.isdigit())

    def unprovoked(self, status: int) -> str | None:
        """Why a verification does not bring this status about, where the contract says so."""
        reason = self.responses.get(str(status), {}).get("x-seatrial-unprovoked")
        return str(reason) if reason else None

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")

    def query_name(self, position: int) -> str:
        return [str(p["name"]) for p in self.parameters if p.get("in") == "query"][position]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which an answer departs from the contract. `where` is a JSON path, or "status" and the like."""

    kind: str
    where: str
    expected: str
    received: str


class Contract:
    """An OpenAPI document whose operations are known by their operationId."""

    def __init__(self, document: Mapping[str, Any], source: str, release: Release | None = None) -> None:
        self.document, self.source, self.release = document, source, release
        self.operations = {operation.id: operation for operation in _operations(document)}

    @classmethod
    def load(cls, path: str | Path | None = None) -> Contract:
        """Read and check a contract. Raises `ContractError` with file, line and reason."""
        where = Path(path) if path else default_path()
        located = read(where)
        contract = cls(located.document, where.name if path is None else str(path))
        contract._demand_operations(located)
        return contract

    def _demand_operations(self, located: Located) -> None:
        for api in GROUPS:
            if found := self.of(api):
                missing = REQUIRED[api] - {operation.id for operation in found}
                if missing:
                    raise ContractError(self.source, located.line(("paths",)), f"no operation {min(missing)}")
        if not self.operations:
            raise ContractError(self.source, located.line(("paths",)), "describes no operation that Seatrial knows")

    def at(self, version: str | None) -> Contract:
        """The contract as one release keeps it: what came later or went earlier is taken out."""
        release = Release.parse(version)
        if release is None:
            return self
        document = copy.deepcopy(dict(self.document))
        _cut(document, release)
        return Contract(document, self.source, release)

    def of(self, api: str) -> list[Operation]:
        return [operation for operation in self.operations.values() if operation.api == api]

    def operation(self, operation_id: str) -> Operation:
        try:
            return self.operations[operation_id]
        except KeyError:
            raise ContractError(self.source, None, f"no operation {operation_id}") from None

    @property
    def newest(self) -> str | None:
        """The newest release of Open WebUI that this contract was checked against."""
        value = self.document.get("info", {}).get("x-newest-release")
        return str(value) if value else None

    def prefix(self, api: str) -> str:
        """The path of the first server of an API: where its operations start when no URL is given."""
        for operation in self.of(api):
            servers = self.document["paths"][operation.path].get("servers") or self.document.get("servers") or []
            if servers:
                return urlsplit(str(servers[0]["url"])).path.rstrip("/")
        return ""

    def call(
        self,
        operation_id: str,
        *path_values: str,
        query: Mapping[str, object] | None = None,
        json: Any = NO_BODY,
        headers: Mapping[str, str] | None = None,
    ) -> Call:
        """A request for an operation. Path values fill the path's parameters in their order.

        Raises `ValueError` for a value that a client or proxy would resolve away: `DELETE /chats/{id}` with an
        empty id deletes all chats of an account.
        """
        operation = self.operation(operation_id)
        path = operation.path
        if any(not value or value.strip(".") == "" for value in path_values):
            raise ValueError(f"{operation_id}: no path value may be empty or made of dots: {path_values}")
        for name, value in zip(operation.path_parameters, path_values, strict=True):
            path = path.replace("{" + name + "}", quote(value, safe=""))
        params = tuple((name, str(value)) for name, value in (query or {}).items())
        return Call(operation_id, operation.method, path, params, json, dict(headers or {}), path_values)

    def violations(self, reply: Reply) -> Iterator[Fault]:
        """Hold an answer to the contract: status, content type, body. Yields nothing when it keeps it."""
        operation = self.operations.get(reply.call.operation)
        if operation is None or reply.cut:
            return
        response = operation.responses.get(str(reply.status)) or operation.responses.get("default")
        if response is None:
            documented = ", ".join(operation.responses)
            yield Fault("status", f"status {reply.status}", f"one of {documented}", f"{reply.status} {reply.excerpt()}")
            return
        content = response.get("content") or {}
        if not content:
            return
        media = reply.media_type
        if media not in content:
            yield Fault(
                "content-type", "content-type", " or ".join(content), f"{media or 'none'}: {reply.excerpt(120)}"
            )
            return
        if not reply.is_json:
            return
        try:
            body = reply.document()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the body is the finding
            yield Fault("body", "$", "readable JSON", str(error)[:300])
            return
        key = (operation.id, str(reply.status) if str(reply.status) in operation.responses else "default", media)
        try:
            yield from _schema_faults(self._validator(key), body)
        except RecursionError:
            yield Fault("body", "$", "JSON of a reasonable depth", "JSON nested too deep to check")

    def _validator(self, key: tuple[str, str, str]) -> Any:
        if key not in self._validators:
            operation_id, status, media = key
            schema = self.operations[operation_id].responses[status]["content"][media].get("schema", True)
            rooted = _rooted(schema)
            self._validators[key] = jsonschema.Draft202012Validator(rooted, registry=self._registry)
        return self._validators[key]

    @cached_property
    def _validators(self) -> dict[tuple[str, str, str], Any]:
        return {}

    @cached_property
    def _registry(self) -> Any:
        resource: Any = Resource.from_contents(self.document, default_specification=DRAFT202012)
        empty: Any = Registry()
        return empty.with_resource(_URN, resource)


REQUIRED = {
    SESSIONS: {"sendMessage", "getModelInfo", "createSession", "listSessions", "deleteSession", "getHistory"},
    OPENWEBUI: {
        "getVersion", "signIn", "getCurrentUser", "listModels", "createChat", "listChats", "getChat", "deleteChat",
        "createChatCompletion", "listChatTasks",
    },
}  # fmt: skip


def default_path() -> Path:
    """The contract inside the package, or in the checkout when Seatrial is installed in place."""
    packaged = Path(str(resources.files("seatrial") / "openapi.yaml"))
    return packaged if packaged.exists() else Path(__file__).resolve().parent.parent / "openapi.yaml"


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    groups = {tag: group.get("name") for group in document.get("x-tagGroups", ()) for tag in group.get("tags", ())}
    apis = {name: api for api, name in GROUPS.items()}
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            raw = item.get(method)
            if raw is None or "operationId" not in raw:
                continue
            tag = str((raw.get("tags") or [""])[0])
            if groups.get(tag) not in apis:
                continue
            shared = [*item.get("parameters", ()), *raw.get("parameters", ())]
            yield Operation(
                id=str(raw["operationId"]),
                method=method.upper(),
                path=str(path),
                api=apis[groups[tag]],
                tag=tag,
                never=raw.get("x-seatrial") == "never",
                parameters=tuple(_resolved(document, parameter) for parameter in shared),
                responses={str(s): _resolved(document, r) for s, r in raw.get("responses", {}).items()},
                raw=raw,
            )


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a `$ref` inside the document; keys beside it stay."""
    while "$ref" in node:
        target: Any = document
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _rooted(schema: Any) -> Any:
    """The schema with its references pointing into the whole document."""
    if isinstance(schema, dict):
        return {
            key: _URN + value if key == "$ref" and isinstance(value, str) and value.startswith("#") else _rooted(value)
            for key, value in schema.items()
        }
    return [_rooted(item) for item in schema] if isinstance(schema, list) else schema


def _cut(node: Any, release: Release, *, keep: bool = False) -> None:
    """Take out, in place, what a release does not have: marked nodes, and the demand for marked properties.

    A property stays described outside its releases (typed and allowed), so with `keep` none is deleted.
    """
    if isinstance(node, list):
        for item in node:
            _cut(item, release)
    if not isinstance(node, dict):
        return
    properties, required = node.get("properties"), node.get("required")
    if isinstance(properties, dict) and isinstance(required, list):
        node["required"] = [name for name in required if within(properties.get(name, {}), release)]
    for key, value in list(node.items()):
        if isinstance(value, dict) and not keep and not within(value, release):
            del node[key]
        else:
            _cut(value, release, keep=key == "properties")


def _schema_faults(validator: Any, body: Any) -> Iterator[Fault]:
    for error in validator.iter_errors(body):
        for leaf in _leaves(error):
            expected = f"{leaf.validator}: {_short(leaf.validator_value)}"
            if leaf.validator == "required":
                missing = [name for name in leaf.validator_value if name not in leaf.instance]
                for name in missing:
                    if leaf.message.startswith(repr(name)):
                        yield Fault("body", _join(leaf.json_path, name), "this field", "nothing")
            else:
                yield Fault("body", leaf.json_path, expected, _short(leaf.instance))


def _leaves(error: Any) -> Iterator[Any]:
    """The most telling errors under a failed anyOf or oneOf: those that reach deepest."""
    if not error.context:
        yield error
        return
    best = jsonschema.exceptions.best_match([error])
    yield best if best is not None else error


def _join(path: str, name: str) -> str:
    return f"{path}.{name}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 160 else text[:160] + "…"
