"""Findings of a load: each objective that was missed, in the form in which everything else is reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import comb

from load.objectives import Held
from seatrial.evidence import TURN_MEASURES, TURN_SUBJECTS
from seatrial.records import Finding
from seatrial.samples import Integrity, Sample, Turned
from seatrial.verbs import VERB_OPERATIONS

NOTICES = {
    "lost": "A message that was answered is gone when the conversation is opened again.",
    "doubled": "A message stands in the conversation twice.",
    "truncated": "A message ends too early when the conversation is opened again.",
    "altered": "A message reads differently from what was said.",
    "foreign": "A conversation shows words from somebody else's.",
    "reordered": "Messages stand in another order than they were said in.",
}
SHOWN = 3
MOST_ERRORS = 1_000
"""Different errors of an operation that are told apart: they may hold ids, and past these more of them tell nothing."""

LEVEL = 0.05
"""The chance of taking a harm that both sides have for one that B has more of."""


def damage(api: str, records: Sequence[Integrity]) -> Iterator[Finding]:
    """One finding for each way in which messages came to harm, with the first sessions that show it."""
    operation = VERB_OPERATIONS.get(api, {}).get("get_history", "getHistory")
    for name, notice in NOTICES.items():
        hurt = [record for record in records if getattr(record, name)]
        if hurt:
            total = sum(getattr(record, name) for record in hurt)
            shown = "; ".join(f"session {record.session}: {record.detail}" for record in hurt[:SHOWN])
            yield Finding(
                rule=f"load-{name}",
                severity="break",
                operation=operation,
                title=f"{total} messages {name} under load, in {len(hurt)} of {len(records)} sessions",
                expected="each acknowledged message in its history: once, unchanged, in order",
                received=shown,
                where=name,
                curl="",
                notice=notice,
                count=total,
            )


def harmed(api: str, a: Sequence[Integrity], b: Sequence[Integrity]) -> tuple[list[Finding], list[str]]:
    """Ways in which messages came to harm in B and not in A, or in more sessions; and notes on those that both have.

    More is proved by Fisher's exact test on the sessions that were harmed, at 5 %.
    """
    new, notes = [], []
    for finding in damage(api, b):
        hurt, before = (sum(getattr(one, finding.where) > 0 for one in side) for side in (b, a))
        more = not before or chance_of_more(hurt, len(b), before, len(a)) <= LEVEL
        if more:
            new.append(finding)
        if before:
            on = f"in {before} of {len(a)} sessions of A and {hurt} of {len(b)} of B"
            notes.append(f"messages were {finding.where} on both: {on}" + ", more than chance makes it" * more)
    return new, notes


def chance_of_more(hurt: int, of: int, before: int, before_of: int) -> float:
    """The chance that so many of the harmed sessions, or more, are on this side if both harm alike (Fisher, 1935)."""
    harmed_, sessions = hurt + before, of + before_of
    ways = sum(comb(of, n) * comb(before_of, harmed_ - n) for n in range(hurt, min(of, harmed_) + 1))
    return ways / comb(sessions, harmed_)


def failures(held: Held, samples: Iterable[Sample]) -> Finding:
    """Too many failed requests. Named after the operation that fails most, with its commonest error."""
    by_error: dict[str, Counter[str]] = {}
    by_operation: Counter[str] = Counter()
    subject = held.objective.subject
    for sample in samples:
        if not sample.ok and subject in ("", sample.operation):
            by_operation[sample.operation] += 1
            errors = by_error.setdefault(sample.operation, Counter())
            if sample.error in errors or len(errors) < MOST_ERRORS:
                errors[sample.error] += 1
    ((worst, number),) = by_operation.most_common(1)
    ((error, _),) = by_error[worst].most_common(1)
    received = f"{worst} failed {number} times, most often: {error}"
    return _errors(held, worst, "requests", received, "People are refused or get no answer", by_operation.total())


def failed_turns(held: Held, turns: Iterable[Turned], api: str) -> Finding:
    """Too many turns without a whole reply, whatever became of their requests."""
    way = held.objective.subject.partition(" ")[2]
    ended = Counter(turned.ended for turned in turns if not turned.ok and way in ("", turned.way))
    told = ", ".join(f"{number:,} {how}" for how, number in ended.most_common(SHOWN))
    received, notice = f"they ended: {told}", "People are refused or get no whole reply"
    return _errors(held, _send_message(api), "turns", received, notice, ended.total())


def _errors(held: Held, operation: str, what: str, received: str, notice: str, count: int) -> Finding:
    """So many of `what` failed."""
    return Finding(
        rule="load-errors",
        severity="break",
        operation=operation,
        title=f"{count} {what} failed under load",
        expected=held.objective.text,
        received=f"{held.said}; {received}",
        where=held.objective.text,
        curl="",
        notice=f"{notice} under this load.",
        count=count,
    )


def too_slow(held: Held, api: str) -> Finding:
    """A percentile beyond its limit."""
    subject, what = held.objective.subject, held.objective.what
    return Finding(
        rule="load-slow",
        severity="break",
        operation=_send_message(api) if subject in TURN_SUBJECTS else subject,
        title=f"{named(subject)}: {what} misses its objective",
        expected=held.objective.text,
        received=held.said + ("" if held.proved else " (the interval reaches over the limit: not proved)"),
        where=held.objective.text,
        curl="",
        notice="Under this load, people wait longer than was promised.",
    )


def named(subject: str) -> str:
    """An operation as it is, a measure of turns in words: "whole turn (socket)"."""
    measure, _, way = subject.partition(" ")
    return f"{TURN_MEASURES.get(measure, measure)}{f' ({way})' if way else ''}"


def _send_message(api: str) -> str:
    return VERB_OPERATIONS.get(api, {}).get("send_message", "sendMessage")
