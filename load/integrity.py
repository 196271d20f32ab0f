"""What was said against what the history holds: every message by name, none counted twice.

    compare(said, history, marker, session) -> Comparison

acknowledged = stored + truncated + altered + lost, always. A reply whose text is gone is lost, not truncated. A
message of a refused turn may be in the history or not: the server said no, and either is honest.
White space at the end of a reply does not count, since Open WebUI strips it from stored streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from load.prompts import nonces
from seatrial.samples import HARMS
from seatrial.verbs import Message, kept

SHOWN = 3
"""Departures that a comparison tells in words; the counts have all."""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as the client saw it. `reply` is None when the server refused it or did not answer."""

    prompt: str
    reply: str | None = None


@dataclass
class Comparison:
    """Counts of messages, and the first departures in words. `empty` are replies without text where one was due.

    `echoed` are delivered replies with the nonce of their prompt: only of these is known whom they were meant for.
    """

    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    truncated: int = 0
    altered: int = 0
    foreign: int = 0
    reordered: int = 0
    kept: int = 0
    echoed: int = 0
    empty: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not any(getattr(self, name) for name in HARMS)

    @property
    def detail(self) -> str:
        return "; ".join(self.told[:SHOWN])


@dataclass(frozen=True, slots=True)
class _Expected:
    role: str
    text: str
    turn: int

    def __str__(self) -> str:
        return f"the {'prompt' if self.role == 'user' else 'reply'} of turn {self.turn}"


def compare(said: Sequence[Said], history: Sequence[Message], marker: str, session: str) -> Comparison:
    """Hold a history to what was said in it. `session` is the key that its nonces carry.

    A reply that an outlet filter of the deployment changed afterwards is held to its text before (`verbs.kept`).
    """
    expected = list(_expected(said))
    told = [(e.role, e.text) for e in expected] + [("assistant", one.reply) for one in said if one.reply is not None]
    rows = [(role, _shown(role, text)) for role, text in kept(history, told)]
    result = Comparison(acknowledged=len(expected))
    if [(e.role, e.text) for e in expected] == rows:
        result.stored = len(rows)
        _judge_replies(result, said, marker, session)
        return result
    in_order = _longest_common([(e.role, e.text) for e in expected], rows)
    match: dict[int, int] = {row: wanted for wanted, row in in_order}
    open_ = set(range(len(expected))) - set(match.values())
    result.stored = len(match)
    refused = {turn: turn_said.prompt for turn, turn_said in enumerate(said, 1) if turn_said.reply is None}
    there: set[str] = set()
    speaker: int | None = None
    for number, (role, text) in enumerate(rows):
        if number in match:
            speaker = expected[match[number]].turn
            continue
        alike = [i for i, e in enumerate(expected) if (e.role, e.text) == (role, text)]
        moved = next((i for i in alike if i in open_), None)
        own = [nonce.turn for nonce in nonces(text) if (nonce.marker, nonce.session) == (marker, session)]
        strange = [nonce for nonce in nonces(text) if (nonce.marker, nonce.session) != (marker, session)]
        if moved is not None:
            open_.discard(moved)
            result.stored += 1
            result.reordered += 1
            result.told.append(f"out of order: {expected[moved]}")
            speaker = expected[moved].turn
        elif alike:
            result.doubled += 1
            result.told.append(f"twice: {expected[alike[0]]}")
            speaker = expected[alike[0]].turn
        elif role == "user" and text in refused.values():
            turn = next(turn for turn, said_text in refused.items() if said_text == text)
            if text in there:
                result.doubled += 1
                result.told.append(f"twice: the prompt of turn {turn}, which was refused")
            else:
                there.add(text)
                result.kept += 1
            speaker = turn
        elif (role, text) == ("assistant", "") and any(
            (expected[i].role, expected[i].turn) == (role, speaker) for i in open_
        ):
            result.empty += 1  # the reply that belongs here stays open: it is lost
        elif strange and not own:
            result.foreign += 1
            result.told.append(f"foreign: words of session {strange[0].session} ({excerpt(text)})")
        else:
            speaker = _place_leftover(result, expected, open_, refused, role, text, own, speaker)
    result.lost = len(open_)
    place = " (an empty one stands there)" if result.empty else ""
    result.told = [f"lost: {expected[i]}{place}" for i in sorted(open_)] + result.told
    _judge_replies(result, said, marker, session)
    return result


def _place_leftover(
    result: Comparison,
    expected: Sequence[_Expected],
    open_: set[int],
    refused: dict[int, str],
    role: str,
    text: str,
    own: Sequence[int],
    speaker: int | None,
) -> int | None:
    """A message that equals none that was said: by its nonce, or by where it stands, it may be a changed one.

    Returns the turn it belongs to, as far as that can be told.
    """
    turn = own[0] if own else speaker if role == "assistant" else None
    if turn in refused:
        result.kept += 1
        return turn
    candidates = [i for i in sorted(open_) if expected[i].role == role and turn in (None, expected[i].turn)]
    altered = next((i for i in candidates if turn is not None or _resembles(text, expected[i].text)), None)
    if altered is not None:
        open_.discard(altered)
        if text in expected[altered].text:
            result.truncated += 1
            result.told.append(f"truncated: of {expected[altered]} there is only {excerpt(text)}")
        else:
            result.altered += 1
            result.told.append(f"altered: {expected[altered]} is now {excerpt(text)}")
        return expected[altered].turn
    if own:
        result.doubled += 1
        result.told.append(f"twice, and changed: turn {own[0]} ({excerpt(text)})")
        return own[0]
    result.foreign += 1
    result.told.append(f"foreign: a message that nobody here said ({excerpt(text)})")
    return speaker


def _judge_replies(result: Comparison, said: Sequence[Said], marker: str, session: str) -> None:
    """A delivered reply that carries only another session's nonce was meant for somebody else."""
    for turn, one in enumerate(said, 1):
        heard = nonces(one.reply or "")
        result.echoed += (marker, session, turn) in [(nonce.marker, nonce.session, nonce.turn) for nonce in heard]
        if heard and all((nonce.marker, nonce.session) != (marker, session) for nonce in heard):
            result.foreign += 1
            result.told.append(f"foreign: the reply of turn {turn} was meant for session {heard[0].session}")


def _expected(said: Sequence[Said]) -> Iterator[_Expected]:
    for turn, one in enumerate(said, 1):
        if one.reply is not None:
            yield _Expected("user", one.prompt, turn)
            yield _Expected("assistant", _shown("assistant", one.reply), turn)


def _shown(role: str, text: str) -> str:
    return text.rstrip() if role == "assistant" else text


def _resembles(text: str, original: str) -> bool:
    """Cut at either end, or added to."""
    return text in original or original in text


def _longest_common(left: Sequence[object], right: Sequence[object]) -> list[tuple[int, int]]:
    """Pairs of positions of the longest common subsequence: what is there, and in order.

    Matching by order first keeps equal replies ("Yes.") from passing for one another.
    """
    length = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            length[i][j] = length[i + 1][j + 1] + 1 if left[i] == right[j] else max(length[i + 1][j], length[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def excerpt(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
