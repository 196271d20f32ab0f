"""Several servers behind one address that do not agree, and proxies and caches that answer in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.making import BOTH, HISTORY, LIST, MODEL, Break, Change, Fault, put_messages, rows

PAGE = b"<!doctype html><html><title>Error</title><body><h1>Something went wrong</h1></body></html>"


def _every_second(operations: Collection[str], change: Change) -> Callable[[], Break]:
    """Every second answer to each of these operations is the other server's."""

    class Alternating:
        def __init__(self) -> None:
            self.seen: dict[str, int] = {}

        async def __call__(self, asked: Asked, behind: Behind) -> Answer:
            answer = await behind.answer(asked)
            if asked.operation not in operations or answer.status != 200:
                return answer
            self.seen[asked.operation] = self.seen.get(asked.operation, 0) + 1
            if self.seen[asked.operation] % 2 == 0:
                document = await answer.document()
                if document is not None:
                    answer.put(change(document, asked))
            return answer

    return Alternating


def _without_first(document: Any, _asked: Asked) -> Any:
    found = rows(document)
    found[:] = found[1:]
    return document


def _other_model(document: Any, _asked: Asked) -> Any:
    if "version" in document:
        return document | {"version": "0.9-old"}
    row = {"id": "only-on-this-one", "name": "Only on this one", "object": "model", "owned_by": "openai"}
    return document | {"data": [*document["data"], row]}


def _other_settings(document: Any, _asked: Asked) -> Any:
    features = document["features"]
    return document | {"features": features | {"enable_signup": not features.get("enable_signup")}}


def _empty(document: Any, _asked: Asked) -> Any:
    return put_messages(document, [])


class _HalfKnown:
    """One of two servers does not know the key that signs tokens: every third look at the own account is refused."""

    def __init__(self) -> None:
        self.seen = 0

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        if asked.operation in MODEL and behind.caller(asked) is not None:
            self.seen += 1
            if self.seen % 3 == 0:
                return Answer.of(401, {"detail": "401 Unauthorized"})
        return await behind.answer(asked)


def _reshaped(status: Collection[int]) -> Break:
    """A gateway has its own form for errors."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if answer.status in status:
            answer.put({"error": {"code": answer.status, "message": "The request could not be processed."}})
        return answer

    return breaking


async def _error_page(asked: Asked, behind: Behind) -> Answer:
    answer = await behind.answer(asked)
    if answer.status in (401, 404):
        answer.put_bytes(PAGE, "text/html")
    return answer


async def _not_stopped(asked: Asked, behind: Behind) -> Answer:
    if asked.operation == "stopChatTasks":
        return Answer.of(200, {"status": True, "message": "stopped"})
    return await behind.answer(asked)


async def _only_small(asked: Asked, behind: Behind) -> Answer:
    if len(asked.body) > 64 * 1024:
        answer = Answer.of(413, None)
        answer.put_bytes(re.sub(b"Something went wrong", b"413 Request Entity Too Large", PAGE), "text/html")
        return answer
    return await behind.answer(asked)


FAULTS = [
    Fault("models-differ", "availability", BOTH, "Every second reload names another model.",
          ("answers-agree",), _every_second(MODEL, _other_model)),
    Fault("list-differs", "listing", BOTH, "Every second reload lacks the chat made last.",
          ("answers-agree", "list-complete", "state-agrees"), _every_second(LIST, _without_first)),
    Fault("history-differs", "durability", BOTH, "Every second time a chat opens it is empty.",
          ("answers-agree", "history-content", "history-durable"), _every_second(HISTORY, _empty)),
    Fault("release-differs", "availability", (OPENWEBUI,), "Every second page is of another release.",
          ("answers-agree",),
          _every_second({"getVersion"}, lambda document, _: document | {"version": "0.12.0"})),
    Fault("settings-differ", "availability", (OPENWEBUI,), "Every second reload has other buttons.",
          ("answers-agree",), _every_second({"getConfig"}, _other_settings)),
    Fault("token-known-to-some", "availability", BOTH, "Every third look at the models says that I am signed out.",
          ("answers-agree", "valid-use"), _HalfKnown),
    Fault("refusals-reshaped", "shape", BOTH, "My program finds no reason where the reason of an error stood.",
          ("refusal-conforms",), lambda: _reshaped((401, 404, 422))),
    Fault("error-pages", "shape", BOTH, "Where an error was explained there is a page for people.",
          ("refusal-conforms",), lambda: _error_page),
    Fault("large-requests-refused", "availability", BOTH, "Pasting a long document fails with a page of HTML.",
          ("valid-use",), lambda: _only_small),
    Fault("stop-ignored", "stream", (OPENWEBUI,), "I press Stop, it says fine, and the reply goes on to its end.",
          ("stop-stops",), lambda: _not_stopped),
]  # fmt: skip
