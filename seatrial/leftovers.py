"""What a run left that could not remove it itself: found again by its folder, with the credentials that it had.

What a folder says may be somebody else's word: of an account, the target has to say that it is one of a run.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import replace

from seatrial.accounts import given_accounts
from seatrial.cleaning import STRANGERS, Cleaner
from seatrial.client import Client, tls_context
from seatrial.contract import Contract
from seatrial.errors import WrongUse
from seatrial.ledger import Ledger, ledgers, open_entries
from seatrial.markers import MARKER
from seatrial.probe import probe
from seatrial.records import Run, RunFolder
from seatrial.settings import Settings
from seatrial.target import STRANGER, Account, Target


def clean_up(settings: Settings, folder: RunFolder, run: Run) -> list[str]:
    """Remove what a run left that could not do so itself. Returns what is left, one line each.

    Accounts are found again by their ids. Raises `WrongUse` where credentials are missing, and what
    `probe` and `given_accounts` raise.
    """
    whole = Contract.load(settings.contract)
    target = settings.target()
    with Client(target, settings.visitor) as client:
        deployment = probe(client, whole, run.api if run.api != "auto" else settings.api)
    target = replace(target, api=deployment.api, version=deployment.version)
    contract = whole.at(deployment.version)
    tls = tls_context(target) if target.url.startswith("https") else None
    return [
        line for path in ledgers(folder.path) for line in _cleaned(Ledger(path), settings, run, target, contract, tls)
    ]


def forget(folder: RunFolder) -> None:
    """All that a run made is gone, without anybody having been asked: its accounts took it along, or its server did."""
    for path in ledgers(folder.path):
        ledger = Ledger(path)
        for entry in ledger.open_entries():
            ledger.gone(entry)
        ledger.close()
    folder.save(replace(folder.load(), left_behind=[]))


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
    clients = {label: connect(account) for label, account in _labelled(accounts, labels).items()}
    if admin is not None:
        clients["admin"] = connect(admin)
        clients |= {str(row["label"]): connect(admin) for row in run.accounts if row.get("as") == "admin"}
    if not accounts:
        clients["everyone"] = connect(Account("everyone"))
    for label in STRANGERS:  # whom a target let in that should not have
        clients[label] = connect(Account(label, accounts[0].token if accounts and label == STRANGER else None))
    marker = run.id if MARKER.fullmatch(run.id) else ""
    disposable = settings.disposable or bool(run.settings.get("disposable"))
    nameless = any(str(account.id) not in labels for account in accounts)
    worked = {str(row.get("label")) for row in run.accounts if not row.get("throwaway")} - {"admin"}
    cleaner = Cleaner(
        *(ledger, contract, clients, clients.get("admin"), marker, throwaways, disposable),
        unsure=nameless and max(len(accounts), len(worked)) > 1,
        lacking=nameless and len(accounts) < len(worked),
        believed=False,
        elsewhere=not run.target or target.url != Target(run.target).url,
    )
    try:
        return cleaner.clean()
    finally:
        for open_client in clients.values():
            open_client.close()
        ledger.close()


def _labelled(accounts: Iterable[Account], labels: Mapping[str, str]) -> dict[str, Account]:
    """Each under its label in the run. One whose id the run does not know gets the label of its place now, if that is
    nobody's.
    """
    found = {labels[str(account.id)]: account for account in accounts if str(account.id) in labels}
    for account in accounts:
        if str(account.id) not in labels:
            found[account.label if account.label not in found else f"{account.label}, given now"] = account
    return found
