"""report.html: one self-contained page that loads nothing, for a person who has to decide.

Jinja escapes everything; texts are cleaned and cut before, and findings are shown until the page's room
is used up. The page runs one script, to copy a curl line, and forbids all others.
"""

from __future__ import annotations

import base64
import hashlib
import html as escapes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.advice import next_steps, replay_line
from reports.charts import charts
from reports.digest import WRONGS, Group
from reports.verdict import Judgement, described, headline, target_name
from reports.wording import block, clean, counted, line, percent
from seatrial.records import Finding, Run, RunFolder

FINDINGS, ROOM = 250, 700_000
"""Findings of one section, and characters that all findings may take."""

ROWS = 300
STEPS = 12

SCRIPT = """
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    try { await navigator.clipboard.writeText(text); }
    catch {
      const area = document.body.appendChild(document.createElement("textarea"));
      area.value = text; area.select(); document.execCommand("copy"); area.remove(); button.focus();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
addEventListener("beforeprint", () => {
  for (const finding of document.querySelectorAll("details.finding")) finding.open = true;
});
"""


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
    expected: str
    received: str
    curl: str
    replay: str
    account: str
    why: str
    steps: list[str]

    @property
    def size(self) -> int:
        texts = (self.expected, self.received, self.curl, self.replay, self.why, self.headline, *self.steps)
        return sum(len(escapes.escape(text)) for text in texts) + 900


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
        self.number += 1
        return Shown(
            number=self.number,
            headline=headline(group, self.run.api),
            rule=line(finding.rule, 80),
            severity=line(finding.severity, 20),
            operation=line(finding.operation, 80),
            where=line(finding.where, 160),
            count=group.count,
            expected=block(finding.expected, 1500),
            received=block(finding.received, 1500),
            curl=block(finding.curl, 4000),
            replay=clean(replay_line(self.run, self.folder, finding, self.number)),
            account=line(finding.account, 80),
            why=line(finding.accepted or "", 300),
            steps=_steps(finding),
        )


def page(run: Run, judgement: Judgement, folder: RunFolder) -> str:
    """The whole page. The same run gives the same bytes."""
    environment = Environment(
        loader=PackageLoader("reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": line, "percent": percent, "counted": counted}
    room, digest = Room(run, folder), judgement.digest
    drawn = charts(digest)
    return environment.get_template("page.html.j2").render(
        run=run,
        judgement=judgement,
        digest=digest,
        target=target_name(run),
        facts=_facts(run),
        about=_about(run),
        steps=[(clean(told), clean(command)) for told, command in next_steps(run, judgement, folder)],
        sections=[section for section in _sections(room, judgement) if section.total],
        skips=_skips(judgement),
        charts=[(chart, Markup(chart.svg)) for chart in drawn],  # noqa: S704 - made by Vega, which escapes its texts
        errors=_errors(judgement),
        wrongs=WRONGS,
        rows=ROWS,
        script=Markup(SCRIPT),  # noqa: S704 - a constant
        script_hash=base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode(),
    )


def _sections(room: Room, judgement: Judgement) -> list[Section]:
    return [
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


def _facts(run: Run) -> list[tuple[str, str]]:
    release = f"{run.target_name or ''} {run.target_version or ''}".strip()
    people = [
        label + (" (throwaway)" if account.get("throwaway") and "throwaway" not in label else "")
        for account in run.accounts[:8]
        if (label := line(account.get("label", "?"), 60))
    ]
    if len(run.accounts) > len(people):
        people.append(f"{len(run.accounts) - len(people):,} more")
    facts = [
        ("Target", line(run.target, 200)),
        ("Release", line(release, 80) or "unknown"),
        ("API", line(run.api, 40)),
        ("Model", line(run.model or "", 80)),
        ("Accounts", ", ".join(people)),
        ("Run", described(run)),
        ("Started", _moment(run.started)),
        ("Ended", _moment(run.ended)),
    ]
    return [(name, value) for name, value in facts if value]


def _moment(stamp: str) -> str:
    return re.sub(r"^(\S+)T(\d\d:\d\d:\d\d)(\.\d+)?Z$", r"\1 \2 UTC", line(stamp, 40))


def _about(run: Run) -> list[tuple[str, str]]:
    parts: list[tuple[str, Any]] = [("run", run.id), ("contract", run.contract)]
    for prefix, values in (("", run.counts), ("", run.tools), ("machine: ", run.machine), ("setting: ", run.settings)):
        parts += [(prefix + str(key), value) for key, value in sorted(values.items()) if value not in (None, "", [])]
    return [(line(name, 80), line(value, 300)) for name, value in parts if value not in (None, "")][:ROWS]


def _skips(judgement: Judgement) -> list[tuple[str, list[tuple[str, list[str]]], int]]:
    """By reason: the rules with their operations, and how many in all."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for skip in judgement.digest.skips:
        rules = reasons.setdefault(line(skip.reason, 400), {})
        rules.setdefault(line(skip.title or skip.rule, 120), []).append(line(skip.operation, 60))
    return [
        (reason, list(rules.items())[:40], sum(map(len, rules.values())))
        for reason, rules in list(reasons.items())[:60]
    ]


def _errors(judgement: Judgement) -> list[tuple[str, str, int]]:
    """Reasons of failed requests under load, the most frequent first."""
    found = [
        (line(operation, 60), line(reason, 200), number)
        for operation, times in judgement.digest.times.items()
        for reason, number in times.errors.items()
    ]
    return sorted(found, key=lambda row: (-row[2], row[0], row[1]))


def _steps(finding: Finding) -> list[str]:
    told = []
    for step in finding.steps[-STEPS:]:
        call = step.get("call")
        call = call if isinstance(call, dict) else {}
        sent = f"{call.get('method', '')} {call.get('path', '')}".strip() or str(call.get("operation", "?"))
        told.append(line(f"{step.get('account', '')}: {sent} → {step.get('status', '?')}", 240))
    return told
