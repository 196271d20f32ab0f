"""junit.xml for CI: one case per rule and operation, an objective of a load being a rule too.

Known defects, drift, and findings that are waived or were in the baseline pass, and say what they are in their output.
A run that proves nothing holds one case in error, so that no CI takes it for a pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from xml.etree import ElementTree as ET

from reports.digest import Group
from reports.verdict import Judgement, target_name
from reports.wording import block, counted, line
from seatrial.records import Finding, Run

GROUPS_SHOWN, IN_FULL = 10, 500
"""Findings told of one case, and told in full in one document; CI pages keep every byte for months."""


@dataclass
class Case:
    rule: str
    operation: str
    title: str = ""
    failing: list[Group] = field(default_factory=list)
    tolerated: list[Group] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    checked: int = 0

    @property
    def outcome(self) -> str:
        if self.failing:
            return "failure"
        return "skipped" if self.skipped and not self.checked and not self.tolerated else ""


def document(run: Run, judgement: Judgement) -> str:
    """The XML text, with a declaration. The same run gives the same bytes."""
    cases = _cases(judgement, run.strict)
    error = judgement.verdict == "inconclusive"
    counts = {
        "tests": len(cases) + error,
        "failures": sum(case.outcome == "failure" for case in cases),
        "errors": int(error),
        "skipped": sum(case.outcome == "skipped" for case in cases),
        "time": f"{_seconds(run):.3f}",
    }
    numbers = {key: str(value) for key, value in counts.items()}
    root = ET.Element("testsuites", {"name": "seatrial"} | numbers)
    name = line(f"seatrial {run.command} {run.api}", 120)
    suite = ET.SubElement(root, "testsuite", {"name": name} | numbers | _started(run))
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(run, judgement):
        ET.SubElement(properties, "property", {"name": key, "value": line(value, 500)})
    room = count()
    for case in cases:
        _write(suite, case, room)
    if error:
        element = _testcase(suite, "seatrial.run", f"{run.command} — the run could prove something")
        ET.SubElement(element, "error", {"message": line(judgement.sentence, 300), "type": "inconclusive"})
    gone = [f"{one.rule} {one.operation} {one.where}" for one in judgement.digest.gone if one.looked]
    lists = {"left on the target": run.left_behind, "in the baseline, and not met again": gone}
    told = [block(f"{title}:\n" + "\n".join(rows)) for title, rows in lists.items() if rows]
    if told:
        ET.SubElement(suite, "system-out").text = "\n\n".join(told)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _cases(judgement: Judgement, strict: bool) -> list[Case]:
    cases: dict[tuple[str, str], Case] = {}

    def case(rule: str, operation: str, title: str) -> Case:
        entry = cases.setdefault((rule, operation), Case(rule, operation))
        entry.title = entry.title or title
        return entry

    for check in judgement.digest.checks.values():
        case(check.rule, check.operation, check.title).checked += check.count
    for skip in judgement.digest.skips:
        case(skip.rule, skip.operation, skip.title).skipped.append(skip.reason)
    for group in judgement.digest.groups:
        finding = group.finding
        entry = case(finding.rule, finding.operation, finding.title)
        (entry.failing if group.fails(strict) else entry.tolerated).append(group)
    return [cases[key] for key in sorted(cases)]


def _write(suite: ET.Element, case: Case, room: Iterator[int]) -> None:
    element = _testcase(suite, case.rule, f"{case.operation} — {case.title}" if case.title else case.operation)
    if case.outcome == "failure":
        first = case.failing[0].finding
        message = f"{first.title}: expected {first.expected}, received {first.received}"
        failure = ET.SubElement(element, "failure", {"message": line(message, 300), "type": first.severity})
        failure.text = "\n\n".join(_told(case.failing, room))
    elif case.outcome == "skipped":
        ET.SubElement(element, "skipped", {"message": line("; ".join(dict.fromkeys(case.skipped)), 500)})
    notes = list(_told(case.tolerated, room))
    if case.skipped and case.outcome != "skipped":
        notes += [f"not checked: {line(reason, 300)}" for reason in dict.fromkeys(case.skipped)]
    if notes:
        ET.SubElement(element, "system-out").text = "\n\n".join(notes)


def _told(groups: list[Group], room: Iterator[int]) -> Iterator[str]:
    for group in groups[:GROUPS_SHOWN]:
        yield _finding(group.finding, group.count, next(room) < IN_FULL)
    if len(groups) > GROUPS_SHOWN:
        yield f"and {counted(len(groups) - GROUPS_SHOWN, 'more finding')} of this rule here; see findings.jsonl"


def _finding(finding: Finding, times: int, in_full: bool) -> str:
    if finding.waived:
        standing = f"waived: {line(finding.waived, 300)}"
    elif finding.known:
        standing = f"known defect: {line(finding.known, 300)}"
    elif finding.before:
        standing = f"already in the baseline: {line(finding.before, 300)}"
    else:
        standing = "drift, reported only" if finding.severity == "drift" else ""
    again = f" ({times:,} times)" if times > 1 else ""
    parts = [
        ("", standing),
        ("", f"{finding.severity}: {line(finding.title, 300 if in_full else 80)}{again}"),
        ("expected: ", block(finding.expected, 1000 if in_full else 60)),
        ("received: ", block(finding.received, 1000 if in_full else 60)),
        ("where:    ", line(finding.where, 300)),
        ("notice:   ", line(finding.notice, 400) if in_full else ""),
        ("id:       ", line(finding.id, 300)),
        ("again:    ", block(finding.curl, 3000) if in_full else ""),
    ]
    return "\n".join(label + text for label, text in parts if text)


def _testcase(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", {"classname": line(classname, 120), "name": line(name, 300), "time": "0.000"}
    )


def _properties(run: Run, judgement: Judgement) -> list[tuple[str, object]]:
    pairs = [
        ("verdict", judgement.verdict),
        ("sentence", judgement.sentence),
        ("target", run.target),
        ("target_name", target_name(run)),
        ("target_version", run.target_version or "unknown"),
        ("api", run.api),
        ("model", run.model or "none"),
        ("run", run.id),
        ("seed", run.seed),
        ("depth", run.depth),
        ("strict", str(run.strict).lower()),
    ]
    return [*pairs, *((f"tool.{key}", value) for key, value in sorted(run.tools.items()))]


def _started(run: Run) -> dict[str, str]:
    # The format that JUnit's schema asks for has neither fractions nor a zone.
    return {"timestamp": run.started[:19]} if run.started else {}


def _seconds(run: Run) -> float:
    try:
        return max(0.0, (datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.started)).total_seconds())
    except (ValueError, TypeError):
        return 0.0
