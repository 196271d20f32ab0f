"""What the scripted provider says, and when.

    Script(first_token=0.2, gap=0.02).reply("ping")     # the same text for the same message, always

A reply carries the message it answers unchanged: a nonce in the prompt is a nonce in the reply (all but `vary`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

ECHO_LIMIT = 2000  # characters of a message that come back; longer ones are cut, and the reply says so
ENDING = " (end of reply)"  # so that no reply ends in white space, which Open WebUI would strip from a stored stream
FILLER = ("and", "so", "the", "reply", "goes", "on")


@dataclass(frozen=True, slots=True)
class Script:
    """What the provider says and when. Times are seconds from the arrival of a request.

    `echo` answers in at most `tokens` pieces, whatever the length of the text; `fill` pads the answer to exactly
    `tokens` pieces; `vary` says something else each time, and nothing of the message. A reply that `thinks` has as
    many pieces of thought before it, a `padded` one has white space at both ends. Every `error_every`-th completion (0:
    none) is refused, with each of `error_statuses` in turn.
    """

    models: tuple[str, ...] = ("seatrial-model",)
    first_token: float = 0.05
    gap: float = 0.02
    tokens: int = 16
    style: Literal["echo", "fill", "vary"] = "echo"
    thinks: int = 0
    padded: bool = False
    error_every: int = 0
    error_statuses: tuple[int, ...] = (500,)

    def pieces(self, message: str, nth: int = 0) -> tuple[str, ...]:
        """The reply to a message as its tokens: none is empty, and together they are exactly the reply.

        `nth` is the number of the completion, on which replies that vary depend.
        """
        if self.style == "vary":
            chance = Random(nth)
            said = " ".join(chance.choices(FILLER, k=chance.randint(3, 3 * self.tokens)))
            return self._framed(_grouped(words(said), self.tokens))
        cut = f" (first {ECHO_LIMIT} of {len(message)} characters)" if len(message) > ECHO_LIMIT else ""
        said = f"You said{cut}: {message[:ECHO_LIMIT]}"
        if self.style == "fill":
            room = max(self.tokens - len(words(said + ENDING)), 0)
            said += "".join(f" {word}" for word in itertools.islice(itertools.cycle(FILLER), room))
        return self._framed(_grouped(words(said + ENDING), self.tokens))

    def thoughts(self) -> tuple[str, ...]:
        """What a model says to itself before it replies, as tokens."""
        return tuple(f"thought {number} " for number in range(1, self.thinks + 1))

    def _framed(self, pieces: tuple[str, ...]) -> tuple[str, ...]:
        return (f"\n {pieces[0]}", *pieces[1:], " \n") if self.padded else pieces

    def reply(self, message: str) -> str:
        """The whole reply, the same whether it is streamed or not."""
        return "".join(self.pieces(message))

    def refusal(self, nth: int) -> int | None:
        """The status that the nth completion (from 1) is refused with, if it is."""
        if not self.error_every or nth % self.error_every:
            return None
        return self.error_statuses[(nth // self.error_every - 1) % len(self.error_statuses)]


def words(text: str) -> list[str]:
    """The text in words, each with the white space after it: together they are exactly the text."""
    return re.findall(r"\S+\s*|\s+", text)


def _grouped(parts: Sequence[str], most: int) -> tuple[str, ...]:
    """The words in at most `most` groups of nearly equal size."""
    groups = min(len(parts), max(most, 1))
    edges = [len(parts) * number // groups for number in range(groups + 1)]
    return tuple("".join(parts[left:right]) for left, right in itertools.pairwise(edges))
