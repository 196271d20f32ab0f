"""Sessions and messages in SQLite, and scripted replies: what the reference server knows by itself."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seatrial import __version__
from seatrial.errors import WrongUse
from seatrial.lab.script import Script

TITLE = 80
"""Characters of the first prompt that name a session."""

# `sequence` orders what happens within one second. Texts are BLOBs: SQLite's own text cannot hold half a surrogate
# pair, which JSON can say.
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
    created_at INTEGER NOT NULL, title BLOB
);
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, role TEXT NOT NULL,
    content BLOB NOT NULL, created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_session ON messages (session_id, sequence);
CREATE INDEX IF NOT EXISTS sessions_by_owner ON sessions (owner, sequence);
"""


class Refused(Exception):
    """A request that is answered with an error: its status and one sentence."""

    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail
        super().__init__(detail)


MISSING = "There is no such session."
WRONG_CREDENTIALS = "These credentials are not accepted."


class Kept:
    """One database for all owners. With `tokens`, each is an owner; without, credentials are not looked at."""

    def __init__(self, database: str | Path, tokens: Sequence[str] = (), script: Script | None = None) -> None:
        self.script = script or Script()
        # Owners are kept as digests: a file that is handed around holds no secret.
        self._owners = {token: hashlib.sha256(token.encode()).hexdigest()[:16] for token in tokens}
        self.lock = threading.Lock()
        try:
            self.db = sqlite3.connect(database, check_same_thread=False)
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = NORMAL")
            self.db.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise WrongUse(f"cannot use {database} as --database: {error}") from None

    def __del__(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    def admit(self, token: str | None) -> OwnersDesk:
        if not self._owners:
            return OwnersDesk(self, "")
        owner = self._owners.get(token or "")
        if owner is None:
            raise Refused(401, "Credentials are needed here." if token is None else WRONG_CREDENTIALS)
        return OwnersDesk(self, owner)


class OwnersDesk:
    """The six operations as one owner sees them: what belongs to somebody else is missing."""

    def __init__(self, kept: Kept, owner: str) -> None:
        self._kept, self._owner = kept, owner

    def create(self) -> dict[str, Any]:
        session_id, now = uuid.uuid4().hex, int(time.time())
        with self._kept.lock, self._kept.db as db:
            row = (session_id, self._owner, now)
            db.execute("INSERT INTO sessions (id, owner, created_at) VALUES (?, ?, ?)", row)
        return {"id": session_id, "created_at": now, "title": None}

    def sessions(self) -> dict[str, Any]:
        query = "SELECT id, created_at, title FROM sessions WHERE owner = ? ORDER BY sequence DESC"
        with self._kept.lock:
            rows = self._kept.db.execute(query, (self._owner,)).fetchall()
        return {"sessions": [{"id": i, "created_at": at, "title": t if t is None else _text(t)} for i, at, t in rows]}

    def send(self, prompt: str, session_id: str | None) -> dict[str, Any]:
        reply = self._kept.script.reply(prompt)
        answer = {"reply": reply, "model": self._kept.script.models[0], "session_id": session_id}
        if session_id is None:
            return answer
        now = int(time.time())
        rows = [(session_id, role, _bytes(text), now) for role, text in (("user", prompt), ("assistant", reply))]
        # One transaction: a turn is in the history whole or not at all, and nothing comes between its messages.
        with self._kept.lock, self._kept.db as db:
            self._found(session_id)
            db.executemany("INSERT INTO messages (session_id, role, content, created_at) VALUES (?, ?, ?, ?)", rows)
            title = _bytes(prompt[:TITLE])
            db.execute("UPDATE sessions SET title = ? WHERE id = ? AND title IS NULL", (title, session_id))
        return answer

    def history(self, session_id: str) -> dict[str, Any]:
        query = "SELECT role, content, created_at FROM messages WHERE session_id = ? ORDER BY sequence"
        with self._kept.lock:
            self._found(session_id)
            rows = self._kept.db.execute(query, (session_id,)).fetchall()
        messages = [{"role": role, "content": _text(content), "created_at": at} for role, content, at in rows]
        return {"session_id": session_id, "messages": messages}

    def delete(self, session_id: str) -> dict[str, Any]:
        with self._kept.lock, self._kept.db as db:
            self._found(session_id)
            db.execute("DELETE FROM messages WHERE session_id = ?", (session_id,))
            db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        return {"deleted": True, "id": session_id}

    def model(self) -> dict[str, Any]:
        return {"name": self._kept.script.models[0], "version": __version__}

    def _found(self, session_id: str) -> None:
        query = "SELECT 1 FROM sessions WHERE id = ? AND owner = ?"
        # Our ids are ASCII, and half a surrogate pair cannot even be asked for.
        if not session_id.isascii() or self._kept.db.execute(query, (session_id, self._owner)).fetchone() is None:
            raise Refused(404, MISSING)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")
