"""An Open WebUI whose model's provider limits requests, and the suite by hand against it, its pauses shortened.

with serving(LimitedOpenWebUI(refuses=[2])) as url:
    ended, findings = run(url, out, "test_turns.py")
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import uuid
from collections.abc import Container
from pathlib import Path
from typing import Any

from command_line import environment
from odd_openwebui import OddOpenWebUI
from starlette.responses import JSONResponse

from seatrial.cli.verification import _command
from seatrial.records import Finding, Run, RunFolder

WORDS = "Rate limit reached for model `llama` on requests per minute (RPM): Limit 30, Used 30."
STAND_IN = ("answer-conforms", "refusal-conforms", "status-documented", "history-links")
"""Rules that the stand-in breaks by saying no more than is asked of it here."""


class LimitedOpenWebUI(OddOpenWebUI):
    """Completions whose number (from 1) is one of `refuses` are refused by the provider, as 0.12.4 passes that on."""

    def __init__(self, refuses: Container[int], status: int = 429) -> None:
        super().__init__(features={"enable_websocket": False})
        self.refuses, self.status = refuses, status
        self.numbers = itertools.count(1)
        self.refused = self.taken = 0
        self._replies: set[str] = set()

    def _delete_chat(self, user: Any, body: Any, chat_id: str) -> Any:
        if self.chats.get(chat_id, {}).get("user_id") != user["id"]:
            return JSONResponse({"detail": "not found"}, 404)
        return super()._delete_chat(user, body, chat_id)

    def _create_chat_completion(self, user: Any, body: dict[str, Any]) -> Any:
        if "parent_id" in body and body["parent_id"] is None:
            chat = self._create_chat(user, {"chat": {"title": "New Chat", "history": {"messages": {}}}})
            body["chat_id"] = chat["id"]
        if body.get("id") in self._replies:
            self.taken += 1
            return JSONResponse({"detail": "Message already exists or has an invalid ID."}, 409)
        self._replies |= {body["id"]} if body.get("id") else set()
        if next(self.numbers) not in self.refuses:
            return super()._create_chat_completion(user, body)
        self.refused += 1
        if body.get("chat_id"):
            self._keep(body, "")
            stored = self.chats[body["chat_id"]]["chat"]["history"]["messages"][body["id"]]
            stored["error"] = {"content": WORDS}
            if body.get("session_id"):
                return {"status": True, "task_ids": [str(uuid.uuid4())], "chat_id": body["chat_id"]}
            if self.status == 400:
                return JSONResponse(None)
        if self.status == 400:  # up to 0.11.4
            return JSONResponse({"detail": WORDS}, 400)
        return JSONResponse({"error": {"message": WORDS, "type": "requests"}}, self.status)


def run(url: str, out: Path, test: str, **credentials: str) -> tuple[Run, list[Finding]]:
    """How it ended, and the findings that fail it. `credentials` are environment variables."""
    code = (
        "import sys, pytest\nfrom contract_tests import quota, contact\n"
        "quota.PACES, quota.PAUSES, contact.ALIVE_PAUSE = (50.0, 20.0), (0.05, 0.05, 0.05), 0.1\n"
        f"sys.exit(pytest.main({_command(test)[4:]!r}))"
    )
    out.mkdir()
    given = {"SEATRIAL_URL": url, "SEATRIAL_RUN": str(out)} | (credentials or {"SEATRIAL_ADMIN_TOKEN": "token-of-boss"})
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment(given | {"SEATRIAL_TIMEOUT": "5"}),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    ended = RunFolder(out).load()
    assert ended.ended, done.stdout + done.stderr
    found = RunFolder(out).rows("findings.jsonl", Finding)
    return ended, [one for one in found if one.fails and one.rule not in STAND_IN]
