"""What a run made on its target, on disk before it is made: so that it can be removed, whatever happens.

Each line is one event: `intend` before a request that creates, `made` with the id after it, `failed`
when it was refused, `removed`. What was intended and neither made nor failed may exist: a kill came between.
A 404 to a removal is no event: somebody who may not see a session is told that there is none. `cleaning`
asks whose it is, and counts it. `seatrial clean` reads the file of a run that was killed.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.errors import Inconclusive
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.parsing import parse
from seatrial.reading import names_one
from seatrial.records import appended, ends_inside_a_line, full
from seatrial.target import Account

LEDGER = "ledger.jsonl"
"""Of a run that one process makes; several have `ledger-01.jsonl` and so on beside it."""

CREATES = {"createSession": ("session", "id"), "createChat": ("chat", "id"), "addUser": ("user", "id")}
"""Operation -> what it makes, and where the answer names it."""

REMOVES = {"deleteSession": "session", "deleteChat": "chat", "deleteUser": "user"}

MOST_FOUND = 5_000
"""Sessions of an account that are written down before a run."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something the run made, or may have made (`id` is None). `account` is the label of who owns it."""

    kind: str
    account: str
    id: str | None
    marker: str
    key: int = 0


class Ledger:
    """Append-only, one line per event, at once on the disk: a killed process loses none.

    Raises `Inconclusive` when the disk is full. What was made by then is still known here, and can be removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._cut = ends_inside_a_line(path)  # what comes next must not be glued to it and lost with it
            self._file = appended(path)
        except OSError as error:
            raise full(path, error) from None
        self._unwritten: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        # The same call may be under way several times, as several accounts.
        self._pending: dict[tuple[str, int], list[int]] = {}
        self._key = sum(1 for _ in read(path))

    def before(self, account: Account, call: Call) -> None:
        """Write the intent of a call that creates something."""
        kind = created_kind(call)
        if kind is None:
            return
        with self._lock:
            self._key += 1
            waiting = self._pending.setdefault((account.label, id(call)), [])
            waiting.append(self._key)  # first: who wants to interrupt looks here
            try:
                self._write(event="intend", key=self._key, kind=kind, account=account.label, marker=marker_of(call))
            except Inconclusive:
                waiting.remove(self._key)
                raise

    def after(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        """Write what became of a call that creates or removes something."""
        kind = created_kind(call)
        if kind is None and call.operation not in REMOVES:  # as with most
            return
        with self._lock:
            if kind is not None:
                waiting = self._pending.get((account.label, id(call)), [])
                key = waiting[-1] if waiting else None
                made = made_id(call, outcome)
                try:
                    if made:
                        self._write(event="made", key=key, kind=kind, account=account.label, id=made)
                    elif _made_nothing(outcome):
                        self._write(event="failed", key=key)
                finally:
                    del waiting[-1:]
                    if not waiting:  # a load makes many of them
                        self._pending.pop((account.label, id(call)), None)
            removed = REMOVES.get(call.operation)
            if removed and call.values and isinstance(outcome, Reply) and 200 <= outcome.status < 300:
                self._write(event="removed", kind=removed, id=call.values[0], account=account.label)

    def removed(self, kind: str, entry_id: str) -> None:
        """For what is known to be gone: it went with its account, or whoever owns it is told that there is none."""
        with self._lock:
            self._write(event="removed", kind=kind, id=entry_id)

    def found(self, account: str, ids: Sequence[str]) -> None:
        """What an account had before the run: what is asked for where a creation was never answered."""
        with self._lock:
            self._write(event="found", account=account, ids=list(ids[:MOST_FOUND]), all=len(ids) <= MOST_FOUND)

    def came_since(self, accounts: Iterable[str], ids: Iterable[str]) -> list[str] | None:
        """Those that none of the accounts had before the run, and that the run did not make as far as it knows.

        None when nobody wrote down what one of them had before.
        """
        before: dict[str, set[str]] = {}
        made: set[str] = set()
        for event in [*read(self.path), *self._unwritten]:
            if event.get("event") == "found" and event.get("all"):
                before[str(event.get("account"))] = set(map(str, event.get("ids") or ()))
            elif event.get("event") == "made":
                made.add(event["id"])
        known = made.union(*before.values())
        return [one for one in ids if one not in known] if before.keys() >= set(accounts) else None

    def settled(self, entry: Entry) -> None:
        """For an intent whose traces were looked for everywhere they can be: it made nothing that is left."""
        with self._lock:
            self._write(event="failed", key=entry.key)

    def gone(self, entry: Entry) -> None:
        """For what went with its account, whether its creation was ever answered or not."""
        if entry.id:
            self.removed(entry.kind, entry.id)
        else:
            self.settled(entry)

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is under way that will name something made; asked by signal handlers, without the lock."""
        return any(list(self._pending.values()))

    def open_entries(self) -> list[Entry]:
        """As the function of this name, with what the disk did not take."""
        return _folded([*read(self.path), *self._unwritten])

    def close(self) -> None:
        self._file.close()

    def _write(self, **event: Any) -> None:
        self._unwritten.append(event)
        try:
            while self._unwritten:
                line = b"\n" * self._cut + json.dumps(self._unwritten[0]).encode() + b"\n"
                self._cut = self._file.write(line) < len(line)
                if self._cut:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._unwritten.pop(0)
        except OSError as error:
            if event["event"] == "intend":  # what cannot be written down is not sent either
                self._unwritten.remove(event)
            raise full(self.path, error) from None


