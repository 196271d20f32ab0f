"""The server of known timing as an OpenAI-shaped model, for load tools that post to one and know nothing of ours.

    with known_model(first=0.2, gap=0.02, count=50, each=10, stall=0.5) as url: ...   # a process of its own
    POST {url}/v1/chat/completions      # every tenth stream stalls for half a second in its middle
    GET {url}/told                      # what was sent on that path, in the order in which it was asked for
    GET {url}/ahead                     # whether it goes before other processes
    GET {url}/stream?...                # as `seatrial.lab.metronome` has it

`ends` says how streams end, in turn: "done" by default. `told` is a list of [received, first sent, longest gap].

Where the system permits (as root), the server takes a processor as soon as it has something to do. A request otherwise
waits a millisecond or two for whoever sent it, on machines whose scheduler puts both on one processor: an error of the
machine, which is greater the more a client does, and would be charged to the client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from seatrial.lab.children import child
from seatrial.lab.metronome import Connection, serve
from seatrial.lifeline import child_environment, watch

MODELS = {"object": "list", "data": [{"id": "known", "object": "model", "created": 0, "owned_by": "seatrial"}]}
WHOLE = {"id": "known", "object": "chat.completion.chunk", "created": 0, "model": "known"}


@contextlib.contextmanager
def known_model(**plan: Any) -> Iterator[str]:
    """The server; `plan` is the timing of its completions. Yields its base URL."""
    command = [sys.executable, str(Path(__file__)), json.dumps(plan)]
    with child(command, env=child_environment(), errors=None) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


class Model(Connection):
    """One client of the model. All clients share the plan and what was told."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, plan: dict[str, Any], told: list[list[float]], ahead: bool
    ) -> None:
        super().__init__(loop)
        self._plan, self._told, self._ahead = plan, told, ahead
        self._mine: list[float] | None = None
        self._before, self._whole = 0.0, True

    def asked(self, path: str, query: dict[str, str], received: float) -> None:
        self._mine = None
        if path in ("/stream", "/answer"):
            super().asked(path, query, received)
        elif path == "/told":
            self.answer(self._told)
        elif path == "/ahead":
            self.answer(self._ahead)
        elif path.endswith("/chat/completions"):
            self._mine, timing = [received, 0.0, 0.0], self._timing(len(self._told))
            self._whole = timing.get("end", "done") == "done"
            self._told.append(self._mine)
            self.stream(timing, received)
        else:
            self.answer(MODELS)

    def _timing(self, number: int) -> dict[str, str]:
        timing = {name: str(value) for name, value in self._plan.items() if name in ("first", "gap", "count")}
        if self._plan.get("each") and number % int(self._plan["each"]) == 0:
            timing |= {"stall": str(self._plan["stall"]), "at": str(int(self._plan["count"]) // 2)}
        ends = self._plan.get("ends")
        return timing | ({"end": ends[number % len(ends)]} if ends else {})

    def event(self, number: int, received: float) -> dict[str, Any]:
        if self._mine is None:
            return super().event(number, received)
        last = self._whole and number + 1 == int(self._plan["count"])
        now = time.monotonic()
        if number == 0:
            self._mine[1] = now
        else:
            self._mine[2] = max(self._mine[2], now - self._before)
        self._before = now
        delta = {"content": f"t{number} "} | ({"role": "assistant"} if number == 0 else {})
        choice = {"index": 0, "delta": delta, "finish_reason": "stop" if last else None}
        usage = {"prompt_tokens": 8, "completion_tokens": number + 1, "total_tokens": number + 9}
        return WHOLE | {"choices": [choice]} | ({"usage": usage} if last else {})


def at_once() -> bool:
    """From now on this process goes before all ordinary ones (SCHED_FIFO, `man 7 sched`); False where it may not."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, OSError):
        return False
    return True


if __name__ == "__main__":
    watch()
    told: list[list[float]] = []
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(partial(Model, plan=json.loads(sys.argv[1]), told=told, ahead=at_once())))
