"""The journey `session` as anybody would write it: create, turns, history, delete, and nothing is checked or recorded.

    PLAIN_KIND=fast locust -f benchmarks/plain_users.py --headless -u 20 -r 20 -t 15s -H URL       # or http
    python benchmarks/plain_users.py URL                                                           # asyncio and httpx

PLAIN names the file to which the sessions and the processor seconds of the middle of the run are written, PLAIN_SECONDS
how long it lasts. With PLAIN_THINK, users think so long before each turn.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from seatrial.contract import Contract
from seatrial.lifeline import watch

KIND, SECONDS = os.environ.get("PLAIN_KIND", ""), float(os.environ.get("PLAIN_SECONDS", "15"))
THINK, USERS, TURNS = float(os.environ.get("PLAIN_THINK", "0")), int(os.environ.get("PLAIN_USERS", "20")), 3
BEGIN, END = 0.3, 0.9
"""The part of the run that counts."""

CONTRACT = Contract.load()
CREATE, SEND = CONTRACT.call("createSession").path, CONTRACT.call("sendMessage").path
PROMPT = "Answer in one short sentence: why do ships have bulkheads?"


class Tally:
    """Sessions that ended, and what they cost: `mark` twice, then `write`."""

    sessions = 0

    def __init__(self) -> None:
        self._marks: list[tuple[int, float, float]] = []

    def mark(self) -> None:
        self._marks.append((self.sessions, time.process_time(), time.perf_counter()))

    def write(self) -> None:
        (few, spent, began), (many, more, ended) = self._marks
        told = {"sessions": many - few, "cpu": more - spent, "seconds": ended - began}
        Path(os.environ["PLAIN"]).write_text(json.dumps(told), "utf-8")


TALLY = Tally()


def history(session: str) -> str:
    return CONTRACT.call("getHistory", session).path


def deleted(session: str) -> str:
    return CONTRACT.call("deleteSession", session).path


async def _play(client: Any, until: float) -> None:
    while time.perf_counter() < until:
        session = (await client.post(CREATE)).json()["id"]
        for _ in range(TURNS):
            await client.post(SEND, json={"prompt": PROMPT, "session_id": session})
        await client.get(history(session))
        await client.delete(deleted(session))
        TALLY.sessions += 1


async def _asyncio(url: str) -> None:
    from httpx import AsyncClient

    async with AsyncClient(base_url=url, timeout=30) as client:
        players = [asyncio.create_task(_play(client, time.perf_counter() + SECONDS)) for _ in range(USERS)]
        await asyncio.sleep(SECONDS * BEGIN)
        TALLY.mark()
        await asyncio.sleep(SECONDS * (END - BEGIN))
        TALLY.mark()
        await asyncio.gather(*players)
    TALLY.write()


if KIND:
    import gevent
    from locust import FastHttpUser, HttpUser, constant, events, task

    watch()

    @events.test_start.add_listener  # type: ignore[untyped-decorator]
    def _watch_time(**_: Any) -> None:
        gevent.spawn(_mark)

    def _mark() -> None:
        gevent.sleep(SECONDS * BEGIN)
        TALLY.mark()
        gevent.sleep(SECONDS * (END - BEGIN))
        TALLY.mark()
        if "PLAIN" in os.environ:
            TALLY.write()

    class PlainUser(FastHttpUser if KIND == "fast" else HttpUser):  # type: ignore[misc]
        """One person; paths with ids are put under one name, as Locust's documentation asks for."""

        wait_time = constant(0)

        @task
        def session(self) -> None:
            session = self.client.post(CREATE).json()["id"]
            for _ in range(TURNS):
                if THINK:
                    gevent.sleep(THINK)
                self.client.post(SEND, json={"prompt": PROMPT, "session_id": session})
            self.client.get(history(session), name="history")
            self.client.delete(deleted(session), name="delete")
            TALLY.sessions += 1


if __name__ == "__main__":
    watch()
    asyncio.run(_asyncio(sys.argv[1]))
