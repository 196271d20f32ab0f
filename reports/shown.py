"""Findings as the page shows them: in sections, by rule, cut to what a page has room for."""

from __future__ import annotations

import html as escapes
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from reports.advice import replay_line
from reports.curl import curl_line
from reports.differences import marked
from reports.digest import Group
from reports.verdict import Judgement, headline
from reports.wording import block, clean, line
from seatrial.records import Finding, Run, RunFolder

FINDINGS, ROOM = 250, 700_000
"""Findings of one section, and characters that all findings may take."""

STEPS = 12


@dataclass
class Shown:
    """A finding in the words of the page."""

    number: int
    headline: str
    rule: str
    severity: str
    operation: str
    where: str
    count: int
    expected: Markup
    received: Markup
    curl: str
    no_curl: str
    replay: str
    account: str
    why: str
    steps: list[str]

    @property
    def size(self) -> int:
        texts = (self.curl, self.replay, self.why, self.headline, *self.steps)
        return len(self.expected) + len(self.received) + sum(len(escapes.escape(text)) for text in texts) + 1100


@dataclass
class Section:
    """Findings under one heading, by rule; `more` of them are left out."""

    id: str
    title: str
    intro: str
    total: int
    rules: dict[str, tuple[str, str, list[Shown]]] = field(default_factory=dict)
    more: int = 0


class Room:
    """Takes findings into sections until the page is full."""

    def __init__(self, run: Run, folder: RunFolder) -> None:
        self.run, self.folder, self.left, self.number = run, folder, ROOM, 0

    def section(self, name: str, title: str, intro: str, groups: Sequence[Group]) -> Section:
        section = Section(name, title, intro, len(groups))
        after = self.number + len(groups)
        for index, group in enumerate(groups):
            shown = self._shown(group)
            if index >= FINDINGS or shown.size > self.left:
                section.more = len(groups) - index
                break
            self.left -= shown.size
            finding = group.finding
            words = line(finding.title or finding.rule, 160), line(finding.notice, 300)
            section.rules.setdefault(finding.rule, (*words, []))[2].append(shown)
        self.number = after  # `seatrial replay` counts those that are left out as well
        return section

    def _shown(self, group: Group) -> Shown:
        finding = group.finding
        expected, received = marked(block(finding.expected, 1500), block(finding.received, 1500))
        curl, no_curl = curl_line(finding)
        if self.run.settings.get("embedded"):
            curl, no_curl = "", "the server was started for this run, and ended with it"
        self.number += 1
        return Shown(
            number=self.number,
            headline=headline(group, self.run.api),
            rule=line(finding.rule, 80),
            severity=line(finding.severity, 20),
            operation=line(finding.operation, 80),
            where=line(finding.where, 160),
            count=group.count,
            expected=expected,
            received=received,
            curl=curl,
            no_curl=no_curl,
            replay=clean(replay_line(self.run, self.folder, finding, self.number)),
            account=line(finding.account, 80),
            why=line(finding.accepted or "", 300),
            steps=_steps(finding),
        )


def sections(run: Run, judgement: Judgement, folder: RunFolder) -> list[Section]:
    """Those that hold something."""
    room = Room(run, folder)
    found = [
        room.section("fails", "What fails", "The gravest first.", judgement.failing),
        room.section(
            "known",
            "Known defects",
            "Defects of this release that are on record. They do not fail the run.",
            judgement.known,
        ),
        room.section("waived", "Waived", "Accepted in seatrial.toml, until the date given.", judgement.waived),
        room.section(
            "before",
            "Already in the baseline",
            "An earlier run had these too. They are no news, and do not fail the run.",
            judgement.before,
        ),
        room.section(
            "drift", "Drift", "Departures from the contract that harm nobody yet. Reported only.", judgement.drift
        ),
    ]
    return [section for section in found if section.total]


def _steps(finding: Finding) -> list[str]:
    told = []
    for step in finding.steps[-STEPS:]:
        call = step.get("call")
        call = call if isinstance(call, dict) else {}
        sent = f"{call.get('method', '')} {call.get('path', '')}".strip() or str(call.get("operation", "?"))
        told.append(line(f"{step.get('account', '')}: {sent} → {step.get('status', '?')}", 240))
    return told
