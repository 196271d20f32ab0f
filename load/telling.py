"""What a person was told over the socket against what the history holds: the reply on the screen is the reply kept.

    compare_told(said, heard, history, marker, session) -> Comparison

Where the stored reply is right and the telling was not, the telling is named: pieces of it never came (truncated), or
came twice (doubled), or it was somebody else's reply (foreign). All else is as `integrity` names it. White space at
the ends does not count, since Open WebUI strips it from what it stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from load.integrity import Comparison, Said, compare, excerpt
from load.prompts import nonces
from seatrial.verbs import Message

_WORDS = {
    "truncated": "truncated: of the reply of turn {} the socket told only {}",
    "doubled": "twice: in the reply of turn {} the socket told a part again ({})",
    "foreign": "foreign: as the reply of turn {} the socket told another session's words ({})",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """One reply: the id of its message, and its text in each of the ways in which the socket told it."""

    message_id: str
    texts: tuple[str, ...]


def compare_told(
    said: Sequence[Said], heard: Mapping[int, Heard], history: Sequence[Message], marker: str, session: str
) -> Comparison:
    """Hold a history to what was said in it, and to what was told of each turn (from 1)."""
    history = [replace(message, content=message.content or message.elsewhere) for message in history]
    kept = {message.id: message.content for message in history}
    settled, faults = list(said), []
    for turn, reply in heard.items():
        stored = kept.get(reply.message_id, "")
        if not stored.strip():
            continue
        wrong = next((text for text in reply.texts if text.strip() != stored.strip()), None)
        name = "" if wrong is None else misheard(wrong, stored, marker, session)
        told = stored if wrong is None or name else wrong
        settled[turn - 1] = Said(said[turn - 1].prompt, told)
        if name and wrong is not None:
            faults.append((name, turn, wrong))
    result = compare(settled, history, marker, session)
    for name, turn, wrong in faults:
        setattr(result, name, getattr(result, name) + 1)
        result.stored -= name == "truncated"
        result.told.append(_WORDS[name].format(turn, excerpt(wrong)))
    return result


def misheard(told: str, stored: str, marker: str, session: str) -> str:
    """What became of a reply on its way, "" where its text does not say."""
    told, stored = told.strip(), stored.strip()
    whose = {(nonce.marker, nonce.session) for nonce in nonces(told)}
    if whose and (marker, session) not in whose:
        return "foreign"
    if told in stored:
        return "truncated"
    pairs = zip(told, stored, strict=False)
    same = next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(told), len(stored)))
    more = len(told) - len(stored)
    if _without(told, same, more) == stored and told[same : same + more] in (
        told[max(0, same - more) : same],
        told[same + more : same + 2 * more],
    ):
        return "doubled"
    # What is missing in the middle leaves a beginning and an end.
    if more < 0 and _without(stored, same, -more) == told:
        return "truncated"
    return ""


def _without(text: str, start: int, length: int) -> str:
    return text[:start] + text[start + max(0, length) :]
