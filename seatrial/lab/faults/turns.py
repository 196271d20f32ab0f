"""Turns that are kept badly, or told otherwise over the socket than they are kept (Open WebUI)."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import Fault, Tell, always, messages

ONLY = (OPENWEBUI,)
COMPLETE = frozenset({"createChatCompletion"})


async def _blocking_not_kept(asked: Asked, behind: Behind) -> Answer:
    body = asked.document()
    if body.get("stream") and body.get("chat_id") and not body.get("session_id"):
        return Answer.of(200, None)
    return await behind.answer(asked)


async def _background_not_kept(asked: Asked, behind: Behind) -> Answer:
    body = asked.document()
    if body.get("chat_id") and body.get("session_id"):
        return Answer.of(200, {"status": True, "task_ids": [], "chat_id": body["chat_id"]})
    return await behind.answer(asked)


async def _new_chat_not_kept(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if asked.operation in COMPLETE and "chat_id" not in asked.document() and asked.token is not None:
        document = await answer.document()
        if isinstance(document, dict) and isinstance(document.get("chat_id"), str):
            await behind.call("deleteChat", document["chat_id"], token=asked.token)
    return answer


class _BackgroundReplyEmptied:
    """Replies that were written in the background are empty once they are read again."""

    def __init__(self) -> None:
        self.written: set[str] = set()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in COMPLETE and asked.document().get("session_id"):
            self.written.add(str(asked.document().get("id")))
        elif asked.operation == "getChat" and answer.status == 200:
            document = await answer.document()
            for message in messages(document):
                if message.get("id") in self.written:
                    message["content"] = ""
            answer.put(document)
        return answer


# ------------------------------------------------------------------ what the socket tells


def _told(make: Callable[[], Callable[[dict[str, Any]], bool]]) -> Callable[[], Tell]:
    """Events about a chat's reply; what `make` gives says whether one is told at all, and may change it."""

    def tell(change: Callable[[dict[str, Any]], bool], text: str) -> list[str]:
        head, bracket, rest = text.partition("[")
        if not head.startswith("42") or not bracket:
            return [text]
        packet = json.loads(bracket + rest)
        data = packet[1].get("data") if len(packet) > 1 and isinstance(packet[1], dict) else None
        if packet[0] != "events" or not isinstance(data, dict) or not str(data.get("type")).endswith(":completion"):
            return [text]
        return [head + json.dumps(packet)] if change(data) else []

    return lambda: functools.partial(tell, make())


def _silent(_data: dict[str, Any]) -> bool:
    return False


def _misheard(data: dict[str, Any]) -> bool:
    body = data.get("data") or {}
    for name in ("delta", "content", "text"):
        if isinstance(body.get(name), str):
            body[name] = body[name].replace("e", "3")
    if isinstance(body.get("output"), list):
        body["output"] = json.loads(json.dumps(body["output"]).replace("e of", "3 of"))
    return True


def _never_done(data: dict[str, Any]) -> bool:
    return not (data.get("data") or {}).get("done")


class _LosesDeltas:
    """Every third piece of a reply is not told; whoever is told the whole in the end is told it."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, data: dict[str, Any]) -> bool:
        if isinstance((data.get("data") or {}).get("delta"), str):
            self.seen += 1
            return self.seen % 3 != 0
        return True


FAULTS = [
    Fault("blocking-turn-not-kept", "durability", ONLY, "A turn that a script waited for is in no chat.",
          ("turn-stored",), always(COMPLETE, _blocking_not_kept)),
    Fault("background-turn-not-kept", "durability", ONLY, "A message that was sent is gone after a reload.",
          ("turn-stored", "valid-use"), always(COMPLETE, _background_not_kept)),
    Fault("background-reply-emptied", "durability", ONLY, "A reply was there, and is empty after a reload.",
          ("turn-stored",), _BackgroundReplyEmptied),
    Fault("new-chat-not-kept", "durability", ONLY, "A chat that was begun with a message is gone.",
          ("turn-stored", "valid-use"), always(COMPLETE, _new_chat_not_kept)),
    Fault("socket-silent", "stream", ONLY, "The reply shows only after a reload.",
          ("turn-delivered",), None, _told(lambda: _silent)),
    Fault("socket-mishears", "stream", ONLY, "The reply that is shown is another after a reload.",
          ("turn-delivered",), None, _told(lambda: _misheard)),
    Fault("socket-never-done", "stream", ONLY, "The reply seems to be written for ever.",
          ("turn-delivered",), None, _told(lambda: _never_done)),
    Fault("socket-loses-tokens", "stream", ONLY, "Words are missing while the reply is written.",
          ("turn-delivered",), None, _told(_LosesDeltas)),
]  # fmt: skip
