"""Findings of a load: each objective that was missed, in the form in which everything else is reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from load.objectives import Objective
from seatrial.records import Finding, Integrity, Sample
from seatrial.verbs import VERB_OPERATIONS

NOTICES = {
    "lost": "A message that was answered is gone when the conversation is opened again.",
    "doubled": "A message stands in the conversation twice.",
    "altered": "A message reads differently from what was said.",
    "foreign": "A conversation shows words from somebody else's.",
    "reordered": "Messages stand in another order than they were said in.",
}
SHOWN = 3


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


def failures(objective: Objective, samples: Iterable[Sample], counts: Mapping[str, int]) -> Finding:
    """Too many failed requests. Named after the operation that fails most, with its commonest error."""
    by_error: dict[tuple[str, str], int] = {}
    by_operation: dict[str, int] = {}
    for sample in samples:
        if not sample.ok:
            by_operation[sample.operation] = by_operation.get(sample.operation, 0) + 1
            key = sample.operation, sample.error
            by_error[key] = by_error.get(key, 0) + 1
    worst = max(by_operation, key=lambda name: by_operation[name])
    error = max((key for key in by_error if key[0] == worst), key=lambda key: by_error[key])[1]
    share = counts["failures"] / counts["requests"]
    return Finding(
        rule="load-errors",
        severity="break",
        operation=worst,
        title=f"{counts['failures']} of {counts['requests']} requests failed under load",
        expected=objective.title,
        received=f"{share:.1%}; {worst} failed {by_operation[worst]} times, most often: {error}",
        where="error rate",
        curl="",
        notice="Under this load, people are refused or get no answer.",
        count=counts["failures"],
    )
