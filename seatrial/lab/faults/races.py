"""What goes wrong only when two requests are under way at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter

from seatrial.lab.crossing import Answer, Asked, Behind
from seatrial.lab.faults.histories import answered_only
from seatrial.lab.faults.making import BOTH, CREATE, SEND, Fault

WINDOW = 0.02
"""Seconds for which a request waits for another one: both are under way then, however fast the upstream is."""


class _TurnsCollide:
    """Of two turns of one account that are under way together, the later one is answered and kept nowhere."""

    def __init__(self) -> None:
        self.under_way: Counter[str] = Counter()

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        session = asked.session if asked.operation in SEND else None
        who = behind.caller(asked)
        if session is None or who is None:
            return await behind.answer(asked)
        if self.under_way[who]:
            return await answered_only(asked, behind)
        self.under_way[who] += 1
        try:
            await asyncio.sleep(WINDOW)
            return await behind.answer(asked)
        finally:
            self.under_way[who] -= 1


class _CreatesCollide:
    """Two sessions of one account that are created together turn out to be one."""

    def __init__(self) -> None:
        self.under_way: dict[str, asyncio.Future[object]] = {}

    async def __call__(self, asked: Asked, behind: Behind) -> Answer:
        who = behind.caller(asked)
        if asked.operation not in CREATE or who is None:
            return await behind.answer(asked)
        if who in self.under_way:
            return Answer.of(200, await asyncio.shield(self.under_way[who]))
        made = self.under_way[who] = asyncio.get_running_loop().create_future()
        document: object = None
        try:
            await asyncio.sleep(WINDOW)
            answer = await behind.answer(asked)
            document = await answer.document()
            return answer
        finally:
            del self.under_way[who]
            made.set_result(document)


FAULTS = [
    Fault("parallel-turns-lost", "durability", BOTH, "Of two messages sent at the same moment one is not kept.",
          ("parallel-kept",), _TurnsCollide),
    Fault("parallel-creates-collide", "durability", BOTH, "Two conversations begun at the same moment become one.",
          ("parallel-kept",), _CreatesCollide),
]  # fmt: skip
