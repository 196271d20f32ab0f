"""The marks by which what a run has made is known again: in titles, and in the addresses of its throwaway accounts."""

from __future__ import annotations

import re
import secrets

MAIL_DOMAIN = "seatrial.invalid"
"""Reserved by RFC 2606: no mail ever reaches it, and nobody's account carries it."""

MARKER = re.compile(r"seatrial-[0-9a-f]{8}([0-9]{2})?")
"""Of a run, and of one of its workers."""

ADDRESS = re.compile(rf"{MARKER.pattern}-[0-9a-z]+@{re.escape(MAIL_DOMAIN)}")
"""Of an account that one of these made."""


def new_marker() -> str:
    """What everything that a run makes will carry."""
    return f"seatrial-{secrets.token_hex(4)}"


def new_address(marker: str) -> str:
    """For one of its accounts."""
    return f"{marker}-{secrets.token_hex(3)}@{MAIL_DOMAIN}"
