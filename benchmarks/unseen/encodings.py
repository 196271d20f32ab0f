"""Texts and bodies that are hurt on the way: charsets, normal forms, lengths, and compression."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import AsyncIterator

from seatrial.lab.crossing import Answer, Asked, Behind, ConnectionCut
from seatrial.lab.faults.making import BOTH, CREATE, HISTORY, LIST, SEND, Break

from .noting import contents, fault, rewriting, saying

TEXTS = SEND | CREATE | {"updateChat", "editMessage"}
BUFFERS = 65_536


def _only_latin1(body: bytes) -> tuple[bytes, None]:
    return body.decode("utf-8").encode("latin-1", "replace").decode("latin-1").encode("utf-8"), None


def _mojibake(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


def _narrow(text: str) -> str:
    """What a table of MySQL's three-byte utf8 keeps: nothing from the first emoji on."""
    return next((text[:place] for place, sign in enumerate(text) if ord(sign) > 0xFFFF), text)


def _counted_in_characters(body: bytes) -> tuple[bytes, None]:
    return body[: len(body.decode("utf-8"))], None


def _announced_gzip() -> Break:
    """From a kilobyte on the answer is said to be compressed, and is not."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        accepts = any(name.lower() == b"accept-encoding" and b"gzip" in value for name, value in asked.headers)
        if accepts and answer.media_type == "application/json" and len(await answer.read()) > 1000:
            answer.headers.append((b"content-encoding", b"gzip"))
        return answer

    return breaking


def _full_disk() -> Break:
    """A proxy that cannot spill to disk: what is longer than its buffers breaks off, whatever was announced."""

    async def breaking(asked: Asked, behind: Behind) -> Answer:
        answer = await behind.answer(asked)
        if not answer.is_stream and len(body := await answer.read()) > BUFFERS:

            async def first() -> AsyncIterator[bytes]:
                yield body[:BUFFERS]
                raise ConnectionCut

            answer.pieces = first()
        return answer

    return breaking


FAULTS = [
    fault(
        "latin1-history", "durability", BOTH,
        "After the move to the new database every é in my old chats is Ã©.",
        "imagined (a dump read back as latin-1)",
        contents(_mojibake),
    ),
    fault(
        "question-marks", "listing", BOTH,
        "In the sidebar my Chinese titles are question marks.",
        "https://github.com/intel/AI-Playground/issues/496",
        rewriting(LIST, _only_latin1),
    ),
    fault(
        "emoji-ends-the-message", "durability", BOTH,
        "What I wrote after the emoji is gone from the chat.",
        "imagined (MySQL's utf8 with three bytes)",
        contents(_narrow),
    ),
    fault(
        "normalised-accents", "durability", BOTH,
        "Text that I paste from a Mac is not the text I get back; my script finds it nowhere.",
        "https://github.com/open-webui/open-webui/issues/29210",
        saying(TEXTS, lambda text: unicodedata.normalize("NFC", text)),
    ),
    fault(
        "windows-line-ends", "durability", BOTH,
        "Code that I send comes back with carriage returns and my shell refuses it.",
        "imagined (a gateway that inspects content and writes it anew)",
        saying(TEXTS, lambda text: text.replace("\r\n", "\n").replace("\n", "\r\n")),
    ),
    fault(
        "entities-in-history", "durability", BOTH,
        "My chat about C++ shows &lt;vector&gt; instead of <vector>.",
        "https://github.com/open-webui/open-webui/issues/2815",
        contents(lambda text: html.escape(text, quote=False)),
    ),
    fault(
        "white-space-trimmed", "durability", BOTH,
        "The indentation of the first line of the code I pasted is gone when I reopen the chat.",
        "imagined",
        contents(str.strip),
    ),
    fault(
        "length-in-characters", "shape", BOTH,
        "Chats in Portuguese do not open, those in English do: the answer ends a few bytes early.",
        "imagined (a gateway that counts characters for Content-Length)",
        rewriting(HISTORY, _counted_in_characters),
    ),
    fault(
        "gzip-only-announced", "shape", BOTH,
        "Short answers work, with long ones the browser says ERR_CONTENT_DECODING_FAILED.",
        "https://github.com/nexu-io/open-design/pull/111 (gzip boxes and streams), https://github.com/langgenius/dify/issues/9275",
        _announced_gzip,
    ),
    fault(
        "cut-at-64-kb", "availability", BOTH,
        "My long chats stopped opening: the download breaks off after 64 kB.",
        "imagined (nginx without rights on its proxy_temp_path)",
        _full_disk,
    ),
]  # fmt: skip
