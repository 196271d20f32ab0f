"""What a recorded call has to carry when it is sent again: new ids for old ones, new secrets for those left out.

Ids that an answer brought are bound to what the new answer brings in the same place. All other UUIDs were made by the
caller and are made anew, so that no call can name something that an earlier run, or somebody else, owns.
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Mapping
from urllib.parse import quote

from contract_tests.trail import ID

_NAME = re.compile(r"<(secret|key) \d+>")


class Bindings:
    """Old texts and the new ones in their place."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """`texts` are replaced wherever they stand: the run's marker, and what was made of it."""
        self._texts = {old: new for old, new in texts.items() if old}
        self._bound: dict[str, str] = {}

    def bind(self, old: str, new: str) -> None:
        self._bound[old] = new

    def knows(self, old: str) -> bool:
        """Whether an answer brought it, or it was made anew."""
        return old in self._bound

    def value(self, old: str) -> str:
        """A text that may be an id as a whole, or hold one."""
        return self._bound.get(old) or self.text(old)

    def path(self, path: str) -> str:
        """A path: an id is one of its segments, percent-encoded."""
        segments = path.split("/")
        encoded = {quote(old, safe=""): quote(new, safe="") for old, new in self._bound.items()}
        return "/".join(encoded.get(segment) or self.text(segment) for segment in segments)

    def body(self, text: str) -> str:
        """The text of a JSON body: an id that is no UUID is replaced where it is a whole string."""
        for old, new in self._bound.items():
            if not ID.fullmatch(old) and not _NAME.fullmatch(old):
                text = text.replace(json.dumps(old), json.dumps(new))
        return self.text(text)

    def text(self, text: str) -> str:
        for old, new in self._texts.items():
            text = text.replace(old, new)
        text = ID.sub(lambda found: self._made(found.group()), text)
        return _NAME.sub(lambda found: self.secret(found.group()), text)

    def secret(self, name: str) -> str:
        """The secret that a name stands for: one that an answer brought, or a new one, which opens nothing."""
        if name not in self._bound:
            self._bound[name] = f"sk-{secrets.token_hex(16)}" if name.startswith("<key") else secrets.token_urlsafe(18)
        return self._bound[name]

    def _made(self, old: str) -> str:
        if old not in self._bound:
            new = uuid.uuid4()
            self._bound[old] = str(new) if "-" in old else new.hex
        return self._bound[old]
