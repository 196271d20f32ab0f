"""What stands between people and the server, set up a little wrong: login walls, firewalls, limits, retries."""

from __future__ import annotations

import re
import time
from collections import defaultdict, deque
from dataclasses import replace
from urllib.parse import quote

from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.lab.crossing import Answer, Asked, Behind, ConnectionCut, once
from seatrial.lab.faults.making import BOTH, CREATE, DELETE, LIST, SEND, Break

from .noting import PUBLIC, asking, fault, instead, page, replacing, rewriting, saying

OWUI = (OPENWEBUI,)
TEXTS = SEND | CREATE | {"updateChat", "editMessage"}
SUSPECT = re.compile(rb"<script|union\s+select|' or '?1'?=|\.\./\.\./|`curl|/etc/passwd", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
A_SECOND, AT_MOST = 1.0, 20


def _to_login(_asked: Asked) -> Answer:
    return Answer(302, [(b"location", b"/outpost.goauthentik.io/start"), (b"content-length", b"0")], once(b""))


def _twice(operations: frozenset[str]) -> Break:
    """A load balancer that sends these again although they had arrived."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        if asked.operation in operations and asked.session != "":
            await (await behind.answer(asked)).read()
        return await behind.answer(asked)

    return breaking


def _turn_twice() -> Break:
    once_more = _twice(frozenset({"sendMessage"}))

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        return await (once_more(asked, behind) if asked.session else behind.answer(asked))

    return breaking


def _limited() -> Break:
    last: defaultdict[str, deque[float]] = defaultdict(deque)

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        recent, now = last[asked.token or ""], time.monotonic()
        while recent and now - recent[0] > A_SECOND:
            recent.popleft()
        if len(recent) >= AT_MOST:
            return page(429, "429 Too Many Requests")
        recent.append(now)
        return await behind.answer(asked)

    return breaking


def _dropping() -> Break:
    count = 0

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        nonlocal count
        count += 1
        if count % 25 == 0:
            raise ConnectionCut
        return await behind.answer(asked)

    return breaking


def _without_slash(asked: Asked) -> Asked:
    path, mark, query = asked.target.partition("?")
    return replace(asked, target=path.rstrip("/") + mark + query)


def _without_credentials(asked: Asked) -> Asked:
    return replace(asked, headers=tuple(pair for pair in asked.headers if pair[0].lower() != b"authorization"))


FAULTS = [
    fault(
        "login-wall-redirects", "status", BOTH,
        "When my sign-in has run out, programs get a redirect to a login page instead of a plain 401.",
        "https://github.com/open-webui/open-webui/issues/8074 (Authentik in front)",
        instead(lambda asked: asked.token is None and asked.operation not in PUBLIC, _to_login),
    ),
    fault(
        "login-page-with-200", "status", BOTH,
        "My script with an old token reports success and has a login page in its hands.",
        "https://github.com/open-webui/open-webui/issues/10000",
        replacing(lambda asked, answer: asked.token is not None and answer.status == 401 and not asked.values,
                  lambda _asked, _answer: page(200, "Sign in to continue")),
    ),
    fault(
        "error-page-with-200", "status", BOTH,
        "Every mistake is answered with the gateway's friendly page and the status 200.",
        "https://github.com/open-webui/open-webui/issues/26279 (error_page 404 =200 in nginx)",
        replacing(lambda _asked, answer: answer.status in (404, 405, 409, 422, 500),
                  lambda _asked, _answer: page(200, "Something went wrong")),
    ),
    fault(
        "bodies-to-100-kb", "availability", BOTH,
        "Pasting a long document fails with 413 and a page of HTML.",
        "https://github.com/open-webui/open-webui/issues/3273",
        instead(lambda asked: len(asked.body) > 100_000, lambda _asked: page(413, "413 Request Entity Too Large")),
    ),
    fault(
        "firewall-refuses-code", "availability", BOTH,
        "I cannot ask about SQL or scripts: such questions are answered 403.",
        "https://github.com/different-ai/openwork/issues/3419",
        instead(lambda asked: bool(SUSPECT.search(asked.body)), lambda _asked: page(403, "403 Forbidden")),
    ),
    fault(
        "firewall-strips-tags", "durability", BOTH,
        "The HTML that I asked about is missing from my own question.",
        "https://github.com/microsoft/vscode/issues/266103 (there in the client)",
        saying(TEXTS, lambda text: TAG.sub("", text)),
    ),
    fault(
        "no-delete-through-gateway", "availability", BOTH,
        "Deleting a chat does nothing: the gateway lets no DELETE through.",
        "imagined (firewalls that allow GET and POST)",
        instead(lambda asked: asked.operation in DELETE, lambda _asked: page(405, "405 Not Allowed")),
    ),
    fault(
        "no-credentials-on-delete", "access", BOTH,
        "I may read and write my chats, but deleting one says that I am not signed in.",
        "https://github.com/open-webui/open-webui/issues/10225 (headers lost in the proxy)",
        asking(DELETE, _without_credentials),
    ),
    fault(
        "slash-stripped", "shape", OWUI,
        "Since the new ingress the sidebar is empty: the list of chats is the start page.",
        "https://github.com/open-webui/open-webui/issues/26279",
        asking({"listChats", "getCurrentUser"}, _without_slash),
    ),
    fault(
        "query-encoded-twice", "listing", OWUI,
        "Searching for one word works, for two words or one with an accent nothing is found.",
        "imagined (two proxies, each encoding the query)",
        asking({"searchChats"},
               lambda asked: asked.querying(text=quote(asked.query["text"])) if asked.query.get("text") else asked),
    ),
    fault(
        "query-dropped", "listing", OWUI,
        "Scrolling down the sidebar shows the same first chats again and again.",
        "imagined (a cache that ignores the query string)",
        asking({"listChats"}, lambda asked: asked.querying(page="1") if "page" in asked.query else asked),
    ),
    fault(
        "create-sent-twice", "listing", BOTH,
        "Every new chat stands in the sidebar twice, one of them empty for ever.",
        "imagined (proxy_next_upstream non_idempotent)",
        lambda: _twice(CREATE),
    ),
    fault(
        "turn-sent-twice", "durability", (SESSIONS,),
        "My question and its reply stand in the session twice.",
        "imagined (proxy_next_upstream non_idempotent)",
        _turn_twice,
    ),
    fault(
        "twenty-a-second", "availability", BOTH,
        "Clicking quickly through my chats ends in 'Too Many Requests'.",
        "https://github.com/open-webui/open-webui/issues/15665 (429 for calls that the page makes by itself)",
        _limited,
    ),
    fault(
        "every-25th-dropped", "availability", BOTH,
        "Now and then 'Failed to fetch'; trying again works.",
        "https://github.com/open-webui/open-webui/issues/13690",
        _dropping,
    ),
    fault(
        "json-said-to-be-text", "shape", BOTH,
        "My client refuses the list: it is JSON, but the header says text/plain.",
        "imagined (a storage layer of a CDN that forgets the type)",
        rewriting(LIST, lambda body: (body, "text/plain; charset=utf-8")),
    ),
]  # fmt: skip
