"""What a run's records come to, read once and used by every report.

`Digest.of(folder, run)` folds findings into groups, checks into rules, statuses into coverage, and samples into what a
load measured. Nothing here judges: see `verdict`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

from reports.drift import Drift, drift
from reports.measured import Measured
from reports.overhead import Overheads
from reports.wording import line
from seatrial.baseline import Gone
from seatrial.ratios import COMPARISON, SIDES, Ratio, Span
from seatrial.records import Check, Finding, Run, RunFolder, Seen, Skip
from seatrial.samples import Judged, Tried

_TIME = re.compile(r"\bp\d+(\.\d+)? *<")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\[\d+\]", re.IGNORECASE)


ALL_FAIL = "compare-errors"
"""The rule of a finding that is about no single operation."""


@dataclass
class Group:
    """Findings of one rule in one place of one operation; `finding` is the first of them."""

    finding: Finding
    count: int = 0

    def fails(self, strict: bool) -> bool:
        """Whether it fails the run; drift does so only where the run is strict about it."""
        finding = self.finding
        return finding.fails or (strict and finding.severity == "drift" and not finding.accepted)


@dataclass
class Coverage:
    """An operation's statuses: documented and seen, documented and not seen, seen without being documented."""

    operation: str
    seen: list[Seen] = field(default_factory=list)
    unseen: list[Seen] = field(default_factory=list)
    undocumented: list[Seen] = field(default_factory=list)

    @property
    def usual(self) -> Seen | None:
        """The status that says how fast the operation is: of the successes with times, that which came most often."""
        good = [row for row in (*self.seen, *self.undocumented) if 200 <= row.status < 300 and row.p50_ms is not None]
        return max(good, key=lambda row: row.count, default=None)


@dataclass
class Digest:
    """All of a run that reports speak of."""

    groups: list[Group] = field(default_factory=list)
    checks: dict[tuple[str, str], Check] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    statuses: dict[tuple[str, int], Seen] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    load: Measured = field(default_factory=Measured)
    objectives: list[Judged] = field(default_factory=list)
    levels: list[Tried] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    overhead: Overheads = field(default_factory=Overheads)
    drifted: list[Drift] | None = None
    """How the contract drifted from A to B; None where a run compares no two."""

    @classmethod
    def of(cls, folder: RunFolder, run: Run) -> Digest:
        digest = cls()
        digest.groups = grouped(folder.rows("findings.jsonl", Finding))
        for check in folder.rows("checks.jsonl", Check):
            key = check.rule, check.operation
            known = digest.checks.get(key)
            digest.checks[key] = (
                replace(known, count=known.count + check.count, failed=known.failed + check.failed) if known else check
            )
        # A skip may stand in both files, and once for each worker.
        noted = [Skip(**{f.name: row.get(f.name, "") for f in fields(Skip)}) for row in run.skipped]
        digest.skips = list(dict.fromkeys([*folder.rows("checks.jsonl", Skip), *noted]))
        digest.gone = list(folder.rows("baseline.jsonl", Gone))
        for row in folder.rows("checks.jsonl", Seen):
            digest._see(row)
        digest.load = Measured.of(folder, run)
        digest.objectives = list(folder.rows("objectives.jsonl", Judged))
        if run.cause == "void":
            digest.objectives = list(map(taken_back, digest.objectives))
        digest.levels = list(folder.rows("levels.jsonl", Tried))
        digest.ratios = list(folder.rows(COMPARISON, Ratio))
        verified = [RunFolder(folder.path / f"verify-{side}") for side in SIDES] if run.command == "compare" else []
        if verified and all((one.path / "shapes.jsonl").is_file() for one in verified):
            digest.drifted = list(drift(*verified))
        digest.overhead = Overheads.of(folder, digest.load.since, digest.load.until)
        return digest

    def _see(self, row: Seen) -> None:
        key = row.operation, row.status
        known = self.statuses.get(key)
        if known is None:
            self.statuses[key] = row
            return
        fuller = max(known, row, key=lambda seen: seen.count)
        self.statuses[key] = replace(
            fuller, count=known.count + row.count, documented=known.documented or row.documented
        )

    @cached_property
    def coverage(self) -> list[Coverage]:
        found: dict[str, Coverage] = {}
        for row in sorted(self.statuses.values(), key=lambda row: (row.operation, row.status)):
            entry = found.setdefault(row.operation, Coverage(row.operation))
            kind = entry.undocumented if not row.documented else entry.seen if row.count else entry.unseen
            kind.append(row)
        return list(found.values())

    @cached_property
    def compared(self) -> list[tuple[Ratio, Span]]:
        """What was judged of a comparison by its times, and its interval."""
        return [(row, row.span) for row in self.ratios if row.span]

    def limits_at(self, level: int | None) -> list[str]:
        """Who was the limit of a level, as far as that is known; several where its tries do not agree."""
        return list(dict.fromkeys(line(one.limit, 20) for one in self.levels if one.level == level and one.limit))

    @property
    def checked(self) -> int:
        return sum(check.count for check in self.checks.values())

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was looked at, so that nothing is proved."""
        looked = self.groups or self.checked or self.load or self.levels or self.ratios
        return not (looked or any(row.count for row in self.statuses.values()))


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """In the order they came. Places that differ by an id or an index are one place."""
    groups: dict[tuple[str | None, ...], Group] = {}
    for finding in findings:
        place = _ID.sub("*", finding.where)
        why = finding.known, finding.waived, finding.before
        key = finding.rule, finding.operation, place, finding.severity, *why
        groups.setdefault(key, Group(finding)).count += max(1, finding.count)
    return list(groups.values())


def taken_back(one: Judged) -> Judged:
    """An objective of a load that was the limit itself: its times prove nothing, and what became of messages does."""
    about_times = _TIME.search(one.objective)
    return replace(one, verdict="void", proved=False, limited_by="", limited_why="") if about_times else one


def kind_of(one: Judged) -> str:
    """What became of an objective, in words: held and proved are not the same."""
    return "held, not proved" if one.verdict == "held" and not one.proved else line(one.verdict, 30)
