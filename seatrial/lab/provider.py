"""A model server in the shape of OpenAI's, with scripted replies and scripted timing.

    with running(create_app(Script(first_token=0.2, gap=0.02), record=Path("calls.jsonl"))) as url: ...

The reply is a function of the last user message and nothing else, and carries that message unchanged: a nonce
in the prompt is a nonce in the reply. Every completion leaves one JSON line in `record` (see `Call`), and what it took
is served at `GET /records?since=0` (see `journal`), so that a load can tell the deployment's own time from the model's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from seatrial.errors import WrongUse
from seatrial.lab.heartbeat import Heartbeat
from seatrial.lab.journal import Call, Journal
from seatrial.lab.script import Script, words
from seatrial.lab.serving import LOOPBACK, serve
from seatrial.lifeline import watch

__all__ = ["Script", "create_app", "last_user_message"]


def create_app(script: Script | None = None, record: Path | None = None) -> Starlette:
    """The provider as an ASGI app: `GET /v1/models` and `POST /v1/chat/completions`, with and without `stream`."""
    script = script or Script()
    journal = Journal(record)
    heartbeat, numbers = Heartbeat(), itertools.count(1)

    async def models(_: Request) -> Response:
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "seatrial"} for name in script.models]
        return JSONResponse({"object": "list", "data": data})

    async def completions(request: Request) -> Response:
        clock, loop_late = _Clock(), heartbeat.late
        heartbeat.begin()
        try:
            body = json.loads(await request.body())
        except ValueError:
            return _refused(400, "the body is not JSON")
        problem = _problem(body, script)
        if problem is not None:
            return problem
        messages = body.get("messages") or []
        said = last_user_message(messages)
        nth = next(numbers)
        status = script.refusal(nth)
        streamed = bool(body.get("stream"))
        call = Call(body["model"], streamed, len(messages), said, status or 200, "", clock.epoch(clock.start))
        call.loop_late = loop_late
        if status:
            call.ended, call.finished = clock.epoch(), True
            journal.write(call)
            return _refused(status, f"scripted error: every {script.error_every}. completion is refused")
        pieces, thoughts = script.pieces(said, nth), script.thoughts()
        call.reply = "".join(pieces)
        call.due = script.first_token + script.gap * (len(thoughts) + len(pieces) - 1)
        call.thoughts = len(thoughts)
        call.due_first = script.first_token + script.gap * len(thoughts) if streamed else call.due
        head = {"id": f"chatcmpl-{nth}", "created": int(call.received), "model": body["model"]}
        usage = _usage(messages, pieces, thoughts)
        if streamed:
            wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            chunks = _chunks(head, pieces, thoughts, usage if wants_usage else None)
            stream = _paced(chunks, script, clock, call, journal)
            return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        await clock.until(call.due)
        call.first_token = call.ended = clock.epoch()
        call.tokens, call.finished = len(pieces), True
        journal.write(call)
        thought = {"reasoning_content": "".join(thoughts)} if thoughts else {}
        message = {"role": "assistant", "content": call.reply, **thought}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    async def records(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            return _refused(400, "since is the number of a call")
        return Response(b"".join(journal.since(int(since))), media_type="application/x-ndjson")

    routes = [
        Route("/records", records, methods=["GET"]),
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/chat/completions", completions, methods=["POST"]),
    ]
    return Starlette(routes=routes)


def last_user_message(messages: Sequence[Any]) -> str:
    """The text of the last message with the role `user`; of a message in parts, the text parts together."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    return ""


class _Clock:
    """Absolute deadlines on one monotonic clock: lateness of one token does not move the next."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self._epoch = time.time() - self.start

    def epoch(self, moment: float | None = None) -> float:
        return round(self._epoch + (time.monotonic() if moment is None else moment), 6)

    async def until(self, seconds: float) -> None:
        """Return `seconds` after the start, or at once when that has passed."""
        await asyncio.sleep(max(self.start + seconds - time.monotonic(), 0))


async def _paced(
    chunks: list[bytes], script: Script, clock: _Clock, call: Call, journal: Journal
) -> AsyncIterator[bytes]:
    """Send each token at its time. The line is on file before `[DONE]` is out: who has read it can look it up."""
    *tokens, tail = chunks
    try:
        for number, chunk in enumerate(tokens):
            await clock.until(script.first_token + script.gap * number)
            call.left.append(clock.epoch())
            call.first_token = call.left[0]
            yield chunk
            call.tokens += 1
        call.finished = True
        call.ended = clock.epoch()
        journal.write(call)
        yield tail
    finally:
        if not call.finished:
            call.ended = clock.epoch()
            journal.write(call)


def _chunks(
    head: dict[str, Any], pieces: Sequence[str], thoughts: Sequence[str], usage: dict[str, Any] | None
) -> list[bytes]:
    """What is sent at each token's time, made beforehand: the role goes with the first, the last holds the end."""

    def event(choices: list[dict[str, Any]], **more: Any) -> bytes:
        # ASCII only: readers that split lines at U+2028 or U+0085 must not see one.
        chunk = {**head, "object": "chat.completion.chunk", "choices": choices, **more}
        return f"data: {json.dumps(chunk)}\n\n".encode()

    def delta(content: dict[str, str], finish: str | None = None) -> bytes:
        return event([{"index": 0, "delta": content, "finish_reason": finish}])

    tokens = [delta({"reasoning_content": piece}) for piece in thoughts]
    tokens += [delta({"content": piece}) for piece in pieces]
    tokens[0] = delta({"role": "assistant", "content": ""}) + tokens[0]
    end = delta({}, "stop") + (event([], usage=usage) if usage else b"")
    return [*tokens, end + b"data: [DONE]\n\n"]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _usage(messages: Sequence[Any], pieces: Sequence[str], thoughts: Sequence[str]) -> dict[str, Any]:
    prompt = sum(len(words(_text(message.get("content")))) for message in messages if isinstance(message, dict))
    said = len(pieces) + len(thoughts)
    counts: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
    return counts | ({"completion_tokens_details": {"reasoning_tokens": len(thoughts)}} if thoughts else {})


def _problem(body: Any, script: Script) -> Response | None:
    """What is wrong with a request. One without messages is answered: Open WebUI passes such on."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return _refused(400, "the body must be an object that names a model")
    if body["model"] not in script.models:
        return _refused(404, f"the model {body['model']!r} does not exist", code="model_not_found")
    if not isinstance(body.get("messages") or [], list):
        return _refused(400, "messages must be a list")
    return None


def _refused(status: int, message: str, code: str | None = None) -> Response:
    kinds = {400: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_error"}
    error = {"message": message, "type": kinds.get(status, "server_error"), "param": None, "code": code}
    return JSONResponse({"error": error}, status, {"Retry-After": "1"} if status == 429 else None)


def main(arguments: str) -> None:
    """Serve what a JSON object asks for, until a signal: `{"port": 0, "record": "calls.jsonl", "script": {...}}`.

    The first line on stdout is `ready URL`, or `wrong` and what the user can mend.
    """
    wanted = json.loads(arguments)
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in wanted.get("script", {}).items()}
    record = Path(wanted["record"]) if wanted.get("record") else None
    watch()
    try:
        serve(create_app(Script(**fields), record), host=LOOPBACK, port=wanted.get("port", 0), banner="ready {url}")
    except WrongUse as error:
        print(f"wrong {error}", flush=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main(sys.argv[1])
