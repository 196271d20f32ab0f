"""The way to a finding: the calls of a test as they were sent, kept so that they can be sent again.

A step of `Finding.steps` is a JSON object:

    account    who sent it; `bears` names the credential where it is not the account's own: `<secret 2>`
    call       operation, method, path, values (what fills the path), params, and `body` as text, `body64` where it is
               no text, or `left_out`, its bytes, where it is too long to keep
    status     of the answer, 0 where none came; `times` how often it was asked, for polls
    brought    ids that came with the answer and that later steps use, by their place in it: {"$.id": "9f1c..."}
    shows      true for the call whose answer is the finding, where it is one answer
    provoking  true where bad input was sent on purpose; `words` say what a person would do; `skipped` is how many
               calls of the test came before it that are not among the steps
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote

from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.parsing import parse
from seatrial.secrecy import Secrets
from seatrial.target import SHORT_LIVED, STRANGER, Account

TRAIL = 40
"""The last calls of a test go into a finding, and those before them that brought ids which they use."""

KEPT_BODY, READ_ANSWER = 65_536, 1_048_576
"""Bytes: of a body in a step and in a curl line, and of an answer that is searched for ids."""

MOST_IDS = 500
"""Of one answer. Who lists more than that does not have them all used by one test."""

POLLS = ("listChatTasks",)
ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b")
_ID_NAME = re.compile(r"id|.*(_id|Id)|api_key|token")
_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]")
_CONTROL, _NOT_ASCII = re.compile(r"[^\t\n -\U0010ffff]"), re.compile(r"[^\t\n -~]")


@dataclass
class Step:
    """One call of the test that runs. `brought` are values that no call or answer had before, and their places."""

    account: Account
    call: Call
    status: int
    provoking: bool = False
    words: str = ""
    brought: dict[str, str] = field(default_factory=dict)
    times: int = 1

    def texts(self) -> Iterator[str]:
        """All that it sent, as far as an id can stand in it."""
        yield from (self.call.path, self.account.token or "", *self.call.values)
        yield from (value for _, value in self.call.params)
        yield (self.call.body() or b"").decode("utf-8", "replace")


class Trail:
    """The calls of the test that runs, oldest first; the last ones are remembered beyond it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.words = ""
        self._known: set[str] = set()
        self._recent: deque[tuple[Call, Account]] = deque(maxlen=TRAIL)

    def hear(self, account: Account, call: Call, outcome: Reply | NoAnswer, provoking: bool) -> None:
        status = outcome.status if isinstance(outcome, Reply) else 0
        self._recent.append((call, account))
        last = self.steps[-1] if self.steps else None
        if last and call.operation in POLLS and (last.call.path, last.account, last.status) == (
            call.path, account, status,
        ):  # fmt: skip
            last.times += 1
            return
        step = Step(account, call, status, provoking, self.words)
        self._known.update(ID.findall(" ".join(step.texts())))
        if isinstance(outcome, Reply) and 200 <= status < 300 and outcome.is_json:
            for place, value in islice(_ids(outcome), MOST_IDS):
                if value not in self._known:
                    self._known.add(value)
                    step.brought[value] = place
        self.steps.append(step)

    def start(self) -> None:
        """A new test begins: its trail is its own."""
        self.steps.clear()
        self._known.clear()
        self.words = ""

    def last(self, operation: str) -> Call | None:
        """The last call of an operation, None where it was not among the last calls."""
        return next((call for call, _ in reversed(self._recent) if call.operation == operation), None)

    def sender(self, call: Call | None) -> Account | None:
        """Who sent a call."""
        return next((who for sent, who in reversed(self._recent) if sent is call), None)


def told(steps: Sequence[Step], shown: Call | None, secrets: Secrets) -> tuple[dict[str, Any], ...]:
    """The steps as a finding keeps them; `shown` is the call whose answer it is."""
    kept = set(range(max(0, len(steps) - TRAIL), len(steps)))
    kept |= {number for number, step in enumerate(steps) if step.call is shown}
    waiting = sorted(kept)
    while waiting:  # what a kept step names has to come from somewhere
        texts = list(steps[(at := waiting.pop())].texts())
        for number in range(at):
            if number not in kept and any(value in text for value in steps[number].brought for text in texts):
                kept.add(number)
                waiting.append(number)
    records, before = [], -1
    for number in sorted(kept):
        later = [text for other in kept if other > number for text in steps[other].texts()]
        used = {
            place: value
            for value, place in steps[number].brought.items()
            if any(value in text for text in later) and (secrets.knows(value) or not place.endswith(("token", "key")))
        }
        records.append(_told(steps[number], used, steps[number].call is shown, number - before - 1, secrets))
        before = number
    return tuple(records)


