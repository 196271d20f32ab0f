"""Answers that are not what the API says: wrong statuses, wrong shapes, and help that nobody asked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind, once
from seatrial.lab.faults.making import BOTH, CREATE, DELETE, LIST, READ_MISTAKES, SEND, Break, changed

from .noting import asking, fault, prompt_of, replacing

OWUI = (OPENWEBUI,)


def _plain(text: str) -> Answer:
    answer = Answer(500, [], once(b""))
    answer.put_bytes(text.encode(), "text/plain; charset=utf-8")
    return answer


def _success_false() -> Break:
    """Refusals as a success that says that it is none."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        document = await answer.document() if 400 <= answer.status < 500 else None
        if not isinstance(document, dict):
            return answer
        return Answer.of(200, {"success": False, "error": document.get("detail")})

    return breaking


def _problem_details() -> Break:
    """Errors in another dress, with their status as it was."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        document = await answer.document() if answer.status >= 400 else None
        if isinstance(document, dict):
            answer.put({"error": {"code": answer.status, "message": document.get("detail")}})
        return answer

    return breaking


def _status(operations: Collection[str], status: int) -> Break:
    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in operations and answer.status == 200:
            answer.status = status
        return answer

    return breaking


def _nothing_is_temporary() -> Break:
    """Each question that should be stored nowhere leaves a chat."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation not in SEND or answer.status != 200 or asked.session or "id" in asked.document():
            return answer
        if asked.operation == "sendMessage":
            await (await behind.call("createSession", token=asked.token)).read()
        else:
            form = {"chat": {"title": prompt_of(asked)[:50], "history": {"messages": {}, "currentId": None}}}
            await (await behind.call("createChat", token=asked.token, json=form)).read()
        return answer

    return breaking


def _falls_back() -> Break:
    """A model that nobody has is replaced by the first one of the list."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        document = asked.document()
        if asked.operation in SEND and answer.status == 400 and isinstance(document.get("model"), str):
            listed = await (await behind.call("listModels", token=asked.token)).document() or {}
            ids = [model["id"] for model in listed.get("data") or []]
            if ids and document["model"] not in ids:
                return await behind.answer(asked.saying(document | {"model": ids[0]}))
        return answer

    return breaking


def _with_provider(document: Any, _asked: Asked) -> Any:
    for model in document["data"]:
        model["id"] = f"openai/{model['id']}"
    return document


def _usage(change: dict[str, Any]) -> Break:
    def apply(document: Any, _asked: Asked) -> Any:
        if isinstance(document, dict) and document.get("choices"):
            document["usage"] = (document.get("usage") or {}) | change
        return document

    return changed(SEND, apply)()


def _no_choices(document: Any, _asked: Asked) -> Any:
    return document | {"choices": []} if isinstance(document, dict) and "choices" in document else document


def _content_of_null(document: Any, _asked: Asked) -> Any:
    if isinstance(document, dict) and "reply" in document:
        document["reply"] = None
    elif isinstance(document, dict):
        for choice in document.get("choices") or []:
            choice["message"]["content"] = None
    return document


FAULTS = [
    fault("success-false", "status", BOTH,
          "Nothing ever fails for my program: refusals come with the status 200 and success: false.",
          "imagined (an API gateway with its own envelope)", _success_false),
    fault("errors-in-another-dress", "shape", BOTH,
          "Where the reason of an error stood, my program finds nothing.",
          "https://github.com/open-webui/open-webui/issues/3273 (errors not the server's own)", _problem_details),
    fault("deleted-with-204", "status", BOTH,
          "Deleting works, and my program says it failed: the status is 204 and there is no body.",
          "imagined",
          replacing(lambda asked, answer: asked.operation in DELETE and answer.status == 200,
                    lambda _asked, _answer: Answer(204, [], once(b"")))),
    fault("created-with-201", "status", BOTH,
          "My client, which wants a 200, takes every new chat for a failure.",
          "imagined", lambda: _status(CREATE, 201)),
    fault("list-in-an-envelope", "shape", BOTH,
          "The sidebar is empty since the gateway wraps every list in 'data'.",
          "imagined", changed(LIST, lambda document, _: {"success": True, "data": document})),
    fault("mistakes-crash", "status", BOTH,
          "A field that I forgot gives an Internal Server Error and no word on which.",
          "imagined",
          replacing(lambda asked, answer: asked.operation in READ_MISTAKES and answer.status == 422,
                    lambda _asked, _answer: _plain("Internal Server Error"))),
    fault("nothing-is-temporary", "listing", BOTH,
          "Every call of my program leaves a chat in the sidebar although it asked for none.",
          "imagined", _nothing_is_temporary),
    fault("unknown-model-falls-back", "status", OWUI,
          "I mistyped the model's name and paid for another one without being told.",
          "imagined (LiteLLM's fallbacks)", _falls_back),
    fault("models-with-provider", "listing", OWUI,
          "I choose a model from the list and am told that there is no such model.",
          "https://github.com/open-webui/open-webui/issues/15336 (LiteLLM prefixes on one side only)",
          changed({"listModels"}, _with_provider)),
    fault("reply-of-another-name", "shape", BOTH,
          "The reply says that it is by 'gpt-3.5-turbo', a model that we do not have.",
          "imagined",
          changed(SEND, lambda document, _: document | {"model": "gpt-3.5-turbo"}
                  if isinstance(document, dict) and "model" in document else document)),
    fault("model-without-a-name", "shape", (SESSIONS,),
          "Where the model's name stood there is nothing.",
          "imagined", changed({"getModelInfo"}, lambda document, _: document | {"name": ""})),
    fault("usage-negative", "shape", OWUI,
          "Our bill counts minus one token for every reply.",
          "https://github.com/0xPlaygrounds/rig/issues/1212 (there always zero)",
          lambda: _usage({"completion_tokens": -1})),
    fault("usage-does-not-add-up", "shape", OWUI,
          "Prompt and reply together are fewer tokens than the sum we pay.",
          "https://github.com/InternLM/lmdeploy/issues/3832",
          lambda: _usage({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 20})),
    fault("no-choices", "shape", OWUI,
          "Replies are empty: 'list index out of range'.",
          "imagined (content filters that leave no choice)", changed(SEND, _no_choices)),
    fault("reply-of-null", "shape", BOTH,
          "Every reply is null.",
          "imagined (reasoning models whose text is in another field)", changed(SEND, _content_of_null)),
    fault("empty-prompt-answered", "status", (SESSIONS,),
          "I press Enter by accident and the model answers to nothing.",
          "imagined",
          asking({"sendMessage"},
                 lambda asked: asked.saying(asked.document() | {"prompt": " "})
                 if asked.document().get("prompt") == "" else asked)),
    fault("never-ready", "availability", OWUI,
          "The orchestrator restarts a server that works: it says for ever that it is starting.",
          "imagined (Redis named but not there)",
          replacing(lambda asked, _answer: asked.operation == "getReadiness",
                    lambda _asked, _answer: Answer.of(503, {"detail": "Startup not complete"}))),
    fault("release-without-a-number", "shape", OWUI,
          "The page About says that this is release 'main'.",
          "imagined (an image built from a branch)",
          changed({"getVersion"}, lambda document, _: document | {"version": "main"})),
]  # fmt: skip
