"""What a run's records come to, read once and used by every report.

`Digest.of(folder)` folds findings into groups, checks into rules, and statuses into coverage; of a load
it keeps the times. Nothing here judges: see `verdict`.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

from seatrial.baseline import Gone
from seatrial.records import Check, Finding, Run, RunFolder, Seen, Skip
from seatrial.samples import HARMS, Integrity, Sample

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\[\d+\]", re.IGNORECASE)
WRONGS = HARMS
MESSAGES = ("turns", "acknowledged", "refused", "stored", *WRONGS)


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
class Times:
    """The requests of one operation under load: second of the end, milliseconds, and whether it was answered well."""

    at: array[float] = field(default_factory=lambda: array("d"))
    ms: array[float] = field(default_factory=lambda: array("d"))
    ok: bytearray = field(default_factory=bytearray)
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        self.at.append(sample.at)
        self.ms.append(sample.ms)
        self.ok.append(sample.ok)
        if not sample.ok:
            reason = sample.error or f"status {sample.status}"
            # Reasons may hold ids: past a thousand different ones, more of them tell nothing.
            if reason in self.errors or len(self.errors) < 1000:
                self.errors[reason] = self.errors.get(reason, 0) + 1

    @property
    def failed(self) -> int:
        return len(self.ok) - sum(self.ok)


@dataclass
class Coverage:
    """An operation's statuses: documented and seen, documented and not seen, seen without being documented."""

    operation: str
    seen: list[Seen] = field(default_factory=list)
    unseen: list[Seen] = field(default_factory=list)
    undocumented: list[Seen] = field(default_factory=list)

    @property
    def usual(self) -> Seen | None:
        """The status that says how fast the operation is: the success that came most often."""
        timed = [row for row in (*self.seen, *self.undocumented) if row.p50_ms is not None]
        return max(timed, key=lambda row: (200 <= row.status < 300, row.count), default=None)


@dataclass
class Digest:
    """All of a run that reports speak of."""

    groups: list[Group] = field(default_factory=list)
    checks: dict[tuple[str, str], Check] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    statuses: dict[tuple[str, int], Seen] = field(default_factory=dict)
    times: dict[str, Times] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    messages: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    wrong_sessions: list[Integrity] = field(default_factory=list)

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
        for sample in folder.rows("samples/*.jsonl", Sample):
            digest.times.setdefault(sample.operation, Times()).add(sample)
        for session in folder.rows("samples/*.jsonl", Integrity):
            digest._hold(session)
        digest.times = dict(sorted(digest.times.items()))
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

    def _hold(self, session: Integrity) -> None:
        self.sessions += 1
        for name in MESSAGES:
            self.messages[name] = self.messages.get(name, 0) + getattr(session, name)
        if any(getattr(session, name) for name in WRONGS) and len(self.wrong_sessions) < 50:
            self.wrong_sessions.append(session)

    @cached_property
    def coverage(self) -> list[Coverage]:
        found: dict[str, Coverage] = {}
        for row in sorted(self.statuses.values(), key=lambda row: (row.operation, row.status)):
            entry = found.setdefault(row.operation, Coverage(row.operation))
            kind = entry.undocumented if not row.documented else entry.seen if row.count else entry.unseen
            kind.append(row)
        return list(found.values())

    @property
    def checked(self) -> int:
        return sum(check.count for check in self.checks.values())

    @property
    def requests(self) -> int:
        return sum(len(times.ms) for times in self.times.values())

    @property
    def errors(self) -> int:
        return sum(times.failed for times in self.times.values())

    @property
    def seconds(self) -> float:
        """How long the load lasted, up to its last request."""
        return max((max(times.at) for times in self.times.values()), default=0.0)

    @property
    def has_load(self) -> bool:
        return bool(self.times or self.sessions)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was looked at, so that nothing is proved."""
        return not (self.groups or self.checked or self.has_load or any(row.count for row in self.statuses.values()))


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """In the order they came. Places that differ by an id or an index are one place."""
    groups: dict[tuple[str | None, ...], Group] = {}
    for finding in findings:
        place = _ID.sub("*", finding.where)
        why = finding.known, finding.waived, finding.before
        key = finding.rule, finding.operation, place, finding.severity, *why
        groups.setdefault(key, Group(finding)).count += max(1, finding.count)
    return list(groups.values())
