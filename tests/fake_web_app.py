"""As much of an Open WebUI as its web app needs for a chat: the socket too, which tells replies as `Way` says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import socketio  # type: ignore[import-untyped]
from fake_openwebui import FakeOpenWebUI

from seatrial.delivered import SOCKET_PATH

Emit = Callable[..., Awaitable[None]]
Way = Callable[["WebApp", str, Emit, list[str]], Awaitable[None]]


def delta(word: str) -> dict[str, Any]:
    return {"type": "response:completion", "data": {"type": "response.output_text.delta", "delta": word}}


def completed(**more: Any) -> dict[str, Any]:
    return {"type": "chat:completion", "data": {"done": True} | more}


async def honest(_app: WebApp, _sid: str, emit: Emit, words: list[str]) -> None:
    for word in words:
        await emit(delta(word))
    await emit(completed(content="".join(words)))


async def whole(_app: WebApp, _sid: str, emit: Emit, words: list[str]) -> None:
    """As up to 0.10: all of it so far, each time."""
    for number in range(len(words)):
        await emit({"type": "chat:completion", "data": {"content": "".join(words[: number + 1])}})
    await emit(completed(content="".join(words)))


async def another_text(_app: WebApp, _sid: str, emit: Emit, words: list[str]) -> None:
    for word in words[:-2]:
        await emit(delta(word))
    await emit(completed())


async def foreign_words(_app: WebApp, _sid: str, emit: Emit, words: list[str]) -> None:
    await emit(delta("You said [seatrial-0a1b2c3d.99-9.1]"))
    await emit(completed())


async def never_done(_app: WebApp, _sid: str, emit: Emit, words: list[str]) -> None:
    for word in words:
        await emit(delta(word))


async def mute(_app: WebApp, _sid: str, _emit: Emit, _words: list[str]) -> None:
    """Nothing is told."""


async def drops(app: WebApp, sid: str, emit: Emit, words: list[str]) -> None:
    for word in words[:3]:
        await emit(delta(word))
    await app.socket.disconnect(sid)


async def fails(_app: WebApp, _sid: str, emit: Emit, _words: list[str]) -> None:
    await emit({"type": "chat:message:error", "data": {"error": {"content": "the model is away"}}})


class WebApp(FakeOpenWebUI):
    """`ways` are how replies are told, one after the other, the last one for ever; what is stored is always right.

    `served` is the ASGI app; `joined` are the tokens that sockets came with.
    """

    operations = (*FakeOpenWebUI.operations, "getConfig", "createChatCompletion", "listChatTasks")

    def __init__(self, *ways: Way) -> None:
        super().__init__()
        self.ways = list(ways)
        self.joined: list[str] = []
        self.wishes: list[dict[str, bool]] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self.socket = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
        self.socket.on("connect", self._connect)
        self.served = socketio.ASGIApp(self.socket, self.app, socketio_path=SOCKET_PATH)

    async def _connect(self, _sid: str, _environ: Any, auth: dict[str, str] | None) -> bool:
        token = (auth or {}).get("token", "")
        self.joined.append(token)
        return token in self.accounts

    def _get_config(self, *_: Any) -> Any:
        return {"status": True}

    def _list_chat_tasks(self, *_: Any) -> Any:
        return {"task_ids": ["t" for _ in self._under_way]}

    def _create_chat_completion(self, _user: Any, body: dict[str, Any]) -> Any:
        history = self.chats[body["chat_id"]]["chat"]["history"]
        asked = body["user_message"]
        words = ["You ", "said: ", asked["content"], " (that ", "is ", "all)"]
        reply = {"id": body["id"], "role": "assistant", "content": "".join(words), "parentId": asked["id"]}
        history["messages"] |= {asked["id"]: asked, body["id"]: reply}
        history["currentId"] = body["id"]
        self.wishes.append(body["background_tasks"])
        task = asyncio.get_running_loop().create_task(self._tell(body, words))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return {"status": True, "task_ids": ["t"], "chat_id": body["chat_id"]}

    async def _tell(self, body: dict[str, Any], words: list[str]) -> None:
        way = self.ways.pop(0) if len(self.ways) > 1 else self.ways[0]

        async def emit(data: dict[str, Any]) -> None:
            event = {"chat_id": body["chat_id"], "message_id": body["id"], "data": data}
            await self.socket.emit("events", event, to=body["session_id"])

        await way(self, body["session_id"], emit, words)
