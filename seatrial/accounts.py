"""The accounts of a run: those given, and throwaway ones made with an administrator.

A wrong password is tried once: Open WebUI locks an address for minutes after fifteen tries.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

from seatrial.client import Client
from seatrial.completions import new_id
from seatrial.contract import OPENWEBUI, Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected
from seatrial.markers import new_address
from seatrial.reading import held, identifier, member, names_one, shown, success
from seatrial.secrecy import without
from seatrial.settings import Settings
from seatrial.target import Account, Login

LONGEST_TOKEN = 8_000
"""Characters of a token; servers refuse longer headers."""

Connect = Callable[[Account], Client]


def sign_in(client: Client, contract: Contract, login: Login, label: str) -> Account:
    """Raises `WrongUse` when the deployment does not take the password, `Inconclusive` when it cannot say."""
    reply = _ask(client, contract, "signIn", json={"email": login.email, "password": login.password})
    told = _detail(reply, login.password)
    if reply.status in (400, 401, 403):
        raise WrongUse(f"{login.email}: the deployment does not accept this e-mail and password ({told})")
    if reply.status == 429:
        raise Inconclusive(f"{login.email}: too many sign-ins for now; wait three minutes ({told})")
    try:
        document = success(reply)
        token = _token(reply, document)
    except Unexpected as error:
        if reply.status == 200 and reply.is_json:
            raise Inconclusive(f"{login.email}: signing in needs a second step; give a --token instead") from None
        raise Inconclusive(f"signing in as {login.email} failed: expected {error.expected}, received {told}") from None
    return _with_rights(Account(label, token, *_who(document)), document)


def known_by_token(client: Client, contract: Contract, account: Account, option: str) -> Account:
    """Who a token belongs to. Raises `WrongUse` when it is not accepted."""
    api_call = "getCurrentUser" if client.target.api == OPENWEBUI else "listSessions"
    reply = _ask(client, contract, api_call)
    if reply.status in (401, 403) and not _needs_person(reply):
        told = _detail(reply, account.token)
        raise WrongUse(f"{option}: the deployment does not accept this token; it may have expired ({told})")
    if client.target.api != OPENWEBUI:
        return account
    if _needs_person(reply):
        return replace(account, deletes=_key_deletes(client, contract))
    try:
        document = success(reply)
        found, email, role = _who(document)
        return _with_rights(replace(account, id=found, email=email, role=role), document)
    except Unexpected as error:
        raise Inconclusive(
            f"{option}: cannot tell whose token this is ({error}); is the URL that of Open WebUI itself?"
        ) from None


def with_rights(client: Client, contract: Contract) -> Account:
    """The account of a client with what it may do, as it is told who it is; all of it where it is not told.

    Raises `WrongUse` where it is taken for somebody else.
    """
    with suppress(NoAnswer, Unexpected):  # the tests will tell
        reply = client.send(contract.call("getCurrentUser"))
        if reply.status == 401 and "mismatch" in reply.excerpt(200).lower():
            raise WrongUse(
                f"a new account is refused ({_detail(reply, client.account.token)}): what stands in front, or a "
                "--header, names one person for every request, and Open WebUI trusts it; give --token of that person"
            )
        return _with_rights(client.account, success(reply))
    return client.account


def demand_storing(client: Client, account: Account, contract: Contract, title: str) -> None:
    """Raises `WrongUse` where chats of an account are not kept: from some release on the server itself sees to that."""
    if account.stores:
        return
    reply = client.send(contract.call("createChat", json={"chat": {"title": title}}))
    if reply.status == 403:
        raise WrongUse(
            f"{account.email or account.label} may only chat temporarily (permissions: temporary chats are "
            "enforced), so that nothing it says is stored; give accounts of a group that may keep its chats"
        )
    with suppress(Unexpected):  # the tests will tell
        client.send(contract.call("deleteChat", identifier(reply, success(reply))))


def demand_deletion(accounts: Sequence[Account]) -> None:
    """Raises `WrongUse` for an account that could not remove what a run makes, unless it may be written to freely."""
    for account in accounts:
        if not account.deletes and not account.disposable:
            raise WrongUse(
                f"{account.email or account.label} may not delete chats on this deployment, so what a run makes would "
                "stay: give --admin, whose throwaway accounts take their chats along, or --disposable to leave it there"
            )


def given_accounts(settings: Settings, contract: Contract, connect: Connect) -> tuple[list[Account], Account | None]:
    """The accounts named by tokens and logins, and the administrator if one is named. All are checked once."""
    accounts: list[Account] = []
    labels = (f"account {number}" for number in count(1))
    for token in settings.token:
        account = Account(next(labels), token, disposable=settings.disposable)
        with connect(account) as client:
            accounts.append(known_by_token(client, contract, account, "--token"))
    with connect(Account("anonymous")) as client:
        if settings.account and client.target.api != OPENWEBUI:
            raise WrongUse("--account is for Open WebUI; the Session API takes --token")
        for login in settings.logins:
            signed_in = sign_in(client, contract, login, next(labels))
            accounts.append(replace(signed_in, disposable=settings.disposable))
        admin = _admin(settings, contract, connect, client)
    for number, account in enumerate(accounts):
        for other in accounts[:number]:
            if account.token == other.token or (account.id and account.id == other.id):
                raise WrongUse(f"{account.label} and {other.label} are the same account; give two different ones")
        if account.role == "pending":
            raise WrongUse(f"{account.email} waits for activation; an administrator has to approve it first")
    return accounts, admin


def _admin(settings: Settings, contract: Contract, connect: Connect, client: Client) -> Account | None:
    login = settings.admin_login
    if login is None and settings.admin_token is None:
        return None
    if client.target.api != OPENWEBUI:
        raise WrongUse("--admin is for Open WebUI; the Session API has no administrators")
    if settings.admin_token is not None:
        account = Account("admin", settings.admin_token)
        with connect(account) as admin_client:
            admin = known_by_token(admin_client, contract, account, "--admin-token")
    elif login is not None:
        admin = sign_in(client, contract, login, "admin")
    if admin.role not in ("admin", None):
        raise WrongUse(f"{admin.email} is no administrator (its role is {admin.role})")
    return admin


def new_password() -> str:
    """One that any policy takes: long, with a capital, a small letter, a digit and a sign."""
    return "Aa1!-" + secrets.token_urlsafe(18)


def throwaway(admin: Client, contract: Contract, marker: str, label: str, password: str | None = None) -> Account:
    """A new ordinary account; the administrator's answer holds its token, so nothing signs in."""
    email = new_address(marker)
    body = {
        "name": f"{marker} {label}",
        "email": email,
        "password": password or new_password(),
        "role": "user",
    }
    reply = _ask(admin, contract, "addUser", json=body)
    try:
        document = success(reply)
        token, user = _token(reply, document), identifier(reply, document)
    except Unexpected as error:
        raise Inconclusive(
            f"the administrator cannot add a throwaway account ({error}); where that is not allowed, give two ordinary "
            "accounts instead (--token or --account, twice)"
        ) from None
    return Account(label, token, user, email, _who(document)[2], disposable=True, throwaway=True)


