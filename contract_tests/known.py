"""Findings that do not fail a run: known defects of released versions, and the user's own waivers.

Both name rule, operation and instance (`where`), so that neither hides a second fault. A failure of
valid use in one of the six verbs is never a known defect, whatever the file says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources

from seatrial.records import Finding
from seatrial.release import Release
from seatrial.settings import Waiver
from seatrial.verbs import VERB_OPERATIONS

VERBS = {operation for operations in VERB_OPERATIONS.values() for operation in operations.values()}


@dataclass(frozen=True, slots=True)
class KnownDefect:
    """A defect of released versions of Open WebUI, from `first` to `last` (None: not mended yet)."""

    id: str
    rule: str
    operation: str
    where: str
    first: str
    last: str | None
    request: str
    answer: str
    upstream: str = ""

    def covers(self, finding: Finding, version: str | None) -> bool:
        release, first, last = Release.parse(version), Release.parse(self.first), Release.parse(self.last)
        if release is None or first is None or release < first or (last is not None and release > last):
            return False
        if finding.rule == "valid-use" and finding.operation in VERBS:
            return False
        return (finding.rule, finding.operation, finding.where) == (self.rule, self.operation, self.where)


def known_defects() -> list[KnownDefect]:
    text = (resources.files("contract_tests") / "known_defects.toml").read_text("utf-8")
    return [KnownDefect(**row) for row in tomllib.loads(text).get("defect", [])]


@dataclass
class Acceptance:
    """Says of a finding why it does not fail the run, and remembers which waivers were used."""

    version: str | None
    waivers: Sequence[Waiver] = ()
    today: date = field(default_factory=date.today)
    used: set[Waiver] = field(default_factory=set)
    defects: list[KnownDefect] = field(default_factory=known_defects)

    def known(self, finding: Finding) -> str | None:
        found = next((defect for defect in self.defects if defect.covers(finding, self.version)), None)
        return found.id if found else None

    def waived(self, finding: Finding) -> str | None:
        for waiver in self.waivers:
            if (waiver.rule, waiver.operation, waiver.where) == (finding.rule, finding.operation, finding.where):
                self.used.add(waiver)
                if waiver.until >= self.today:
                    return f"{waiver.reason} (until {waiver.until})"
        return None

    def notes(self) -> list[str]:
        """What to say of the waivers themselves: those that expired, and those that nothing needed."""
        told = []
        for waiver in self.waivers:
            name = f"waiver {waiver.rule} {waiver.operation} {waiver.where}"
            if waiver.until < self.today:
                told.append(f"{name} expired on {waiver.until}")
            elif waiver not in self.used:
                told.append(f"{name} was not needed; remove it")
        return told
