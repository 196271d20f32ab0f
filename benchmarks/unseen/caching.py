"""Caches that keep too much, too long, or for the wrong people: CDNs, gateways, and caches of replies."""

from __future__ import annotations

from seatrial.contract import OPENWEBUI
from seatrial.lab.crossing import Answer, Asked, Behind, once
from seatrial.lab.faults.making import BOTH, HISTORY, LIST, SEND, Break

from .noting import fault, prompt_of, shared

OWUI = (OPENWEBUI,)


def _address(asked: Asked) -> str:
    return asked.target


def _address_and_person(asked: Asked) -> str:
    return f"{asked.token} {asked.target}"


def _stale_when_refused() -> Break:
    """An edge that gives its last good copy of an address when the server refuses."""
    kept: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation not in HISTORY:
            return answer
        if answer.status == 200:
            kept[asked.target] = (list(answer.headers), await answer.read())
        elif asked.target in kept:
            headers, body = kept[asked.target]
            return Answer(200, list(headers), once(body))
        return answer

    return breaking


def _not_modified() -> Break:
    """An edge that answers 304 to somebody who never said that they have a copy."""
    seen: dict[str, bytes] = {}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if asked.operation in HISTORY and answer.status == 200:
            body, key = await answer.read(), _address_and_person(asked)
            if seen.get(key) == body:
                return Answer(304, [], once(b""))
            seen[key] = body
        return answer

    return breaking


def _similar_questions() -> Break:
    """A cache of replies that finds two questions alike when they differ only in words with digits."""
    kept: dict[str, str] = {}

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        document = await answer.document() if asked.operation in SEND and answer.status == 200 else None
        if not isinstance(document, dict):
            return answer
        words = prompt_of(asked).split()
        key = " ".join("#" if any(map(str.isdigit, word)) else word for word in words)
        if "reply" in document:
            document["reply"] = kept.setdefault(key, document["reply"])
        elif document.get("choices"):
            message = document["choices"][0]["message"]
            message["content"] = kept.setdefault(key, message["content"])
        answer.put(document)
        return answer

    return breaking


FAULTS = [
    fault(
        "cdn-models-for-all", "leak", OWUI,
        "Without signing in I get the list of models that a colleague was shown a minute ago.",
        "https://github.com/open-webui/open-webui/issues/10505 (wished for there; a CDN does it by the address alone)",
        shared({"listModels"}, _address, 60),
    ),
    fault(
        "cdn-config-for-all", "leak", OWUI,
        "The sign-in page has the settings of somebody who is signed in, or I have only those of nobody.",
        "imagined",
        shared({"getConfig"}, _address, 60),
    ),
    fault(
        "cdn-list-for-half-a-minute", "listing", BOTH,
        "A chat that I just made is not in the sidebar; half a minute later it is.",
        "https://github.com/open-webui/open-webui/issues/8074 (comments suspect a caching proxy)",
        shared(LIST, _address_and_person, 30),
    ),
    fault(
        "cdn-search-for-half-a-minute", "listing", OWUI,
        "Searching once more for the same words does not find what I have written since.",
        "imagined",
        shared({"searchChats"}, _address_and_person, 30),
    ),
    fault(
        "cdn-stale-when-refused", "leak", BOTH,
        "A colleague pasted the address of a private chat and I could read it, and deleted chats still open.",
        "https://github.com/open-webui/open-webui/issues/15317 (stale-if-error that counts a refusal as an error)",
        _stale_when_refused,
    ),
    fault(
        "cdn-not-modified-unasked", "availability", BOTH,
        "The first time a chat opens, the second time it is empty: the answer is 304 and has no body.",
        "imagined",
        _not_modified,
    ),
    fault(
        "similar-question-old-reply", "stream", BOTH,
        "I asked about invoice 18 and got yesterday's reply about invoice 17, word for word.",
        "imagined (semantic caches such as GPTCache in front of the model)",
        _similar_questions,
    ),
]  # fmt: skip
