"""An Open WebUI that is set up in another way than most: what its users may do, how they sign in, how its models speak.

OddOpenWebUI(deletes=False, features={"enable_websocket": False}, streams=True)
"""

from __future__ import annotations

import json
from typing import Any

from fake_openwebui import FakeOpenWebUI
from starlette.responses import JSONResponse, Response

KEY = "sk-11111111111111111111111111111111"


class OddOpenWebUI(FakeOpenWebUI):
    """`deletes`: ordinary accounts may delete chats. `streams`: the model's own word on it, None where it has none.

    `features` are those of the public settings. `KEY` is an API key of an ordinary account.
    """

    version = "0.12.4"
    public = (*FakeOpenWebUI.public, "getConfig")
    operations = (
        "searchChats", *FakeOpenWebUI.operations, "getConfig", "updateChat", "editMessage", "deleteMessage",
        "createChatCompletion", "listChatTasks", "stopChatTasks", "createApiKey",
    )  # fmt: skip

    def __init__(
        self, *, deletes: bool = True, features: dict[str, bool] | None = None, streams: bool | None = None
    ) -> None:
        super().__init__()
        self.deletes, self.streams = deletes, streams
        self.features: dict[str, bool] = {"auth": True} | (features or {})
        self.accounts[KEY] = {"id": "keyholder", "email": "key@example.org", "role": "user", "key": True}

    def join(self, name: str) -> str:
        """A new ordinary account's token."""
        token = f"token-of-{name}"
        self.accounts[token] = {"id": name, "email": f"{name}@example.org", "role": "user"}
        return token

    def _sign_in(self, user: Any, body: dict[str, str]) -> Any:
        if "password" not in body:
            return JSONResponse({"detail": []}, 422)
        if self.features.get("auth_trusted_header"):
            return JSONResponse({"detail": "Your provider has not provided a trusted header."}, 400)
        return self.accounts["token-of-boss"] | {"token": "token-of-boss"}  # as where accounts are switched off

    def _add_user(self, user: Any, body: dict[str, str]) -> Any:
        if "email" not in body:
            return JSONResponse({"detail": []}, 422)
        if body["email"] in [one["email"] for one in self.accounts.values()]:
            return JSONResponse({"detail": "This email is already registered."}, 400)
        return super()._add_user(user, body)

    def _get_current_user(self, user: Any, _: Any) -> Any:
        if user.get("key"):
            return JSONResponse({"detail": "A human session is required."}, 403)
        return user | {"permissions": {"chat": {"delete": self.deletes}}}

    def _get_config(self, user: Any, _: Any) -> Any:
        known = user is not None and not user.get("key")
        more = {"permissions": {}, "audio": {}} if known else {}
        return {"status": True, "features": self.features} | more

    def _delete_chat(self, user: Any, body: Any, chat_id: str) -> Any:
        if not self.deletes and user["role"] != "admin":
            return JSONResponse({"detail": "You do not have permission to access this resource."}, 401)
        return super()._delete_chat(user, body, chat_id)

    def _get_chat(self, user: Any, _body: Any, chat_id: str) -> Any:
        chat = self.chats.get(chat_id)
        return chat if chat and chat["user_id"] == user["id"] else JSONResponse({"detail": "not found"}, 401)

    def _update_chat(self, user: Any, body: Any, chat_id: str) -> Any:
        chat = self.chats[chat_id]
        chat["chat"] |= body["chat"]
        chat["title"] = chat["chat"]["title"]
        return self._get_chat(user, body, chat_id)

    def _search_chats(self, user: Any, _: Any) -> Any:
        """What is asked for stands in the query, which no handler sees: everything is found."""
        return self._list_chats(user, _)

    def _list_chat_tasks(self, *_: Any) -> Any:
        return {"task_ids": []}

    def _create_chat_completion(self, _user: Any, body: dict[str, Any]) -> Any:
        words = ["You ", "said: ", body["messages"][-1]["content"], " (that ", "is ", "all)"]
        streamed = body.get("stream") if self.streams is None else self.streams
        if body.get("chat_id"):
            self._keep(body, "".join(words))
            if body.get("session_id"):
                return {"status": True, "task_ids": ["t"], "chat_id": body["chat_id"]}
            if streamed:
                return JSONResponse(None)
        return Response(_events(words), media_type="text/event-stream") if streamed else _whole(words)

    def _keep(self, body: dict[str, Any], reply: str) -> None:
        history, asked = self.chats[body["chat_id"]]["chat"]["history"], body["user_message"]
        answer = {"id": body["id"], "role": "assistant", "content": reply, "parentId": asked["id"], "childrenIds": []}
        history["messages"] |= {asked["id"]: asked, body["id"]: answer}
        history["currentId"] = body["id"]


def _whole(words: list[str]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(words)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "scripted", "choices": [choice]}


def _events(words: list[str]) -> str:
    deltas: list[tuple[dict[str, str], str | None]] = [({"content": word}, None) for word in words]
    chunks = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        for delta, finish in [*deltas, ({}, "stop")]
    ]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
