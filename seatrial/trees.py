"""Chats of Open WebUI made of texts, without asking a model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from seatrial.completions import new_id


def tree(title: str, texts: Sequence[str], model: str | None) -> dict[str, Any]:
    """A chat whose messages alternate between user and assistant, linked as the web app links them."""
    ids = [new_id() for _ in texts]
    messages = {}
    for i, text in enumerate(texts):
        role = "user" if i % 2 == 0 else "assistant"
        messages[ids[i]] = {
            "id": ids[i],
            "parentId": ids[i - 1] if i else None,
            "childrenIds": ids[i + 1 : i + 2],
            "role": role,
            "content": text,
            "timestamp": int(time.time()),
        } | ({"model": model or "", "done": True} if role == "assistant" else {"models": [model or ""]})
    return {
        "title": title,
        "models": [model or ""],
        "history": {"messages": messages, "currentId": ids[-1] if ids else None},
    }
