"""The Session API as a small server: the six operations of the contract, open to anybody or with owners.

    with running(create_app(Contract.load())) as url: ...                  # what is said is kept in memory
    create_app(contract, tokens=["ana", "rui"], database="sessions.db")    # two owners, kept in a file
    create_app(contract, upstream=Upstream.reach(settings))                # a real Open WebUI behind it

Paths, methods and the prefix are the contract's, so an edited copy of openapi.yaml is served without a change here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from seatrial.contract import SESSIONS, Contract, Operation
from seatrial.lab.kept import Kept, Refused

Document = dict[str, Any]


class Desk(Protocol):
    """The six operations on behalf of one caller. Each raises `Refused` for what is answered with an error."""

    def create(self) -> Document: ...
    def sessions(self) -> Document: ...
    def send(self, prompt: str, session_id: str | None) -> Document: ...
    def history(self, session_id: str) -> Document: ...
    def delete(self, session_id: str) -> Document: ...
    def model(self) -> Document: ...


class Reception(Protocol):
    """Finds the desk of whoever calls; `token` is None without credentials. Raises `Refused` for wrong ones."""

    def admit(self, token: str | None) -> Desk: ...


Answer = Callable[[Desk, bytes, Sequence[str]], Document]
ANSWERS: dict[str, Answer] = {
    "createSession": lambda desk, _body, _path: desk.create(),
    "listSessions": lambda desk, _body, _path: desk.sessions(),
    "sendMessage": lambda desk, body, _path: desk.send(*_turn(body)),
    "getHistory": lambda desk, _body, path: desk.history(path[0]),
    "deleteSession": lambda desk, _body, path: desk.delete(path[0]),
    "getModelInfo": lambda desk, _body, _path: desk.model(),
}


def create_app(
    contract: Contract,
    *,
    tokens: Sequence[str] = (),
    database: str | Path = ":memory:",
    upstream: Reception | None = None,
) -> Starlette:
    """The server as an ASGI app. With `tokens` each is an owner and nobody else gets in; `upstream` decides itself.

    Raises `WrongUse` for a database that cannot be used, `ContractError` for a contract without the six operations.
    """
    reception = upstream or Kept(database, tokens)
    by_path: dict[str, dict[str, Operation]] = {}
    for name in ANSWERS:
        operation = contract.operation(name)
        by_path.setdefault(operation.path, {})[operation.method] = operation
    prefix = contract.prefix(SESSIONS)
    # Paths without parameters first: they are the more exact match.
    routes = [
        _route(prefix, path, methods, reception)
        for path, methods in sorted(by_path.items(), key=lambda item: item[0].count("{"))
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, Refused: _refused, Exception: _broken},  # type: ignore[dict-item]
    )
    app.router.redirect_slashes = False  # a path that the contract does not give is not there
    return app


def _route(prefix: str, path: str, methods: dict[str, Operation], reception: Reception) -> Route:
    async def endpoint(request: Request) -> Response:
        operation = methods["GET" if request.method == "HEAD" and "HEAD" not in methods else request.method]
        body = await request.body()
        token, values = _token(request), list(request.path_params.values())

        def answer() -> Document:
            return ANSWERS[operation.id](reception.admit(token), body, values)

        return _Json(await run_in_threadpool(answer))

    for position, name in enumerate(next(iter(methods.values())).path_parameters):
        # A name of the contract need not be one for the router ("session-id"): the position is what counts.
        path = path.replace("{" + name + "}", f"{{value{position}}}")
    return Route(prefix + path, endpoint, methods=list(methods))


class _Json(JSONResponse):
    """Text as it is; half a surrogate pair, which UTF-8 cannot say, stays escaped."""

    def render(self, content: Any) -> bytes:
        try:
            return json.dumps(content, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return json.dumps(content).encode()


def _token(request: Request) -> str | None:
    """The bearer token; "", which is nobody's, for credentials of another kind."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _turn(body: bytes) -> tuple[str, str | None]:
    """Prompt and session of a message's body; whatever else stands there is nobody's business."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(422, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise Refused(422, "the body must be an object")
    prompt = document.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise Refused(422, "prompt: a text that is not empty is needed")
    session_id = document.get("session_id", "none")
    if not isinstance(session_id, str):
        raise Refused(422, "session_id: a text is needed")
    return prompt, session_id if "session_id" in document else None


async def _refused(_: Request, error: Refused) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return _Json({"detail": error.detail}, error.status, headers)


async def _http_error(_: Request, error: HTTPException) -> Response:
    return _Json({"detail": error.detail}, error.status_code, error.headers)


async def _broken(_: Request, error: Exception) -> Response:
    return _Json({"detail": f"the reference server failed ({type(error).__name__})"}, 500)
