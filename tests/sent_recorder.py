"""A pytest plugin for the suite: writes down every call that a verification sends, made comparable.

    PYTEST_ADDOPTS="-p sent_recorder" PYTHONPATH=tests SENT_TO=calls.jsonl seatrial verify ...

One line a call: the test, who sent it, what it was. Ids, tokens, run markers, times and the number of polls are taken
out; calls that were sent at the same time are put in order.
"""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

VARIED = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r'("timestamp": )\d{10}\b'), r"\1TIME"),
    (re.compile(r'("password": )"[\w!-]{20,}"'), r'\1"SECRET"'),
    (re.compile(r"(MARKER)-[0-9a-f]{6}@"), r"\1-HEX@"),
    (re.compile(r'("session_id": )"[\w-]{20}"'), r'\1"SOCKET"'),
)


class SentRecorder:
    """Listens to the run's crew."""

    def __init__(self) -> None:
        self.test = ""
        self.rows: list[tuple[bool, list[Any]]] = []
        self.marker = ""

    def hear(self, account: Any, call: Any, outcome: Any) -> None:
        body = call.body()
        text = f"{call.path} {list(call.params)} {body.decode('utf-8', 'backslashreplace') if body else ''}"
        short = self.marker[-8:]
        text = text.replace(self.marker, "MARKER").replace(short, "MARK").replace(short.upper(), "MARK")
        for pattern, name in VARIED:
            text = pattern.sub(name, text)
        row = [self.test, account.label, call.operation, call.method, text.strip()]
        alone = threading.current_thread() is threading.main_thread()
        if call.operation == "listChatTasks" and self.rows and self.rows[-1][1] == row:
            return
        self.rows.append((alone, row))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        plugin: Any = session.config.pluginmanager.get_plugin("seatrial-verification")
        if plugin is not None and plugin.verification is not None:
            self.marker = plugin.verification.crew.marker
            plugin.verification.crew.listeners.append(self.hear)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.test = item.nodeid.rpartition("/")[2]

    def pytest_unconfigure(self) -> None:
        lines: list[list[Any]] = []
        at_once: list[list[Any]] = []
        for alone, row in [*self.rows, (True, [])]:
            if alone:
                lines += [*sorted(at_once), row]
                at_once = []
            else:
                at_once.append(row)
        Path(os.environ["SENT_TO"]).write_text("".join(json.dumps(line) + "\n" for line in lines if line), "utf-8")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SentRecorder())
