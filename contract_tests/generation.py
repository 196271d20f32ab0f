"""Requests that schemathesis generates from the contract, valid and invalid, as calls of ours.

They go through the suite's own client, so that the ledger, the budget and the log see them, streams are
not cut after twenty events, and a deadline holds. schemathesis judges the answers as well.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
import schemathesis
import schemathesis.specs.openapi.schemas  # by itself it comes with the first description, which costs a second then
from hypothesis import Phase, given, seed, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode

from contract_tests.repeatable import SETTINGS
from seatrial.contract import Contract, Operation
from seatrial.exchange import Call, Reply

load_all_checks()

Visit = Callable[[Any, bool], None]
ASKED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
"""Its checks that ask nothing of the server again; the others the suite has itself, or they cannot work here."""


class Generator:
    """Generates cases for the operations of one contract. `seed_number` decides what comes."""

    def __init__(self, contract: Contract, seed_number: int) -> None:
        self._seed = seed_number
        self._operations = {}
        # A configuration of its own: somebody's schemathesis.toml nearby must not change what is sent.
        schema = schemathesis.openapi.from_dict(_without_credentials(contract), config=SchemathesisConfig())
        for result in schema.get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]
            self._operations[operation.definition.raw.get("operationId")] = operation

    def cases(self, operation: Operation, examples: int, path_values: Mapping[str, str], visit: Visit) -> None:
        """Call `visit(case, valid)` for up to `examples` valid and as many invalid cases."""
        target = self._operations[operation.id]
        varied = bool(operation.parameters or operation.raw.get("requestBody"))
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if varied else (GenerationMode.POSITIVE,):
            fixed = {name: value for name, value in path_values.items() if name in operation.path_parameters}
            if mode.is_negative and not _can_be_wrong(operation, fixed):
                continue
            count = examples if varied and _can_be_wrong(operation, fixed) else 1
            strategy = target.as_strategy(generation_mode=mode, path_parameters=fixed or None)
            _drawn(
                strategy.filter(_asked_for(operation)),
                count,
                self._seed,
                visit,
                mode.is_positive,
            )


def _drawn(strategy: Any, count: int, seed_number: int, visit: Visit, valid: bool) -> None:
    @seed(seed_number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        **SETTINGS,
    )
    @given(case=strategy)
    def run(case: Any) -> None:
        visit(case, valid)

    run()


def call_of(case: Any, operation: Operation) -> Call | None:
    """The case as a call; None for one that no client can send, or whose path would be another operation's."""
    sent = case.as_transport_kwargs(base_url="http://target.invalid")
    path = requests.Request(method="GET", url=sent["url"]).prepare().path_url.split("?")[0]
    values = tuple(str(value) for value in (case.path_parameters or {}).values())
    if any(not value or value.strip(".") == "" or "/" in value for value in values):
        return None
    params = tuple(
        (str(name), str(item))
        for name, value in (sent.get("params") or {}).items()
        for item in (value if isinstance(value, list) else [value])
    )
    data = sent.get("data")
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "replace") if isinstance(data, str) else None
    fields: dict[str, Any] = {"json": sent["json"]} if "json" in sent else {}
    return Call(operation.id, operation.method, path, params, values=values, raw=raw, **fields)


def response_of(reply: Reply, case: Any, url: str) -> Response:
    """The answer as schemathesis wants it."""
    request = requests.Request(method=reply.call.method, url=url + reply.call.path, data=reply.call.body()).prepare()
    return Response(
        status_code=reply.status,
        headers={name: [value] for name, value in reply.headers.items()},
        content=reply.body,
        request=request,
        elapsed=reply.seconds,
        verify=True,
        message="",
        http_version="1.1",
        encoding="utf-8",
    )


def failures(case: Any, reply: Reply, url: str) -> Iterator[Failure]:
    """What schemathesis has to say of an answer."""
    try:
        case.validate_response(response_of(reply, case, url), checks=[CHECKS.get_one(name) for name in ASKED])
    except FailureGroup as group:
        yield from (failure for failure in group.exceptions if isinstance(failure, Failure))
    except Failure as failure:
        yield failure


def _asked_for(operation: Operation) -> Callable[[Any], bool]:
    """Whether a case has no number below what the contract says is asked for (`x-seatrial-least`)."""
    least = {row["name"]: row["x-seatrial-least"] for row in operation.parameters if "x-seatrial-least" in row}

    def asked(case: Any) -> bool:
        sent = case.query or {}
        return not any(isinstance(sent.get(name), (int, float)) and sent[name] < low for name, low in least.items())

    return asked if least else lambda _: True


def _can_be_wrong(operation: Operation, fixed: Mapping[str, str]) -> bool:
    free = [parameter for parameter in operation.parameters if parameter["name"] not in fixed]
    return bool(free or operation.raw.get("requestBody"))


def _without_credentials(contract: Contract) -> dict[str, Any]:
    """Credentials are the suite's own affair: generated ones would only ever be refused."""
    document = copy.deepcopy(dict(contract.document))
    document.pop("security", None)
    document.get("components", {}).pop("securitySchemes", None)
    for item in document["paths"].values():
        item.pop("servers", None)
        for method in item.values():
            if isinstance(method, dict):
                method.pop("security", None)
    return document
