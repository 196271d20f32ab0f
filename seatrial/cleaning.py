"""Removes what a run made, and looks whether anything of it is left.

Only what the ledger names, or what carries the run's marker or a prompt of its own, is touched. A session that was
intended, never confirmed and carries none of these is looked for among those that came since the run began: it is
removed from accounts that may be written to freely, and reported on others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from seatrial.actor import Actor, verbs_for
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.errors import SeatrialError
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected, repeated
from seatrial.ledger import Entry, Ledger
from seatrial.markers import ADDRESS, MAIL_DOMAIN
from seatrial.reading import held, identifier, items, success
from seatrial.target import ANONYMOUS, STRANGER

DELETES = {"chat": "deleteChat", "session": "deleteSession", "user": "deleteUser"}
MISSING = 404
STRANGERS = (ANONYMOUS.label, STRANGER)
ATTEMPTS = 3
MOST_UNANSWERED = 4
"""Requests in a row without an answer, after which none is sent: what is left is told, and can be removed later."""

Progress = Callable[[int, int], None]


@dataclass
class Cleaner:
    """`clients` are by account label; `admin` may remove throwaway accounts, and their chats with them.

    `disposable`: the accounts may be written to freely. `unsure`: accounts without ids may have come in another order
    than in the run, so that each is asked before something counts as gone. `lacking`: some may not have come at all, so
    that what these do not have is not gone for that. Unless `believed`, as what a folder says is not, an account is
    removed only where the target itself says that its address is one of the run's. `elsewhere`: it is asked where the
    run did not work, and what is not there is gone only once something of the run was.
    """

    ledger: Ledger
    contract: Contract
    clients: Mapping[str, Client]
    admin: Client | None
    marker: str
    throwaways: frozenset[str] = frozenset()
    disposable: bool = False
    unsure: bool = False
    lacking: bool = False
    believed: bool = True
    elsewhere: bool = False
    _refused: dict[int, list[str]] = field(default_factory=dict)
    _suspects: dict[int, list[str]] = field(default_factory=dict)
    _unanswered: int = 0
    _found: bool = False

    def clean(self, progress: Progress | None = None) -> list[str]:
        """Remove everything known. Returns what is left, one line each; empty is good."""
        self._remove_all(progress)
        self._sweep()
        if self.elsewhere and self._found:
            self.elsewhere = False
            self._remove_all()
        return [self._told(entry) for entry in self.ledger.open_entries()]

    def _remove_all(self, progress: Progress | None = None) -> None:
        entries = self.ledger.open_entries()
        for done, entry in enumerate(entries, 1):
            with suppress(Unexpected, NoAnswer, SeatrialError):  # what stays in the ledger is told at the end
                self._remove(entry)
            if progress:
                progress(done, len(entries))

    def _remove(self, entry: Entry) -> None:
        if entry.kind == "user":
            self._remove_user(entry)
            return
        if entry.account in self.throwaways and self.admin is not None:
            self.ledger.gone(entry)
            return
        asked = self._asked(entry.account)
        if not asked:
            return
        if entry.id:
            self._delete([*asked.values()], entry.kind, entry.id)
        elif self.marker and self.marker in entry.marker:
            self._settle(entry, [(one, chat) for one in asked.values() for chat in self._marked(one)])
        elif entry.kind == "session":
            self._look_for(entry, asked)
        elif nonce := _nonce(entry.marker, self.marker):
            self._settle(entry, [(one, chat) for one in asked.values() for chat in self._saying(one, nonce)])

    @property
    def _is_unsaid(self) -> bool:
        """Whether nothing is gone for not being there."""
        return self.lacking or self.elsewhere

    def _asked(self, account: str) -> Mapping[str, Client]:
        """Who may have had this label in the run, by the labels of now; first who has it."""
        had = {account: self.clients[account]} if account in self.clients else {}
        # Not strangers: whom a target refuses knows nothing of what is gone.
        known = {label: client for label, client in self.clients.items() if label not in STRANGERS}
        return had | known if self.unsure else had

    def _remove_user(self, entry: Entry) -> None:
        if self.admin is None:
            return
        if entry.id and self.believed:
            self._delete([self.admin], "user", entry.id)
        elif entry.id:
            self._delete_ours(entry, entry.id)
        elif (users := self._users(entry.marker)) is not None:
            self._settle(entry, [(self.admin, user) for user in users])

    def _delete_ours(self, entry: Entry, user: str) -> None:
        """Remove an account that a ledger names, if it carries the run's marker."""
        known = ADDRESS.fullmatch(entry.marker)
        users = self._users(entry.marker if known else self.marker)
        if users is None or self.admin is None:
            return
        if user in users:
            self._delete([self.admin], "user", user)
        elif known and not users and not self._is_unsaid:
            self.ledger.removed("user", user)

    def _settle(self, entry: Entry, found: Iterable[tuple[Client, str]]) -> None:
        """Remove all that an intent without an answer came to. Once none of it can be left, it is looked after."""
        left = [entry_id for client, entry_id in found if not self._delete([client], entry.kind, entry_id)]
        if left:
            self._refused[entry.key] = left
        elif not self._is_unsaid:
            self.ledger.settled(entry)

    def _look_for(self, entry: Entry, asked: Mapping[str, Client]) -> None:
        """A session has no room for a marker: it is one of those that came since, and nobody has said a word in it."""
        empty: list[tuple[Client, str]] = []
        for client in asked.values():
            actor = self._actor(client)
            listed = [session.id for session in repeated(actor.list_sessions)]
            came = self.ledger.came_since(asked, listed)
            if came is None or self.lacking:
                return
            empty += [(client, session) for session in came if not repeated(partial(actor.get_history, session))]
        if empty and not self.disposable:
            self._suspects[entry.key] = [session for _, session in empty]
        else:
            self._settle(entry, empty)

    def _delete(self, clients: Sequence[Client], kind: str, entry_id: str) -> bool:
        """Whether it is gone. Raises `NoAnswer` where nobody says."""
        call = self.contract.call(DELETES[kind], entry_id)
        if kind == "chat":
            clients = [client for client in clients if client.account.deletes]
        for attempt in range(1, ATTEMPTS + 1):
            try:
                statuses = [self._send(client, call).status for client in clients]
            except NoAnswer:
                if attempt == ATTEMPTS:
                    raise
                continue
            nowhere = not self._is_unsaid and set(statuses) == {MISSING}
            there = any(200 <= status < 300 for status in statuses)
            if nowhere or there:
                self._found = self._found or there
                self.ledger.removed(kind, entry_id)
                return True
        return False

    def _actor(self, client: Client) -> Actor:
        return Actor(verbs_for(client.target.api, self.contract), lambda call: self._send(client, call))

    def _send(self, client: Client, call: Call) -> Reply:
        if self._unanswered >= MOST_UNANSWERED:
            raise NoAnswer(call, "nothing was answered any more", reached=False)
        try:
            reply = client.send(call)
        except NoAnswer:
            self._unanswered += 1
            raise
        self._unanswered = 0
        return reply

    def _marked(self, client: Client) -> list[str]:
        listed = repeated(self._actor(client).list_sessions)
        return [session.id for session in listed if self.marker in session.title]

    def _saying(self, client: Client, nonce: str) -> list[str]:
        """Chats in which a prompt of the run stands; a search may bring more than was asked for, so each is read."""
        rows = items(
            reply := self._send(client, self.contract.call("searchChats", query={"text": nonce})), success(reply)
        )
        return [chat for row in rows if self._holds(client, chat := identifier(reply, row), nonce)]

    def _holds(self, client: Client, chat: str, nonce: str) -> bool:
        """Raises `Unexpected` where it cannot be read: what nobody sees may be there."""
        reply = self._send(client, self.contract.call("getChat", chat))
        success(reply)
        return nonce in reply.text

    def _users(self, marker: str) -> list[str] | None:
        """Accounts whose address begins with the marker; None where there is no way to look for them."""
        if self.admin is None or not marker or "searchUsers" not in self.contract.operations:
            return None
        reply = self._send(self.admin, self.contract.call("searchUsers", query={"query": marker}))
        document = success(reply)
        rows = items(reply, document["users"] if held(document, "users") is not None else document)
        emails = [(identifier(reply, row), str(held(row, "email"))) for row in rows]
        return [user for user, email in emails if email.startswith(marker) and email.endswith(f"@{MAIL_DOMAIN}")]

    def _sweep(self) -> None:
        """A last look for accounts that carry the run's marker, whatever the ledger says."""
        if self.admin is None or not self.marker:
            return
        with suppress(Unexpected, NoAnswer, SeatrialError):
            for user in self._users(self.marker) or ():
                self._delete([self.admin], "user", user)

    def _told(self, entry: Entry) -> str:
        if refused := self._refused.get(entry.key):
            return f"{entry.kind} {', '.join(refused)} of {entry.account}"
        if entry.id is None:
            among = ", ".join(self._suspects.get(entry.key, ()))
            which = f"; it is among {among}, which others may have made" if among else ""
            return f"a {entry.kind} of {entry.account} may exist: its creation was sent, and no answer came{which}"
        return f"{entry.kind} {entry.id} of {entry.account}"


def _nonce(said: str, marker: str) -> str | None:
    """What makes a prompt of the run its own: the end of the marker, and a number; see the suite's `prompt`."""
    match = re.search(re.escape(marker[-8:]) + "-[0-9a-f]{6}", said) if len(marker) > 8 else None
    return match.group() if match else None
