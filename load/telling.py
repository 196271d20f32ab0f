"""What a person was told over the socket against what the history holds: the reply on the screen is the reply kept.

    compare_told(said, heard, history, marker, session) -> Comparison

Where they differ the telling is named: pieces of it never came (truncated), or came twice (doubled), it was somebody
else's reply (foreign) or another one (altered). A stored reply that is gone, cut or somebody else's is named as
`integrity` does. White space at the ends does not count, since Open WebUI strips it from what it stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from load.integrity import Comparison, Said, compare, excerpt
from load.prompts import nonces
from seatrial.delivered import spoken
from seatrial.verbs import Message

_WORDS = {
    "truncated": "truncated: of the reply of turn {} the socket told only {}",
    "doubled": "twice: in the reply of turn {} the socket told a part again ({})",
    "foreign": "foreign: as the reply of turn {} the socket told another session's words ({})",
    "altered": "altered: in the reply of turn {} the socket told {} where {} is stored",
}
_BEFORE = 20
"""Characters that are shown before a difference."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One reply: the id of its message, and its text in each of the ways in which the socket told it."""

    message_id: str
    texts: tuple[str, ...]


def compare_told(
    said: Sequence[Said], heard: Mapping[int, Heard], history: Sequence[Message], marker: str, session: str
) -> Comparison:
    """Hold a history to what was said in it, and to what was told of each turn (from 1).

    Where an outlet filter changed a reply, either text may have been told: pieces come before the filter.
    """
    history = [replace(message, content=_read(message)) for message in history]
    kept = {message.id: message.content for message in history}
    before = {message.id: spoken(message.original).strip() for message in history if message.original}
    settled, faults = list(said), []
    for turn, reply in heard.items():
        stored = kept.get(reply.message_id, "")
        if not stored.strip():
            continue
        right = (stored.strip(), before.get(reply.message_id, stored.strip()))
        wrong = next((text for text in reply.texts if text.strip() not in right), None)
        name = "" if wrong is None else misheard(wrong, stored, marker, session)
        told = stored if wrong is None or name else wrong
        settled[turn - 1] = Said(said[turn - 1].prompt, told)
        if name and wrong is not None:
            faults.append((name, turn, wrong))
    result = compare(settled, history, marker, session)
    for name, turn, wrong in faults:
        setattr(result, name, getattr(result, name) + 1)
        result.stored -= name in ("truncated", "altered")
        stored = kept[heard[turn].message_id].strip()
        start = max(0, _alike(wrong.strip(), stored) - _BEFORE) if name == "altered" else 0
        result.told.append(_WORDS[name].format(turn, excerpt(wrong.strip()[start:]), excerpt(stored[start:])))
    return result


def _read(message: Message) -> str:
    text = message.content or message.elsewhere
    return spoken(text) if message.role == "assistant" else text


def misheard(told: str, stored: str, marker: str, session: str) -> str:
    """What became of a reply on its way, "" where it is rather the stored one to which something happened."""
    told, stored = told.strip(), stored.strip()
    if _is_strange(told, marker, session):
        return "foreign"
    if told in stored:
        return "truncated"
    if _is_strange(stored, marker, session):
        return ""
    same, more = _alike(told, stored), len(told) - len(stored)
    if more > 0 and told[:same] + told[same + more :] == stored:
        again = told[same : same + more]
        if again in (told[max(0, same - more) : same], told[same + more : same + 2 * more]):
            return "doubled"
    if stored in told:
        return ""
    # What is missing in the middle leaves a beginning and an end.
    return "truncated" if more < 0 and stored[:same] + stored[same - more :] == told else "altered"


def _is_strange(text: str, marker: str, session: str) -> bool:
    """Whether a text carries nonces, and none of this session's."""
    whose = {(nonce.marker, nonce.session) for nonce in nonces(text)}
    return bool(whose) and (marker, session) not in whose


def _alike(one: str, other: str) -> int:
    """Characters until they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))
