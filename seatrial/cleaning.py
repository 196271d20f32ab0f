"""Removes what a run made, and looks whether anything of it is left.

Only what the ledger names, or what carries the run's marker or a prompt of its own, is touched. A session that was
intended, never confirmed and carries none of these is looked for among those that came since the run began: it is
removed from accounts that may be written to freely, and reported on others.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.accounts import given_accounts
from seatrial.actor import Actor, verbs_for
from seatrial.client import Client, tls_context
from seatrial.contract import Contract
from seatrial.errors import SeatrialError, WrongUse
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected
from seatrial.ledger import GONE, Entry, Ledger, ledgers, open_entries
from seatrial.probe import probe
from seatrial.reading import identifier, items, success
from seatrial.records import Run, RunFolder
from seatrial.settings import Settings
from seatrial.target import Account, Target

DELETES = {"chat": "deleteChat", "session": "deleteSession", "user": "deleteUser"}
STRANGERS = ("anonymous", "stranger")
ATTEMPTS = 3
MOST_UNANSWERED = 4
"""Requests in a row without an answer, after which none is sent: what is left is told, and can be removed later."""

Progress = Callable[[int, int], None]


@dataclass
class Cleaner:
    """`clients` are by account label; `admin` may remove throwaway accounts, and their chats with them.

    `disposable`: the accounts may be written to freely. `unsure`: accounts without ids may have come in another order
    than in the run, so that each is asked before something counts as gone.
    """

    ledger: Ledger
    contract: Contract
    clients: Mapping[str, Client]
    admin: Client | None
    marker: str
    throwaways: frozenset[str] = frozenset()
    disposable: bool = False
    unsure: bool = False
    _suspects: dict[int, list[str]] = field(default_factory=dict)
    _unanswered: int = 0

    def clean(self, progress: Progress | None = None) -> list[str]:
        """Remove everything known. Returns what is left, one line each; empty is good."""
        entries = self.ledger.open_entries()
        for done, entry in enumerate(entries, 1):
            with suppress(Unexpected, NoAnswer, SeatrialError):  # what stays in the ledger is told below
                self._remove(entry)
            if progress:
                progress(done, len(entries))
        self._sweep()
        return [self._told(entry) for entry in self.ledger.open_entries()]

    def _remove(self, entry: Entry) -> None:
        if entry.kind == "user":
            if self.admin is not None:
                for user in [entry.id] if entry.id else self._users(entry.marker):
                    self._delete([self.admin], "user", user)
                if entry.id is None:
                    self.ledger.settled(entry)
            return
        if entry.account in self.throwaways and self.admin is not None:
            if entry.id:
                self.ledger.removed(entry.kind, entry.id)
            else:
                self.ledger.settled(entry)
            return
        client = self.clients.get(entry.account)
        if client is None:
            return
        if entry.id:
            # Not strangers: whom a target refuses knows nothing of what is gone.
            known = [one for label, one in self.clients.items() if label not in STRANGERS and one is not client]
            others = known if self.unsure else []
            self._delete([client, *others], entry.kind, entry.id)
        elif self.marker and self.marker in entry.marker:
            self._settle(entry, client, self._marked(client))
        elif entry.kind == "session":
            self._look_for(entry, client)
        elif nonce := _nonce(entry.marker, self.marker):
            self._settle(entry, client, self._saying(client, nonce))

    def _settle(self, entry: Entry, client: Client, found: Iterable[str]) -> None:
        """Remove all that an intent without an answer came to: it is looked after then."""
        for entry_id in found:
            self._delete([client], entry.kind, entry_id)
        self.ledger.settled(entry)

    def _look_for(self, entry: Entry, client: Client) -> None:
        """A session has no room for a marker: it is one of those that came since, and nobody has said a word in it."""
        actor = self._actor(client)
        came = self.ledger.came_since(entry.account, [session.id for session in actor.list_sessions()])
        if came is None:
            return
        empty = [session for session in came if not actor.get_history(session)]
        if empty and not self.disposable:
            self._suspects[entry.key] = empty
        else:
            self._settle(entry, client, empty)

    def _delete(self, clients: Sequence[Client], kind: str, entry_id: str) -> None:
        call = self.contract.call(DELETES[kind], entry_id)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                statuses = [self._send(client, call).status for client in clients]
            except NoAnswer:
                if attempt == ATTEMPTS:
                    raise
                continue
            if all(status in GONE for status in statuses) or any(200 <= status < 300 for status in statuses):
                self.ledger.removed(kind, entry_id)
                return

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
        return [session.id for session in self._actor(client).list_sessions() if self.marker in session.title]

    def _saying(self, client: Client, nonce: str) -> list[str]:
        """Chats in which a prompt of the run stands; a search may bring more than was asked for, so each is read."""
        rows = items(
            reply := self._send(client, self.contract.call("searchChats", query={"text": nonce})), success(reply)
        )
        found = [identifier(reply, row) for row in rows]
        return [chat for chat in found if nonce in self._send(client, self.contract.call("getChat", chat)).text]

    def _users(self, marker: str) -> list[str]:
        if self.admin is None or not marker or "searchUsers" not in self.contract.operations:
            return []
        reply = self._send(self.admin, self.contract.call("searchUsers", query={"query": marker}))
        document = success(reply)
        rows: list[dict[str, Any]] = document.get("users", []) if isinstance(document, dict) else document
        return [str(row["id"]) for row in rows if str(row.get("email", "")).startswith(marker)]

    def _sweep(self) -> None:
        """A last look for accounts that carry the run's marker, whatever the ledger says."""
        if self.admin is None or not self.marker:
            return
        with suppress(Unexpected, NoAnswer, SeatrialError):
            for user in self._users(self.marker):
                self._delete([self.admin], "user", user)

    def _told(self, entry: Entry) -> str:
        if entry.id is None:
            among = ", ".join(self._suspects.get(entry.key, ()))
            which = f"; it is among {among}, which others may have made" if among else ""
            return f"a {entry.kind} of {entry.account} may exist: its creation was sent, and no answer came{which}"
        return f"{entry.kind} {entry.id} of {entry.account}"


