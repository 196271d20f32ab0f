"""What browsers are told over Socket.IO while a reply is written."""

from __future__ import annotations

from seatrial.contract import OPENWEBUI
from seatrial.lab.faults.making import Tell

from .noting import fault

OWUI = (OPENWEBUI,)


def _half_the_deltas() -> Tell:
    count = 0

    def tell(text: str) -> list[str]:
        nonlocal count
        if text.startswith("42") and "output_text.delta" in text:
            count += 1
            return [] if count % 2 == 0 else [text]
        return [text]

    return tell


def _never_done() -> Tell:
    return lambda text: [] if text.startswith("42") and '"done":true' in text.replace(" ", "") else [text]


FAULTS = [
    fault(
        "socket-loses-half-the-words", "stream", OWUI,
        "While it is written, the reply has only every second piece; after a reload it is whole.",
        "https://github.com/open-webui/open-webui/issues/15162",
        told=_half_the_deltas,
    ),
    fault(
        "socket-never-says-done", "stream", OWUI,
        "The reply is complete but the Stop button stays until I reload.",
        "https://github.com/open-webui/open-webui/issues/8134",
        told=_never_done,
    ),
]  # fmt: skip