def usual_model(client: Client, contract: Contract, visible: Sequence[str]) -> str:
    """The model that the deployment begins a chat with, where it names one; else the first that people see."""
    told = None
    if "getConfig" in contract.operations:
        with suppress(NoAnswer, Unexpected):
            told = held(success(client.send(contract.call("getConfig"))), "default_models")
    names = told.split(",") if isinstance(told, str) else []
    return next((name for name in names if name in visible), visible[0])


def choose_model(visible: Sequence[str], wanted: str | None, who: str) -> str:
    """Raises `WrongUse` for a model that is not there, `Inconclusive` when there is none."""
    if wanted is None:
        if not visible:
            raise Inconclusive(f"no model is visible to {who}; connect one, or share it with them")
        return visible[0]
    if wanted not in visible:
        shown = ", ".join(visible[:8]) or "none"
        raise WrongUse(f"--model {wanted}: not visible to {who}; visible: {shown}")
    return wanted


def _ask(client: Client, contract: Contract, operation: str, **more: object) -> Reply:
    return _sent(client, contract.call(operation, **more))  # type: ignore[arg-type]


def _sent(client: Client, call: Call) -> Reply:
    try:
        return client.send(call)
    except NoAnswer as failure:
        raise Inconclusive(f"{client.target.url} does not answer: {failure.reason}") from None


def _token(reply: Reply, document: Any) -> str:
    """The token of an answer, which must be able to stand in a header."""
    token: str = member(reply, document, "token", str)
    if not (token.isascii() and token.isprintable() and 0 < len(token) <= LONGEST_TOKEN and " " not in token):
        raise Unexpected(reply, "$.token as one word of ASCII", shown(token), "$.token")
    return token


def _who(document: Any) -> tuple[str | None, str | None, str | None]:
    """Id, e-mail address and role as an answer tells them; None for what it does not tell, or not as text."""
    told = document if isinstance(document, dict) else {}
    found, email, role = (told.get(name) for name in ("id", "email", "role"))
    return (
        str(found) if names_one(found) else None,
        email if isinstance(email, str) else None,
        role if isinstance(role, str) else None,
    )


def _with_rights(account: Account, document: Any) -> Account:
    """What is told of somebody's permissions. Administrators need none."""
    chat = None if account.role == "admin" else held(held(document, "permissions"), "chat")
    temporary = held(chat, "temporary") is True and held(chat, "temporary_enforced") is True
    return replace(account, deletes=held(chat, "delete") is not False, stores=not temporary)


def _key_deletes(client: Client, contract: Contract) -> bool:
    """A key is not told what it may do: to delete a chat that nobody has is 404, and 401 to who may delete none."""
    return _sent(client, contract.call("deleteChat", new_id())).status not in (401, 403)


def _needs_person(reply: Reply) -> bool:
    """From 0.12 an API key may not ask who it belongs to; the key is good all the same."""
    return reply.status == 403 and "human session" in reply.excerpt(2000).lower()


def _detail(reply: Reply, secret: str | None) -> str:
    """What the deployment said, which may quote what it was sent."""
    # Masked before it is cut: half a secret would be none that is known.
    masked = replace(reply, body=without(reply.text, secret).encode("utf-8", "replace")) if secret else reply
    return f"{reply.status} {masked.excerpt(120)}"
