"""Who and what a run speaks to: the deployment, and the accounts it works as."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from seatrial.errors import WrongUse

SESSION = re.compile(r"(^|;)\s*token\s*=")
"""Open WebUI's own cookie, which it takes where a request has no other credentials."""


@dataclass(frozen=True)
class Target:
    """A deployment: `url` may have a path prefix, `headers` are for what stands in front, `timeout` is in seconds."""

    url: str
    api: str = "auto"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str | None = None
    timeout: float = 30.0
    version: str | None = None

    def __post_init__(self) -> None:
        url = self.url.strip()
        shown = repr(url.rpartition("@")[2])  # a password may stand before the @
        try:
            parts = urlsplit(url)
            # Port and host are only looked at when they are used, deep inside a library: look now.
            _ = parts.port, (parts.hostname or "").encode("idna")
        except ValueError as error:
            why = "" if "@" in url else f" ({error})"  # it quotes what it takes for a port
            raise WrongUse(f"{shown} is no URL{why}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongUse(f"{shown} is no http:// or https:// URL")
        if parts.username or parts.password:
            raise WrongUse("put no credentials into the URL; use --account, --token or SEATRIAL_TOKEN")
        if parts.query or parts.fragment:
            raise WrongUse(f"{shown} has a query or fragment; give the base URL only")
        # The scheme as everybody else looks for it; `HTTPS://` is as good.
        object.__setattr__(self, "url", parts.scheme + url[len(parts.scheme) :].rstrip("/"))

    @property
    def is_loopback(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def headers_of(lines: Iterable[str]) -> dict[str, str]:
    """What goes with every request, from lines of `Name: value`. Raises `WrongUse`, which quotes no value."""
    pairs = {}
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not name or not all(33 <= ord(c) < 127 for c in name):
            raise WrongUse("--header wants 'Name: value'")
        if not (value.isascii() and value.isprintable()):
            raise WrongUse(f"--header {name}: the value holds characters that no header can")
        if (name.lower() == "cookie" and SESSION.search(value)) or (name.lower() == "x-api-key" and value[:3] == "sk-"):
            raise WrongUse(
                f"--header {name}: it signs in to Open WebUI, so that every request would come from that person, those "
                "of strangers too; leave it out (of a cookie the part token=...), and name the account by --token"
            )
        pairs[name] = value
    return pairs


@dataclass(frozen=True)
class Account:
    """An account the run works as. `label` names it in records; its token never reaches them.

    `disposable`: it may be written to freely; `throwaway`: the run made it and removes it; `deletes`: it may delete its
    own chats, which a deployment that keeps records does not let its users do; `stores`: its chats are kept, which a
    deployment that lets its users chat temporarily alone does not do.
    """

    label: str
    token: str | None = field(default=None, repr=False)
    id: str | None = None
    email: str | None = None
    role: str | None = None
    disposable: bool = False
    throwaway: bool = False
    deletes: bool = True
    stores: bool = True

    @property
    def is_key(self) -> bool:
        """Whether it works with an API key, which Open WebUI tells and lets do less than a person."""
        return (self.token or "").startswith("sk-")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@dataclass(frozen=True)
class Login:
    """An e-mail address and its password, before they have become an account."""

    email: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, option: str) -> Login:
        email, colon, password = text.partition(":")
        if not colon or not email or not password:
            raise WrongUse(f"{option} wants EMAIL:PASSWORD")
        return cls(email, password)


ANONYMOUS = Account("anonymous")

STRANGER, SHORT_LIVED = "stranger", "short-lived"
"""Labels of who comes with a credential that is nobody's, or soon will be: one that no variable of a user holds."""
