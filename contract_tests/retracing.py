"""Sends the recorded steps of a finding again, as new accounts and with new ids, and judges what comes.

    for step in Retracer(finding, run, crew, log).steps(): ...      # each with its status then and now

Raises `Unsendable` where a step cannot be sent as it was; what it would have shown is then open. A file that somebody
gave us decides what is sent here: so nothing is, that could reach what this run did not make.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from contract_tests.bindings import Bindings
from contract_tests.log import Log
from contract_tests.trail import POLLS, at
from seatrial.contract import Operation
from seatrial.crew import Crew, Person
from seatrial.exchange import Call, NoAnswer, Reply
from seatrial.markers import MAIL_DOMAIN
from seatrial.parsing import parse
from seatrial.records import Finding, Run
from seatrial.target import STRANGER

BY_LOG = ("answer-conforms", "status-documented", "no-server-error", "no-internals", "no-secrets", "no-answer")
BY_STATUS = ("bad-input-refused", "missing-refused")
"""Rules that the log holds an answer to, and those that its status breaks; others name it in `where`: "status 200"."""

POLL_LOOKS, POLL_SECONDS = 150, 0.2
_STATUS = re.compile(r"status \d+")


class Unsendable(Exception):
    """A recorded step that cannot be sent again, and why."""


@dataclass(frozen=True)
class Retraced:
    """A step that was sent again. `status` is 0 where no answer came; `shows`: the finding is about its answer."""

    account: str
    sent: str
    then: int
    status: int
    shows: bool


def same(finding: Finding, other: Finding) -> bool:
    """Whether it is the finding again; one wrong status in the place of another is no mending."""
    places = [_STATUS.sub("status *", one.where) for one in (finding, other)]
    return (finding.rule, finding.operation, places[0]) == (other.rule, other.operation, places[1])


def is_on_one_answer(finding: Finding) -> bool:
    """Whether its steps, sent again, can show it; findings that compare several answers need their test."""
    told = finding.rule in (*BY_LOG, *BY_STATUS) or _STATUS.search(finding.where)
    return bool(told) and any(isinstance(step, Mapping) and step.get("shows") for step in finding.steps)


MAKING = ("createChat", "createChatCompletion", "createSession", "sendMessage")
"""What names nothing in its path and makes something new, or goes by ids that are bound anew."""


class Retracer:
    """Works as the crew of a new run. `log` has to hear the crew's exchanges."""

    def __init__(self, finding: Finding, run: Run, crew: Crew, log: Log) -> None:
        self.finding, self.crew, self.log = finding, crew, log
        self.shown = False
        self._workers = [str(row.get("label")) for row in run.accounts if row.get("label") != "admin"]
        self._people: dict[str, Person] = {}
        marker = run.id if len(run.id) > 8 else ""
        old, new = marker[-8:], crew.marker[-8:]
        self._bindings = Bindings({marker: crew.marker, old: new, old.upper(): new.upper()})
        if run.model and crew.model:
            self._bindings.bind(run.model, crew.model)

    def steps(self) -> Iterator[Retraced]:
        """Send what is needed for the answer that the finding is about, and see whether it is wrong again."""
        faithful = True
        for step in self._needed():
            try:
                taken = self._taken(step)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise Unsendable("the record of its steps cannot be read") from None
            if taken.shows:
                self.shown = self._is_again(taken, faithful)
            faithful = faithful and taken.status == taken.then
            yield taken

    def _taken(self, step: Mapping[str, Any]) -> Retraced:
        person, call = self._person(step), self._call(step)
        self._allow(person, call, step)
        outcome = self._sent(person, call, step)
        self._bind(step, outcome)
        return Retraced(
            account=person.account.label,
            sent=f"{call.method} {call.path}",
            then=int(step["status"]),
            status=outcome.status if isinstance(outcome, Reply) else 0,
            shows=bool(step.get("shows")),
        )

    def _needed(self) -> list[Mapping[str, Any]]:
        """Up to the step that shows it; of bad input that came before only what brought ids that are used."""
        steps = list(self.finding.steps)
        if not all(isinstance(step, Mapping) for step in steps):
            raise Unsendable("the record of its steps cannot be read")
        last = max((number for number, step in enumerate(steps) if step.get("shows")), default=len(steps) - 1)
        return [
            step for step in steps[: last + 1] if step.get("shows") or step.get("brought") or not step.get("provoking")
        ]

    def _is_again(self, taken: Retraced, faithful: bool) -> bool:
        if any(same(self.finding, found) for found in self.log.findings.values()):
            return True
        # Equal statuses prove something only where the way to them was the same.
        by_status = self.finding.rule in BY_STATUS or _STATUS.search(self.finding.where)
        unanswered = self.finding.rule == "no-answer" and taken.status == 0
        return faithful and taken.then == taken.status and bool(by_status or unanswered)

    def _sent(self, person: Person, call: Call, step: Mapping[str, Any]) -> Reply | NoAnswer:
        with self.log.provoking() if step.get("provoking") else nullcontext():
            for _ in range(POLL_LOOKS):
                try:
                    reply = person.client.send(call)
                except NoAnswer as failure:
                    return failure
                if call.operation not in POLLS or step["status"] != 200 or not _still_running(reply):
                    break
                time.sleep(POLL_SECONDS)
        return reply

    def _bind(self, step: Mapping[str, Any], outcome: Reply | NoAnswer) -> None:
        brought = step.get("brought") or {}
        if not brought:
            return
        try:
            document = parse(outcome.body) if isinstance(outcome, Reply) else None
        except ValueError:
            document = None
        for place, old in brought.items():
            new = at(document, place)
            if new is None:
                raise Unsendable(f"{step['call']['operation']} no longer answers with {place}, which later steps need")
            self._bindings.bind(old, new)

    def _call(self, step: Mapping[str, Any]) -> Call:
        told = step["call"]
        if "left_out" in told:
            raise Unsendable(f"the body of {told['operation']} ({told['left_out']:,} bytes) was too long to be kept")
        if told["operation"] not in self.crew.contract.operations:
            raise Unsendable(f"this release has no operation {told['operation']}")
        bindings = self._bindings
        call = Call(
            told["operation"],
            told["method"],
            bindings.path(told["path"]),
            tuple((name, bindings.value(value)) for name, value in told.get("params", ())),
            values=tuple(bindings.value(value) for value in told.get("values", ())),
        )
        if "body64" in told:
            return replace(call, raw=base64.b64decode(told["body64"]))
        if "body" not in told:
            return call
        raw = bindings.body(told["body"]).encode()
        try:
            # As a document where that is the same: the ledger and the log look into it.
            whole = replace(call, json=json.loads(raw))
            return whole if whole.body() == raw else replace(call, raw=raw)
        except (ValueError, RecursionError):
            return replace(call, raw=raw)

    def _person(self, step: Mapping[str, Any]) -> Person:
        label, bears = str(step["account"]), step.get("bears")
        key = f"{label} {bears}"
        if key not in self._people:
            self._people[key] = self._found(label, bears)
        return self._people[key]

    def _found(self, label: str, bears: str | None) -> Person:
        if label == "anonymous":
            return self.crew.stranger()
        if label in self._workers:
            place = self._workers.index(label)
            person = self.crew.people[min(place, len(self.crew.people) - 1)]
            if any(other is person for other in self._people.values()):
                raise Unsendable("it takes more accounts than were given")
            return person
        if label == "admin":
            if self.crew.admin is None:
                raise Unsendable("it takes an administrator: give --admin")
            return self.crew.admin
        for person in self.crew.given:  # who speaks where ordinary accounts see no model
            if person.account.label == label:
                return person
        if bears and (label == STRANGER or self._bindings.knows(bears)):
            person = self.crew.stranger(self._bindings.secret(bears))
            return self.crew.person(replace(person.account, label=label)) if label != STRANGER else person
        raise Unsendable(f"nobody stands for the account {label!r}")

    def _allow(self, person: Person, call: Call, step: Mapping[str, Any]) -> None:
        """Raises `Unsendable` for what could reach more than this run made."""
        operation, account = self.crew.contract.operation(call.operation), person.account
        if call.method != operation.method or _values(operation, call.path) is None:
            raise Unsendable(f"the record of {call.operation} is not one of its requests")
        if account.throwaway or not operation.writes:
            return
        if call.operation in ("signIn", "addUser") and not _is_ours(call):
            raise Unsendable(f"the record of {call.operation} names somebody who is not of the run")
        given = account in (who.account for who in (*self.crew.people, *self.crew.given, self.crew.admin) if who)
        if not given or call.operation == "addUser":
            return
        if operation.never and not (call.operation == "deleteUser" and self._made(step)):
            raise Unsendable(f"{call.operation} is done to throwaway accounts only: give --admin")
        if not account.disposable and not self._made(step):
            raise Unsendable(f"{call.operation} goes to something that this run did not make")
        if not account.disposable and self.finding.test.startswith("test_conformance"):
            raise Unsendable("generated writes need an account that may be written to freely: --admin or --disposable")

    def _made(self, step: Mapping[str, Any]) -> bool:
        """Whether each value of its path was brought by an answer to this run, or made anew."""
        operation = self.crew.contract.operation(step["call"]["operation"])
        values = _values(operation, step["call"]["path"])
        return all(map(self._bindings.knows, values)) if values else operation.id in MAKING


def _values(operation: Operation, path: str) -> list[str] | None:
    """What fills an operation's path; None where it is another path, or would be resolved to one."""
    pattern = "([^/]+)".join(re.escape(part) for part in re.split(r"\{[^}]*\}", operation.path))
    found = re.fullmatch(pattern, path)
    values = [unquote(value) for value in found.groups()] if found else None
    return values if values is not None and all(value.strip(".") for value in values) else None


def _is_ours(call: Call) -> bool:
    """An address that no person has, and no more than an ordinary account."""
    body = call.json if isinstance(call.json, dict) else {}
    return str(body.get("email", f"@{MAIL_DOMAIN}")).endswith(f"@{MAIL_DOMAIN}") and body.get("role") in (None, "user")


def _still_running(reply: Reply) -> bool:
    try:
        return bool(parse(reply.body).get("task_ids"))
    except (ValueError, AttributeError):
        return False
