"""What differs between expected and received, marked word by word, as HTML that is safe to show.

expected, received = marked("200 OK", "500 OK")      # <mark>200</mark> OK, <mark>500</mark> OK
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from markupsafe import Markup, escape

_STATUS = re.compile(r"(\d{3})(?!\d)(.*)", re.DOTALL)
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
MOST = 500
"""Tokens of a text that are compared; what comes behind stands as it is."""

LEAST_ALIKE = 0.2
"""Texts that have less than this in common differ everywhere, and marking all of both shows nothing."""


def marked(expected: str, received: str) -> tuple[Markup, Markup]:
    """Both, each with the parts marked that the other has not."""
    a, b = (_TOKEN.findall(text) for text in (expected, received))
    matcher = SequenceMatcher(None, a[:MOST], b[:MOST], autojunk=False)
    if expected == received or matcher.quick_ratio() < LEAST_ALIKE or matcher.ratio() < LEAST_ALIKE:
        return _statuses(expected, received)
    left, right = Markup(), Markup()
    for kind, i, j, k, m in matcher.get_opcodes():
        same = kind == "equal"
        left += _part(a[i:j], same)
        right += _part(b[k:m], same)
    return left + _part(a[MOST:], True), right + _part(b[MOST:], True)


def _statuses(expected: str, received: str) -> tuple[Markup, Markup]:
    """Texts that have little in common differ in their statuses first, where they begin with one."""
    found = _STATUS.fullmatch(expected), _STATUS.fullmatch(received)
    if found[0] is None or found[1] is None or found[0][1] == found[1][1]:
        return escape(expected), escape(received)
    left, right = (_part([match[1]], False) + escape(match[2]) for match in found if match)
    return left, right


def _part(tokens: Sequence[str], same: bool) -> Markup:
    text = "".join(tokens)
    return escape(text) if same or not text.strip() else Markup("<mark>{}</mark>").format(text)
