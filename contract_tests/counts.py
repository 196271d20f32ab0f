"""Counts of tokens, as replies tell them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seatrial.reading import held, number


def miscounted(usage: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(expected, received, where) for what does not add up."""
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    counts = {name: usage[name] for name in names if usage.get(name) is not None}
    for name, value in counts.items():
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or value < 0:
            yield "a whole number from 0", f"{name}: {value!r}", name
            return
    if len(counts) < len(names):
        return
    prompt, said, total = (counts[name] for name in names)
    thought = number(held(usage.get("completion_tokens_details"), "reasoning_tokens")) or 0
    if total < prompt + said:
        yield f"at least {prompt} + {said}", f"{total} in all", "total_tokens"
    elif total > prompt + said and total != prompt + said + thought:
        yield f"{prompt} + {said}", f"{total} in all", "more in all"