def _told(step: Step, used: dict[str, str], shows: bool, skipped: int, secrets: Secrets) -> dict[str, Any]:
    call, token = step.call, step.account.token
    sent = {"operation": call.operation, "method": call.method, "path": call.path}
    record: dict[str, Any] = {
        "account": step.account.label,
        "call": sent | {"values": list(call.values), "params": [list(pair) for pair in call.params]},
        "status": step.status,
    }
    record = _every_text(record, secrets.numbered)
    record["call"] |= _body(call, secrets)
    if token:
        record["bears"] = secrets.name(token)
    if used:
        record["brought"] = {place: secrets.name(v) if secrets.knows(v) else v for place, v in used.items()}
    more: dict[str, Any] = {"times": step.times if step.times > 1 else 0, "words": step.words, "skipped": skipped}
    return record | {
        name: value for name, value in (more | {"shows": shows, "provoking": step.provoking}).items() if value
    }


def _body(call: Call, secrets: Secrets) -> dict[str, Any]:
    body = call.body()
    if body is None:
        return {}
    if len(body) > KEPT_BODY:
        return {"left_out": len(body)}
    try:
        return {"body": secrets.numbered(body.decode())}
    except UnicodeDecodeError:
        return {"body64": base64.b64encode(body).decode()}


def _every_text(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {name: _every_text(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_every_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def _ids(reply: Reply) -> Iterator[tuple[str, str]]:
    """(place, value) of what may be the name of something, in a JSON answer."""
    if len(reply.body) > READ_ANSWER:
        return
    try:
        waiting = [("$", "", parse(reply.body))]
    except ValueError:
        return
    while waiting:
        place, name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{place}.{key}", key, item) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(f"{place}.{index}", name, item) for index, item in reversed(list(enumerate(value)))]
        elif isinstance(value, str) and value.strip(".") and (ID.fullmatch(value) or _ID_NAME.fullmatch(name)):
            yield place, value


def at(document: Any, place: str) -> str | None:
    """The text at a place of an answer, as `brought` names it; None where there is none."""
    for name in place.split(".")[1:]:
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document if isinstance(document, str) and document.strip(".") else None


def curl(url: str, call: Call, account: Account | None, headers: Iterable[str] = ()) -> str:
    """A line for a shell that sends the call again, the token taken from the environment; "" where no line can.

    It is whole, however long: whoever shows it must not cut it.
    """
    if account is not None and account.token and account.label in (STRANGER, SHORT_LIVED):
        return ""  # with the token of somebody else it would show that somebody else is served
    parts = ["curl", "-sS", "-i"]
    if call.method != "GET":
        parts += ["-X", call.method]
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in call.params)
    parts.append(shlex.quote(url + call.path + (f"?{query}" if query else "")))
    line = " ".join(parts)
    if account is not None and account.token:
        line += ' -H "Authorization: Bearer $SEATRIAL_TOKEN"'
    line += "".join(f" -H {shlex.quote(f'{name}: ...')}" for name in headers)
    body = call.body()
    if body is not None:
        text = _typed(body)
        if text is None:
            return ""
        line += f" -H 'Content-Type: application/json' --data-raw {shlex.quote(text)}"
    return line


def _typed(body: bytes) -> str | None:
    """A body as somebody can type it, None where nobody can: it is too long, no text, or holds what no line shows.

    What JSON has an escape for is written as that. A secret has to stay one of the forms that are masked: all that is
    not ASCII becomes an escape, or nothing does.
    """
    try:
        text = body.decode() if len(body) <= KEPT_BODY else None
        if text is None or _CONTROL.search(text):
            return None
        if _UNSEEN.search(text):
            parse(text)  # only in JSON an escape is the character that it stands for
            text = _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
    except ValueError:
        return None
    return text
