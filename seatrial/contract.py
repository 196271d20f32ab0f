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

from seatrial.contract_file import Located, read
from seatrial.described import followed
from seatrial.errors import ContractError
from seatrial.exchange import NO_BODY, Call, Reply
from seatrial.release import Release, cut
from seatrial.schemas import Fault, Schemas

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
SESSIONS, OPENWEBUI = "sessions", "openwebui"
GROUPS = {SESSIONS: "Session API", OPENWEBUI: "Open WebUI"}


@dataclass(frozen=True)
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

    @cached_property
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
        for operation in self.operations.values():
            if not operation.path.startswith("/"):  # put behind a host it would be another host
                place = located.line(("paths", operation.path))
                raise ContractError(self.source, place, f"the path {operation.path} does not begin with /")
        if not self.operations:
            raise ContractError(self.source, located.line(("paths",)), "describes no operation that Seatrial knows")

    def at(self, version: str | None) -> Contract:
        """The contract as one release keeps it: what came later or went earlier is taken out."""
        release = Release.parse(version)
        if release is None:
            return self
        document = copy.deepcopy(dict(self.document))
        cut(document, release)
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

    @property
    def oldest(self) -> str | None:
        """The oldest release of Open WebUI that this contract describes."""
        value = self.document.get("info", {}).get("x-oldest-release")
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
        if path_values or operation.path_parameters:
            if any(not value or value.strip(".") == "" for value in path_values):
                raise ValueError(f"{operation_id}: no path value may be empty or made of dots: {path_values}")
            for name, value in zip(operation.path_parameters, path_values, strict=True):
                path = path.replace("{" + name + "}", quote(value, safe=""))
        params = tuple((name, str(value)) for name, value in query.items()) if query else ()
        return Call(operation_id, operation.method, path, params, json, dict(headers or {}), path_values)

    def violations(self, reply: Reply) -> Iterator[Fault]:
        """Hold an answer to the contract: status, content type, body. Yields nothing when it keeps it."""
        operation = self.operations.get(reply.call.operation)
        if operation is None or reply.cut == "closed":
            return
        if reply.cut and reply.media_type != "text/event-stream":  # a stream's end is looked at where it is read
            told = f"{len(reply.body):,} bytes in {reply.seconds:.1f} s, and no end"
            told = "bytes that are not what content-encoding says" if reply.cut == "encoding" else told
            yield Fault("body", f"body ({reply.cut})", "a whole body", told)
        if reply.cut:
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
        yield from self._schemas.faults((operation.id, reply.status, media), content[media].get("schema", True), body)

    @cached_property
    def _schemas(self) -> Schemas:
        return Schemas(self.document)


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


def is_own(source: str) -> bool:
    """Whether the contract that a run names is one of the user's, and not that of the package."""
    return source not in ("", default_path().name)


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
                parameters=tuple(followed(document, parameter) for parameter in shared),
                responses={str(s): followed(document, r) for s, r in raw.get("responses", {}).items()},
                raw=raw,
            )
