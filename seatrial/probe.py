"""The first contact: what a target serves, before anything is created on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seatrial.client import Client
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.errors import Inconclusive
from seatrial.exchange import NoAnswer, Reply
from seatrial.parsing import parse
from seatrial.reading import shown
from seatrial.release import Release

BEHIND_A_PAGE = "If that is a sign-in page, give what opens it with --header; if Open WebUI has a path, give that too"

ATTEMPTS = 2
"""A connection that a proxy drops once is not yet a deployment that is down."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What answers at the target: the API it speaks, and what it calls itself."""

    api: str
    version: str | None = None
    name: str | None = None


def probe(client: Client, contract: Contract, wanted: str = "auto") -> Deployment:
    """Find out which API a target speaks.

    Raises `Inconclusive` when nothing answers, when it speaks neither, or not the one wanted; the
    message says what it serves instead.
    """
    version = _ask(client, contract, "getVersion") if "getVersion" in contract.operations else None
    sessions = _ask(client, contract, "listSessions") if "listSessions" in contract.operations else None
    openwebui = _version(version)
    speaks_sessions = _speaks_sessions(sessions)
    # A version that was read says more than a refusal: what stands in front may refuse each path that it does not know.
    is_sessions = speaks_sessions and (openwebui is None or (sessions is not None and sessions.status == 200))
    if wanted == SESSIONS or (wanted == "auto" and is_sessions):
        if not speaks_sessions:
            raise Inconclusive(_no_sessions(client, contract, sessions, openwebui))
        return Deployment(SESSIONS)
    if openwebui is None and speaks_sessions:
        raise Inconclusive(f"{client.target.url} serves the Session API, not Open WebUI's; use --api sessions")
    if openwebui is None:
        seen = _seen(version, sessions)
        hint = f". {BEHIND_A_PAGE}" if any(reply is not None and reply.is_html for reply in (version, sessions)) else ""
        raise Inconclusive(f"{client.target.url} serves neither API: {seen}{hint}")
    release, oldest = Release.parse(openwebui), Release.parse(contract.oldest)
    if release is not None and oldest is not None and release < oldest:
        raise Inconclusive(
            f"{client.target.url} is Open WebUI {release}, and the contract describes releases from {oldest} on: "
            "what an older one does otherwise is no fault of it"
        )
    return Deployment(OPENWEBUI, openwebui, "Open WebUI")


def _ask(client: Client, contract: Contract, operation: str) -> Reply:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return client.send(contract.call(operation))
        except NoAnswer as failure:
            if attempt == ATTEMPTS:
                raise Inconclusive(f"{client.target.url} does not answer: {failure.reason}") from None
    raise AssertionError("unreachable")


def _version(reply: Reply | None) -> str | None:
    document = _json(reply)
    version = document.get("version") if isinstance(document, dict) else None
    return version[:80] if isinstance(version, str) else None


def _speaks_sessions(reply: Reply | None) -> bool:
    """Whether the list of sessions is there; 401 as JSON says so too (the API may ask for credentials)."""
    if reply is None or not reply.is_json:
        return False
    document = _json(reply)
    if reply.status == 200:
        return isinstance(document, dict) and "sessions" in document
    return reply.status in (401, 403, 500, 503) and isinstance(document, dict)


def _json(reply: Reply | None) -> Any:
    if reply is None or not reply.is_json:
        return None
    try:
        return parse(reply.body)
    except ValueError:
        return None


def _no_sessions(client: Client, contract: Contract, reply: Reply | None, version: str | None) -> str:
    path = contract.operation("listSessions").path
    seen = _what(reply)
    if version is not None:
        instead = "the web app answers in its place" if reply is not None and reply.is_html else f"it answers {seen}"
        return (
            f"{client.target.url} does not serve the Session API; it serves Open WebUI's (version {version}): "
            f"on GET {path} {instead}. Use --api openwebui, or put `seatrial lab reference --upstream` in front of it"
        )
    return f"{client.target.url} does not serve the Session API: GET {path} answers {seen}"


def _seen(version: Reply | None, sessions: Reply | None) -> str:
    seen = [f"{reply.call.method} {reply.call.path} answers {_what(reply)}" for reply in (version, sessions) if reply]
    return "; ".join(seen) or "the contract describes no operation to ask"


def _what(reply: Reply | None) -> str:
    if reply is None:
        return "nothing"
    if 300 <= reply.status < 400 and (place := reply.headers.get("location")):
        return f"{reply.status}, a redirect to {shown(place)} (none is followed: give the URL that it leads to)"
    if reply.is_html:
        return f"{reply.status} with an HTML page"
    return f"{reply.status} {reply.media_type or 'without a content type'} {reply.excerpt(80)}"
