"""Releases of Open WebUI, and which of them a marked part of the contract speaks of.

`x-since` and `x-until` name the first and the last release, both inclusive.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True, slots=True)
class Release:
    """A version as numbers, so that 0.10.2 comes after 0.9.6."""

    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, text: str | None) -> Release | None:
        """None when the text holds no version."""
        match = re.match(r"v?(\d+(?:\.\d+)*)", text or "")
        return cls(tuple(int(part) for part in match.group(1).split("."))) if match else None

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers))


def within(marked: Mapping[str, Any], release: Release) -> bool:
    """Whether a node with `x-since`/`x-until` belongs to the release; one without belongs to all."""
    since, until = Release.parse(marked.get("x-since")), Release.parse(marked.get("x-until"))
    return (since is None or since <= release) and (until is None or release <= until)


def cut(node: Any, release: Release, *, keep: bool = False) -> None:
    """Take out, in place, what a release does not have: marked nodes, and the demand for marked properties.

    A property stays described outside its releases (typed and allowed), so with `keep` none is deleted.
    """
    if isinstance(node, list):
        for item in node:
            cut(item, release)
    if not isinstance(node, dict):
        return
    properties, required = node.get("properties"), node.get("required")
    if isinstance(properties, dict) and isinstance(required, list):
        node["required"] = [name for name in required if within(properties.get(name, {}), release)]
    for key, value in list(node.items()):
        if isinstance(value, dict) and not keep and not within(value, release):
            del node[key]
        else:
            cut(value, release, keep=key == "properties")
