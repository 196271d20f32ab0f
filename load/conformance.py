"""Answers that came under load, held to the contract when the load is over, by the validator of the contract suite.

    checked = check(folder, contract, Acceptance(version, waivers))
    checked.findings, checked.answers

An answer that a person could not use fails the load, however fast it was. A refusal that is documented otherwise, or
not at all, is told and fails nothing: that it was refused is counted elsewhere, as is every server error.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, field, replace

from load.sampling import KEPT, Answer
from seatrial.contract import Contract
from seatrial.exchange import Call, Reply
from seatrial.known import Acceptance
from seatrial.records import Finding, RunFolder, Severity
from seatrial.schemas import Fault, place_of

RULE = "load-conformance"
SUITE_RULE = "answer-conforms"
"""By this name the contract suite, known defects and waivers speak of the same departure."""

NOTICE = "Apps and scripts that read the answer break, under this load."
MOST_SHOWN = 2_000


@dataclass
class Checked:
    """How many answers of each operation were looked at, how many were wrong, and the findings, each counted."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def failing(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.fails]

    @property
    def counts(self) -> dict[str, int]:
        """For `run.json`: `answers_unusable` are those that fail the load."""
        unusable = sum(finding.count for finding in self.failing)
        return {"answers_checked": self.answers.total(), "answers_wrong": self.wrong, "answers_unusable": unusable}

    @property
    def told(self) -> str:
        """In one line what was looked at."""
        if not self.answers:
            return "no answer was kept to be held to the contract"
        said = f"{self.answers.total():,} answers of {len(self.answers)} operations"
        return f"{said}, kept in samples, were held to the contract: {self.wrong or 'none'} departed from it"


def check(folder: RunFolder, contract: Contract, acceptance: Acceptance) -> Checked:
    """Look at what the processes kept, and delete it."""
    checked, found = Checked(), dict[tuple[str, str], Finding]()
    for answer in folder.rows(f"{KEPT}/*.jsonl", Answer):
        if answer.status >= 500:
            continue
        checked.answers[answer.operation] += 1
        faults = list(contract.violations(_reply(answer)))
        checked.wrong += bool(faults)
        for fault in faults:
            finding = _finding(answer, fault, acceptance)
            key = finding.operation, finding.where
            earlier = found.get(key)
            found[key] = replace(earlier, count=earlier.count + 1) if earlier else finding
    checked.findings = [
        replace(one, title=f"{one.title} ({one.count} of {checked.answers[one.operation]} kept answers)")
        for one in found.values()
    ]
    shutil.rmtree(folder.path / KEPT, ignore_errors=True)
    return checked


def _reply(answer: Answer) -> Reply:
    call = Call(answer.operation, answer.method, answer.path)
    body = answer.body.encode("utf-8", "surrogateescape")
    return Reply(call, answer.status, {"content-type": answer.media_type}, body, cut=answer.cut)


def _finding(answer: Answer, fault: Fault, acceptance: Acceptance) -> Finding:
    where = fault.where if fault.kind in ("status", "content-type") else f"{answer.status} {fault.where}"
    finding = Finding(
        rule=RULE,
        severity=_severity(answer),
        operation=answer.operation,
        title="Answers under load do not keep the contract",
        expected=fault.expected[:MOST_SHOWN],
        received=fault.received[:MOST_SHOWN],
        where=place_of(where),
        curl="",
        notice=NOTICE,
    )
    in_suite = replace(finding, rule=SUITE_RULE)
    waived = acceptance.waived(finding) or acceptance.waived(in_suite)
    return replace(finding, known=acceptance.known(in_suite, ()), waived=waived)


def _severity(answer: Answer) -> Severity:
    return "break" if answer.status < 400 else "drift"
