"""How tests ask the scripted provider and read what it wrote down; its fixtures are `provider` and `record`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from seatrial.lab.provider import Script

QUICK = Script(first_token=0.0, gap=0.0)


def ask(url: str, text: Any, **more: Any) -> httpx.Response:
    body = {"model": "seatrial-model", "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{url}/v1/chat/completions", json=body)


def calls(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