def _made_nothing(outcome: Reply | NoAnswer) -> bool:
    """Refused as a wrong request, or never received. After anything else it may have been made."""
    return 400 <= outcome.status < 500 if isinstance(outcome, Reply) else not outcome.reached


def created_kind(call: Call) -> str | None:
    """What a call makes when it succeeds; None for most."""
    if call.operation in CREATES:
        return CREATES[call.operation][0]
    body = call.json
    if call.operation != "createChatCompletion" or not isinstance(body, dict):
        return None
    asks_for_one = "parent_id" in body and body["parent_id"] is None and not body.get("chat_id")
    return "chat" if asks_for_one else None


def made_id(call: Call, outcome: Reply | NoAnswer) -> str | None:
    if not isinstance(outcome, Reply) or not 200 <= outcome.status < 300:
        return None
    try:
        document = parse(outcome.body)
    except ValueError:
        return None
    name = CREATES.get(call.operation, ("chat", "chat_id"))[1]
    value = document.get(name) if isinstance(document, dict) else None
    return value if names_one(value) else None


def marker_of(call: Call) -> str:
    """The words by which something made without a known id can be found again, "" where there is no room."""
    body = call.json if isinstance(call.json, dict) else {}
    chat, message = body.get("chat"), body.get("user_message")
    title = chat.get("title") if isinstance(chat, dict) else None
    said = message.get("content") if isinstance(message, dict) else None
    return str(body.get("email") or title or "")[:200] or str(said or "")[-200:]


_NEEDED = {"intend": ("key", "kind", "account"), "made": ("kind", "account", "id"), "removed": ("kind", "id")}


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a ledger; a last line cut by a kill is left out, and what is no event."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and all(
            isinstance(event.get(name), (str, int)) for name in _NEEDED.get(str(event.get("event")), ())
        ):
            yield event


def open_entries(path: Path) -> list[Entry]:
    """What was made, or may have been, and was not removed. Accounts come first: they take their chats along."""
    return _folded(read(path))


def ledgers(folder: Path) -> list[Path]:
    """Every ledger of a run folder."""
    return sorted(folder.glob("ledger*.jsonl"))


def left_open(folder: Path) -> list[Entry]:
    """The open entries of all ledgers of a run folder."""
    return [entry for path in ledgers(folder) for entry in open_entries(path)]


def _folded(events: Iterable[dict[str, Any]]) -> list[Entry]:
    intents: dict[int, dict[str, Any]] = {}
    made: dict[tuple[str, str], Entry] = {}
    for event in events:
        match event.get("event"):
            case "intend":
                intents[event["key"]] = event
            case "failed":
                intents.pop(event.get("key", -1), None)
            case "made":
                intent = intents.pop(event.get("key", -1), {})
                entry = Entry(event["kind"], event["account"], event["id"], intent.get("marker", ""))
                made[event["kind"], event["id"]] = entry
            case "removed":
                key = event["kind"], event["id"]
                # Somebody else's word on it is not taken: where it is true, the owner will be told so too.
                if key in made and event.get("account", made[key].account) == made[key].account:
                    del made[key]
    maybe = [Entry(e["kind"], e["account"], None, e.get("marker", ""), key) for key, e in intents.items()]
    return sorted([*made.values(), *maybe], key=lambda entry: entry.kind != "user")
