"""Fills accounts before a load: chats with long histories, as they are after a year and not on the first day.

A deployment that is fast with empty accounts may not be with full ones: the list has pages, and a conversation is
read and rewritten whole. On Open WebUI a chat is stored with all its messages at once; on the Session API each pair of
messages is a turn, which a model answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from load.integrity import Said
from load.mix import Mix
from load.prompts import Nonce, prompt
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.errors import Inconclusive
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.reading import identifier, success
from seatrial.settings import Settings
from seatrial.trees import tree

LEAST_READ = 5
"""Chats of an account that somebody reads, where nothing else is said."""


def key(number: int) -> str:
    """The session that the nonces of seeded chat `number` name. No visit has it: users count from 1."""
    return f"0-{number}"


@dataclass(frozen=True, slots=True)
class Seed:
    """How full an account is: so many chats with so many messages each.

    Of an odd number it is one more: a question at the end, which nobody had answered, is no turn that could be lost.
    """

    chats: int
    messages: int

    @classmethod
    def of(cls, settings: Settings, mix: Mix) -> Seed:
        """How full the accounts are to be: as asked, and a little for readers, who need something to read."""
        return cls(settings.seed_chats or (LEAST_READ if "reader" in mix.weights else 0), settings.seed_messages)

    def texts(self, marker: str, number: int) -> list[str]:
        """What chat `number` holds, its questions and replies in turn."""
        texts: list[str] = []
        for turn in range(1, (self.messages + 1) // 2 + 1):
            texts += [prompt(Nonce(marker, key(number), turn)), f"A reply of chat {number}, turn {turn}."]
        return texts


def said_in(texts: Sequence[str]) -> list[Said]:
    """The texts of a seeded chat as turns."""
    return [Said(asked, replied) for asked, replied in zip(texts[::2], texts[1::2], strict=True)]


def fill(
    crew: Crew, people: Sequence[Person], seed: Seed, beat: Callable[[], None]
) -> Iterator[tuple[Person, str, list[str]]]:
    """Fill the accounts of people; yields whose chat was made, its id and what it holds.

    `beat` is called now and then, before a request that may take long; what it raises ends the filling.
    Raises `Inconclusive` where a chat cannot be made: with half of its data a deployment would be measured as empty.
    """
    for person in people:
        for number in range(seed.chats):
            title, texts = crew.title(f"seeded {number}"), seed.texts(crew.marker, number)
            try:
                yield person, *_made(crew, person, title, texts, beat)
            except (Unexpected, NoAnswer) as error:
                raise Inconclusive(f"chat {number + 1} of {seed.chats} could not be made beforehand: {error}") from None


def _made(crew: Crew, person: Person, title: str, texts: list[str], beat: Callable[[], None]) -> tuple[str, list[str]]:
    beat()
    if crew.api == OPENWEBUI:
        call = crew.contract.call("createChat", json={"chat": tree(title, texts, crew.model)})
        reply = person.client.send(call)
        return identifier(reply, success(reply)), texts
    session = person.actor.create_session(title)
    held: list[str] = []
    for asked in texts[::2]:
        beat()
        held += [asked, person.actor.send_message(session, asked).reply]
    return session.id, held
