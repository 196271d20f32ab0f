"""Servers that take their time, and a machine that has other things to do: what `gate` compares, and in what.

    with paced(Pace()) as a, paced(Pace(slower={"getHistory": 1.25})) as b, weather(seed=3): ...

Run as a program it is one of these processes: `weathered.py serve '{...}'`, or `weathered.py burn SEED`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Any

from seatrial.contract import SESSIONS, Contract
from seatrial.lab.children import child
from seatrial.lab.reference import create_app
from seatrial.lab.serving import serve
from seatrial.lifeline import child_environment, watch

Event = MutableMapping[str, Any]

QUIET, BUSY = (2.0, 8.0), (0.3, 2.5)
"""Seconds between two bursts, and of a burst, evenly spread."""


@dataclass(frozen=True)
class Pace:
    """Seconds that the operations of a reference server take on average, spread log-normally by `spread`.

    `slower` are factors by operation. The times are such that a tenth of their p95 is more than the floor of 5 ms.
    """

    message: float = 0.08
    other: float = 0.06
    spread: float = 0.15
    slower: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def seconds(self, operation: str, chance: random.Random) -> float:
        usual = self.message if operation == "sendMessage" else self.other
        return usual * self.slower.get(operation, 1.0) * math.exp(chance.gauss(0, self.spread))


@contextlib.contextmanager
def paced(pace: Pace) -> Iterator[str]:
    """A reference server of this pace in a process of its own; its URL."""
    command = [sys.executable, "-P", __file__, "serve", json.dumps(asdict(pace))]
    with child(command, env=child_environment(), errors=None) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]


@contextlib.contextmanager
def weather(seed: int) -> Iterator[None]:
    """A process for each processor that loads it now and then, all at the same moments."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            command = [sys.executable, "-P", __file__, "burn", str(seed)]
            stack.enter_context(child(command, env=child_environment(), errors=None))
        yield


def _slow(pace: Pace) -> Callable[[Event, Any, Callable[[Event], Awaitable[None]]], Awaitable[None]]:
    contract = Contract.load()
    app, prefix, chance = create_app(contract), contract.prefix(SESSIONS), random.Random(pace.seed)
    routes = [
        (operation.method, re.compile(prefix + re.sub(r"\{\w+\}", "[^/]+", operation.path)), operation.id)
        for operation in contract.operations.values()
        if operation.api == SESSIONS
    ]

    async def slowly(scope: Event, receive: Any, send: Callable[[Event], Awaitable[None]]) -> None:
        if scope["type"] == "http":
            named = (
                name for method, path, name in routes if scope["method"] == method and path.fullmatch(scope["path"])
            )
            await asyncio.sleep(pace.seconds(next(named, ""), chance))
        await app(scope, receive, send)

    return slowly


def _burn(seed: int) -> None:
    chance = random.Random(seed)
    while True:
        time.sleep(chance.uniform(*QUIET))
        until = time.monotonic() + chance.uniform(*BUSY)
        while time.monotonic() < until:
            pass


if __name__ == "__main__":
    watch()
    with contextlib.suppress(KeyboardInterrupt):
        if sys.argv[1] == "serve":
            serve(_slow(Pace(**json.loads(sys.argv[2]))), port=0, banner="ready {url}")
        else:
            _burn(int(sys.argv[2]))
