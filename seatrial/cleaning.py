"""Removes what a run made, and looks whether anything of it is left.

Only what the ledger names, or what carries the run's marker, is touched. Something that was intended,
never confirmed and carries no marker is reported, not deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from seatrial.accounts import given_accounts
from seatrial.actor import Actor, verbs_for
from seatrial.client import Client, tls_context
from seatrial.contract import Contract
from seatrial.errors import SeatrialError, WrongUse
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.ledger import GONE, Entry, Ledger, open_entries
from seatrial.probe import probe
from seatrial.reading import success
from seatrial.records import Run, RunFolder
from seatrial.settings import Settings
from seatrial.target import Account

DELETES = {"chat": "deleteChat", "session": "deleteSession", "user": "deleteUser"}
ATTEMPTS = 3
Progress = Callable[[int, int], None]


@dataclass
class Cleaner:
    """`clients` are by account label; `admin` may remove throwaway accounts, and their chats with them."""

    ledger: Ledger
    contract: Contract
    clients: Mapping[str, Client]
    admin: Client | None
    marker: str
    throwaways: frozenset[str] = frozenset()

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
                    self._delete(self.admin, "user", user)
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
            self._delete(client, entry.kind, entry.id)
        elif self.marker and self.marker in entry.marker:
            for chat in self._marked(client):
                self._delete(client, entry.kind, chat)
            self.ledger.settled(entry)

    def _delete(self, client: Client, kind: str, entry_id: str) -> None:
        call = self.contract.call(DELETES[kind], entry_id)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                reply = client.send(call)
            except NoAnswer:
                if attempt == ATTEMPTS:
                    raise
                continue
            if reply.status in GONE:
                self.ledger.removed(kind, entry_id)
                return

    def _marked(self, client: Client) -> list[str]:
        actor = Actor(verbs_for(client.target.api, self.contract), client.send)
        return [session.id for session in actor.list_sessions() if self.marker in session.title]

    def _users(self, marker: str) -> list[str]:
        if self.admin is None or not marker or "searchUsers" not in self.contract.operations:
            return []
        reply = self.admin.send(self.contract.call("searchUsers", query={"query": marker}))
        document = success(reply)
        rows: list[dict[str, Any]] = document.get("users", []) if isinstance(document, dict) else document
        return [str(row["id"]) for row in rows if str(row.get("email", "")).startswith(marker)]

    def _sweep(self) -> None:
        """A last look for accounts that carry the run's marker, whatever the ledger says."""
        if self.admin is None or not self.marker:
            return
        with suppress(Unexpected, NoAnswer, SeatrialError):
            for user in self._users(self.marker):
                self._delete(self.admin, "user", user)

    def _told(self, entry: Entry) -> str:
        if entry.id is None:
            return f"a {entry.kind} of {entry.account} may exist: its creation was sent, and no answer came"
        return f"{entry.kind} {entry.id} of {entry.account}"


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
    ledger = Ledger(folder.path / "ledger.jsonl")

    def connect(account: Account) -> Client:
        return Client(target, account, tls=tls, before=ledger.before, on_exchange=ledger.after)

    accounts, admin = given_accounts(settings, contract, connect)
    entries = open_entries(ledger.path)
    throwaways = frozenset(str(row["label"]) for row in run.accounts if row.get("throwaway"))
    if admin is None and any(entry.kind == "user" for entry in entries):
        raise WrongUse("the run made throwaway accounts; give --admin to remove them")
    labels = {str(row.get("id")): str(row["label"]) for row in run.accounts}
    clients = {labels.get(str(account.id), account.label): connect(account) for account in accounts}
    if admin is not None:
        clients["admin"] = connect(admin)
    if not accounts:
        clients["everyone"] = connect(Account("everyone"))
    for label in ("anonymous", "stranger"):  # whom a target let in that should not have
        clients[label] = connect(Account(label, accounts[0].token if accounts and label == "stranger" else None))
    marker = run.id if run.id.startswith("seatrial-") else ""
    try:
        return Cleaner(ledger, contract, clients, clients.get("admin"), marker, throwaways).clean()
    finally:
        for open_client in clients.values():
            open_client.close()
        ledger.close()
