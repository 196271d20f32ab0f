"""An earlier verification whose findings are accepted: with it, only what is new fails a run.

    baseline = Baseline.open("seatrial-runs/...")
    baseline.demand("openwebui")
    baseline.covers(finding)         # "run-before (Open WebUI 0.9.6, 2026-01-05)"; None: it is new

The same fault is the same rule, operation, place and form of request, no graver than it was. What the earlier run did
not fail for, because it was known or waived there, stands for nothing here: a waiver has its own end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import Inconclusive, WrongUse
from seatrial.records import Finding, Run, RunFolder

RANKS = {"break": 0, "defect": 1, "drift": 2}
Fault = tuple[str, str, str, str]


@dataclass(frozen=True)
class Gone:
    """A finding that failed in the baseline and was not met again; `looked` says whether its operation was asked."""

    rule: str
    severity: str
    operation: str
    title: str
    where: str
    form: str = ""
    looked: bool = True


def fault(finding: Finding | Gone) -> Fault:
    """What makes two findings the same one."""
    return finding.rule, finding.operation, finding.where, finding.form


def _rank(finding: Finding) -> int:
    return RANKS.get(finding.severity, len(RANKS))


class Faults:
    """The findings of a run, each by what makes it the same one; the gravest of those that are."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.by_fault: dict[Fault, Finding] = {}
        for finding in findings:
            known = self.by_fault.setdefault(fault(finding), finding)
            if _rank(finding) < _rank(known):
                self.by_fault[fault(finding)] = finding

    def cover(self, finding: Finding) -> bool:
        """Whether the same fault is among them, as grave or graver."""
        known = self.by_fault.get(fault(finding))
        return known is not None and _rank(known) <= _rank(finding)


class Baseline:
    """The findings of a finished verification. `name` is what reports call it, `place` how it is found again."""

    def __init__(self, folder: RunFolder, run: Run) -> None:
        self.run = run
        release = f"{run.target_name or ''} {run.target_version or ''}".strip()
        told = ", ".join(filter(None, [release, run.started[:10]]))
        self.path = folder.path.resolve()
        self.name = f"{self.path.name} ({told})"
        self.place = place_of(folder)
        self._faults = Faults(
            finding for finding in folder.rows("findings.jsonl", Finding) if not (finding.known or finding.waived)
        )

    @classmethod
    def open(cls, path: str) -> Baseline:
        """Raises `WrongUse` when the path holds no verification, `Inconclusive` when that proves nothing."""
        folder = RunFolder.open(path)
        run = folder.load()
        if run.command != "verify":
            raise WrongUse(f"--baseline {path} holds a {run.command}; a baseline is a verification")
        if reason := unfinished(run):
            raise Inconclusive(
                f"--baseline {path} was not finished ({reason}), so that old faults would be taken for new; "
                "verify that one again, to its end"
            )
        return cls(folder, run)

    def demand(self, api: str) -> None:
        """Raises `WrongUse` when the baseline is of the other API: none of its findings can be met again."""
        if self.run.api != api:
            raise WrongUse(f"the baseline is of the API {self.run.api!r}, and the target serves {api!r}")

    def note(self, name: str | None) -> str | None:
        """What to say of a baseline of something that calls itself by another name."""
        if self.run.target_name and name and self.run.target_name != name:
            return f"the baseline is of {self.run.target_name}, and the target calls itself {name}"
        return None

    def covers(self, finding: Finding) -> str | None:
        """The name of the run, when it had the same fault, as grave or graver."""
        return self.name if self._faults.cover(finding) else None

    def gone(self, findings: Iterable[Finding], asked: Iterable[str], skipped: Iterable[tuple[str, str]]) -> list[Gone]:
        """What failed there and was not met here. `asked` are operations, `skipped` rules with their operations."""
        here, asked, skipped = Faults(findings), set(asked), set(skipped)
        return [
            Gone(
                *(old.rule, old.severity, old.operation, old.title, old.where, old.form),
                looked=old.operation in asked and (old.rule, old.operation) not in skipped,
            )
            for key, old in self._faults.by_fault.items()
            if key not in here.by_fault
        ]


def place_of(folder: RunFolder) -> str:
    """How a run folder is found again from the working directory.

    Outside of that it is the folder's name alone: reports travel, a path belongs to one machine.
    """
    whole, here = folder.path.resolve(), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else whole.name


def unfinished(run: Run) -> str | None:
    """Why a run says nothing of what it did not reach; None when it came to its end."""
    if not run.id:
        return "it never began"
    return run.problem or (None if run.ended else "it was stopped")
