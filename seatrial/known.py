"""Findings that do not fail a run: known defects of released versions, the user's own waivers, and a baseline.

All name rule, operation and instance (`where`), so that none hides a second fault; a known defect
says besides which requests show it (`when`). A failure of valid use in one of the six verbs is never a
known defect, whatever the file says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from typing import Any

from seatrial.baseline import Baseline
from seatrial.exchange import NO_BODY, Call
from seatrial.records import Finding
from seatrial.release import Release, within
from seatrial.verbs import VERB_OPERATIONS
from seatrial.waivers import Waiver

VERBS = {operation for operations in VERB_OPERATIONS.values() for operation in operations.values()}


@dataclass(frozen=True, slots=True)
class KnownDefect:
    """A defect of released versions of Open WebUI. `releases` are ranges such as "0.9.5..0.9.6" or "0.12.4..".

    `when` maps places of the request (`body.chat.title`, `query.text`) to what is odd there (see `CONDITIONS`).
    """

    id: str
    rule: str
    operation: str
    where: str
    releases: Sequence[str]
    when: Mapping[str, str]
    request: str
    answer: str
    upstream: str = ""

    def is_in(self, version: str | None) -> bool:
        """Whether a release has the defect."""
        release = Release.parse(version)
        ends = [span.split("..") for span in self.releases]
        return release is not None and any(
            within({"x-since": first, "x-until": last or None}, release) for first, last in ends
        )

    def covers(self, finding: Finding, version: str | None, calls: Sequence[Call]) -> bool:
        if not self.is_in(version):
            return False
        if finding.rule == "valid-use" and finding.operation in VERBS:
            return False
        if (finding.rule, finding.operation, finding.where) != (self.rule, self.operation, self.where):
            return False
        if not self.when:
            return True
        return any(all(CONDITIONS[odd](_at(call, place)) for place, odd in self.when.items()) for call in calls)


MISSING = object()

CONDITIONS = {
    "missing": lambda value: value is MISSING,
    "blank": lambda value: isinstance(value, str) and not value.replace("\0", "").strip(),
    "enormous": lambda value: isinstance(value, str) and _is_enormous(value),
    "not a title": lambda value: value is not MISSING and not isinstance(value, (str, int, float)),
    "not a history": lambda value: value is not MISSING and not _is_history(value),
    "not a list of objects": lambda value: value is not MISSING and not _is_rows(value),
    "not text": lambda value: value is not MISSING and not isinstance(value, str),
}


def _is_enormous(text: str) -> bool:
    """Whether it is a whole number beyond what a page times its size leaves of 64 bits."""
    digits = re.fullmatch(r"-?0*([0-9]+)", text)
    return digits is not None and (len(digits[1]) > 18 or int(digits[1]) > 2**57)


def _is_history(value: Any) -> bool:
    messages = value.get("messages", {}) if isinstance(value, dict) else None
    return isinstance(messages, dict) and all(isinstance(row, dict) for row in messages.values())


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _at(call: Call, place: str) -> Any:
    """What stands at a place of the request, `MISSING` where nothing does."""
    first, *rest = place.split(".")
    body = MISSING if call.json is NO_BODY else call.json
    value: Any = {"body": body, "query": dict(call.params), "path": dict(enumerate(call.values))}[first]
    for name in rest:
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def known_defects() -> list[KnownDefect]:
    text = (resources.files("seatrial") / "known_defects.toml").read_text("utf-8")
    return [KnownDefect(**row) for row in tomllib.loads(text).get("defect", [])]


@dataclass
class Acceptance:
    """Says of a finding why it does not fail the run, and remembers which waivers were used."""

    version: str | None
    waivers: Sequence[Waiver] = ()
    baseline: Baseline | None = None
    today: date = field(default_factory=date.today)
    used: set[Waiver] = field(default_factory=set)
    defects: list[KnownDefect] = field(default_factory=known_defects)

    def known(self, finding: Finding, calls: Sequence[Call]) -> str | None:
        found = next((defect for defect in self.defects if defect.covers(finding, self.version, calls)), None)
        return found.id if found else None

    def waived(self, finding: Finding) -> str | None:
        for waiver in self.waivers:
            if (waiver.rule, waiver.operation, waiver.where) == (finding.rule, finding.operation, finding.where):
                self.used.add(waiver)
                if waiver.until >= self.today:
                    return f"{waiver.reason} (until {waiver.until})"
        return None

    def before(self, finding: Finding) -> str | None:
        """The run that had it too."""
        return self.baseline.covers(finding) if self.baseline else None

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
