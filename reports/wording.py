"""How records become words: text that is safe to show anywhere, numbers with their units.

What a target answered may hold anything. `clean` makes what cannot be seen, or would move the text
around it, visible as an escape; every report cleans before it escapes for its own format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seatrial.verbs import VERB_OPERATIONS

_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, which XML forbids and terminals obey
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # what turns, hides or breaks lines
    "\ud800-\udfff\ufffe\uffff]"  # what no UTF-8 file can hold
)

SUBJECTS = {
    "create_session": "Creating {things} is",
    "send_message": "Sending messages is",
    "get_model_info": "Asking for the model is",
    "list_sessions": "Listing {things} is",
    "delete_session": "Deleting {things} is",
    "get_history": "Reading the history is",
}
"""What each of the six verbs is called by those who use it, ready for "broken" to follow."""


def subject(operation: str, api: str) -> str | None:
    """The words for an operation that one of the six verbs shows in; None for all others."""
    things = "chats" if api == "openwebui" else "sessions"
    for verb, name in VERB_OPERATIONS.get(api, {}).items():
        if name == operation:
            return "Completions are" if name == "createChatCompletion" else SUBJECTS[verb].format(things=things)
    return None


def clean(text: object) -> str:
    r"""The text with each unseen character as its escape (`\x1b`, `\u202e`); line ends become "\n"."""
    lines = str(text).replace("\r\n", "\n")
    return _UNSHOWN.sub(lambda match: match.group().encode("unicode_escape", "surrogatepass").decode(), lines)


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def line(text: object, limit: int = 200) -> str:
    """The cleaned text on one line."""
    # Cut before and after: cleaning a megabyte to show a line of it would be felt in a long report.
    return cut(" ".join(clean(str(text)[: limit * 4]).split()), limit)


def block(text: object, limit: int = 2000) -> str:
    """The cleaned text with its lines; says how much of it is not shown."""
    whole = str(text)
    shown = clean(whole[:limit])
    return shown if len(whole) <= limit else f"{shown}… ({len(whole) - limit:,} more characters in findings.jsonl)"


def counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def points(share: float, form: str) -> str:
    """A difference of two shares, in the form of a number: `+2.50 points`."""
    number = f"{100 * share + 0.0:{form}}" if share else "0"
    return f"{number} point" if number in ("+1", "-1") else f"{number} points"


def duration(ms: float | None) -> str:
    """Milliseconds as a reader writes them: `0.8 ms`, `85 ms`, `1.2 s`."""
    if ms is None:
        return "–"
    if ms < 9.95:
        return f"{round(ms, 1) + 0.0:.1f} ms"  # never a nought below nothing
    return f"{ms:.0f} ms" if ms < 999.5 else f"{ms / 1000:.1f} s" if ms < 99_950 else f"{ms / 60_000:.1f} min"


def percent(part: float, whole: float) -> str:
    """A share; what happened at all is never written as 0 %, and what did not always happen never as 100 %."""
    share = 100 * part / whole if whole else 0.0
    if 99.9 < share < 100:
        return "over 99.9 %"
    return "under 0.1 %" if 0 < share < 0.1 else f"{share:.3g} %"