def _nonce(said: str, marker: str) -> str | None:
    """What makes a prompt of the run its own: the end of the marker, and a number; see the suite's `prompt`."""
    match = re.search(re.escape(marker[-8:]) + "-[0-9a-f]{6}", said) if len(marker) > 8 else None
    return match.group() if match else None


def clean_up(settings: Settings, folder: RunFolder, run: Run) -> list[str]:
    """Remove what a run left that could not do so itself. Returns what is left, one line each.

    Accounts are found again by their ids. Raises `WrongUse` where credentials are missing, and what
    `probe` and `given_accounts` raise.
    """
    whole = Contract.load(settings.contract)
    target = settings.target()
    with Client(target) as client:
        deployment = probe(client, whole, run.api if run.api != "auto" else settings.api)
    target = replace(target, api=deployment.api, version=deployment.version)
    contract = whole.at(deployment.version)
    tls = tls_context(target) if target.url.startswith("https") else None
    return [
        line for path in ledgers(folder.path) for line in _cleaned(Ledger(path), settings, run, target, contract, tls)
    ]


def _cleaned(
    ledger: Ledger, settings: Settings, run: Run, target: Target, contract: Contract, tls: ssl.SSLContext | None
) -> list[str]:
    """Remove what one ledger names."""

    def connect(account: Account) -> Client:
        return Client(target, account, tls=tls, before=ledger.before, on_exchange=ledger.after)

    entries = open_entries(ledger.path)
    if not entries:
        ledger.close()
        return []
    accounts, admin = given_accounts(settings, contract, connect)
    throwaways = frozenset(str(row["label"]) for row in run.accounts if row.get("throwaway"))
    if admin is None and any(entry.kind == "user" for entry in entries):
        raise WrongUse("the run made throwaway accounts; give --admin to remove them")
    labels = {str(row["id"]): str(row["label"]) for row in run.accounts if row.get("id")}
    clients = {labels.get(str(account.id), account.label): connect(account) for account in accounts}
    if admin is not None:
        clients["admin"] = connect(admin)
    if not accounts:
        clients["everyone"] = connect(Account("everyone"))
    for label in STRANGERS:  # whom a target let in that should not have
        clients[label] = connect(Account(label, accounts[0].token if accounts and label == "stranger" else None))
    marker = run.id if run.id.startswith("seatrial-") else ""
    disposable = settings.disposable or bool(run.settings.get("disposable"))
    unsure = len(accounts) > 1 and any(account.id is None for account in accounts)
    try:
        return Cleaner(ledger, contract, clients, clients.get("admin"), marker, throwaways, disposable, unsure).clean()
    finally:
        for open_client in clients.values():
            open_client.close()
        ledger.close()
