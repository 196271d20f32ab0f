"""As much of an Open WebUI as the first contact, the accounts and a plain journey need; it counts what it is asked.

Paths come from the contract. Every token below is accepted, and every password but WRONG.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from seatrial.contract import Contract

ADMIN, WRONG, VERSION = "boss@example.org", "wrong-password", "0.9.6"
PAGE = "<!doctype html><html><title>Open WebUI</title></html>"


class FakeOpenWebUI:
    """`app` serves it; `asked` counts operations; `accounts` and `chats` are what it holds now."""

    version = VERSION
    public: tuple[str, ...] = ("getVersion", "signIn")
    operations: tuple[str, ...] = (
        "getVersion", "signIn", "getCurrentUser", "addUser", "searchUsers", "deleteUser", "listModels", "createChat",
        "listChats", "getChat", "deleteChat",
    )  # fmt: skip

    def __init__(self, *, models: tuple[str, ...] = ("scripted", "other")) -> None:
        self.models = models
        self.asked: Counter[str] = Counter()
        self.accounts = {"token-of-boss": {"id": "boss", "email": ADMIN, "role": "admin"}}
        self.chats: dict[str, dict[str, Any]] = {}
        contract = Contract.load().at(self.version)
        routes = [self._route(contract, name) for name in self.operations]
        self.app = Starlette(routes=[*routes, Route("/{rest:path}", self._web_app, methods=["GET"])])

    def _route(self, contract: Contract, name: str) -> Route:
        operation = contract.operation(name)

        async def endpoint(request: Request) -> Response:
            self.asked[name] += 1
            body = json.loads(await request.body() or b"{}")
            user = self.accounts.get(request.headers.get("authorization", "").removeprefix("Bearer "))
            if user is None and name not in self.public:
                return JSONResponse({"detail": "Your session has expired or the token is invalid."}, 401)
            answer = getattr(self, "_" + re.sub("([A-Z])", r"_\1", name).lower())(
                user, body, *request.path_params.values()
            )
            return answer if isinstance(answer, Response) else JSONResponse(answer)

        return Route(operation.path, endpoint, methods=[operation.method])

    async def _web_app(self, _: Request) -> Response:
        return HTMLResponse(PAGE)

    def _get_version(self, *_: Any) -> Any:
        return {"version": self.version}

    def _sign_in(self, _: Any, body: dict[str, str]) -> Any:
        if body["password"] == WRONG:
            return JSONResponse({"detail": "The email or password provided is incorrect."}, 400)
        if body["email"] == ADMIN:
            return self.accounts["token-of-boss"] | {"token": "token-of-boss"}
        return self._add_user(None, {"email": body["email"], "role": "user"})

    def _get_current_user(self, user: Any, _: Any) -> Any:
        return user

    def _add_user(self, _: Any, body: dict[str, str]) -> Any:
        user = {"id": str(uuid.uuid4()), "email": body["email"], "role": body["role"]}
        token = f"token-of-{user['id']}"
        self.accounts[token] = user
        return user | {"token": token}

    def _search_users(self, *_: Any) -> Any:
        return {"users": list(self.accounts.values()), "total": len(self.accounts)}

    def _delete_user(self, _user: Any, _body: Any, user_id: str) -> Any:
        self.accounts = {token: user for token, user in self.accounts.items() if user["id"] != user_id}
        return True

    def _list_models(self, *_: Any) -> Any:
        return {"data": [{"id": model, "name": model} for model in self.models]}

    def _create_chat(self, user: Any, body: dict[str, Any]) -> Any:
        chat = {"id": str(uuid.uuid4()), "title": body["chat"].get("title", ""), "chat": body["chat"]}
        self.chats[chat["id"]] = chat | {"user_id": user["id"]}
        return self.chats[chat["id"]]

    def _list_chats(self, user: Any, _: Any) -> Any:
        return [chat for chat in self.chats.values() if chat["user_id"] == user["id"]]

    def _get_chat(self, _user: Any, _body: Any, chat_id: str) -> Any:
        return self.chats.get(chat_id) or JSONResponse({"detail": "not found"}, 401)

    def _delete_chat(self, _user: Any, _body: Any, chat_id: str) -> Any:
        return self.chats.pop(chat_id, None) is not None or JSONResponse({"detail": "not found"}, 404)
