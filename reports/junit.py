"""junit.xml for CI: one case per rule and operation, one per objective of a load, and one for the run as a whole.

Known defects, drift, and findings that are waived or were in the baseline pass, and say what they are in their output.
The last case fails where nothing else tells a failure, and is in error where nothing is proved: no CI takes that for a
pass.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from xml.etree import ElementTree as ET

from reports.curl import curl_line
from reports.digest import Group, kind_of
from reports.verdict import Judgement, target_name
from reports.wording import block, counted, line
from seatrial.records import Finding, Run
from seatrial.samples import Judged

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
    root = ET.Element("testsuites", {"name": "seatrial"})
    suite = ET.SubElement(root, "testsuite", {"name": line(f"seatrial {run.command} {run.api}", 120)})
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(run, judgement):
        ET.SubElement(properties, "property", {"name": key, "value": line(value, 500)})
    room = count()
    for case in _cases(judgement, run.strict):
        _write(suite, case, room)
    for one in judgement.digest.objectives:
        _objective(suite, one, run, judgement)
    _whole(suite, run, judgement)
    gone = [f"{one.rule} {one.operation} {one.where}" for one in judgement.digest.gone if one.looked]
    lists = {"left on the target": run.left_behind, "in the baseline, and not met again": gone}
    told = [block(f"{title}:\n" + "\n".join(rows)) for title, rows in lists.items() if rows]
    if told:
        ET.SubElement(suite, "system-out").text = "\n\n".join(told)
    tags = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    numbers = {name: str(len(list(suite.iter(tag)))) for name, tag in tags.items()} | {"time": f"{_seconds(run):.3f}"}
    root.attrib.update(numbers)
    suite.attrib.update(numbers | _started(run))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _objective(suite: ET.Element, one: Judged, run: Run, judgement: Judgement) -> None:
    """Missed, it is a failure where it fails the run: of one that ended early, what became of messages alone does."""
    element, said = _testcase(suite, "seatrial.objective", one.objective), f"{kind_of(one)}: {line(one.said, 300)}"
    counts = not run.problem or "<" not in one.objective
    if one.verdict == "missed" and judgement.verdict == "fail" and counts:
        failure = ET.SubElement(element, "failure", {"message": said, "type": "objective"})
        if one.limited_by:
            failure.text = f"limited by the {line(one.limited_by, 20)}: {line(one.limited_why, 300)}"
    elif one.verdict == "held":
        ET.SubElement(element, "system-out").text = said
    else:
        ET.SubElement(element, "skipped", {"message": said})


def _whole(suite: ET.Element, run: Run, judgement: Judgement) -> None:
    """The run as one case: what fails without a finding, such as a capacity, or proves nothing, has no other."""
    failed = judgement.verdict == "fail" and suite.find("testcase/failure") is None
    tag = "error" if judgement.verdict == "inconclusive" else "failure" if failed else ""
    if not tag and run.command == "verify":  # its rules are cases enough
        return
    element = _testcase(suite, "seatrial.run", f"{run.command} — the run as a whole")
    if tag:
        ET.SubElement(element, tag, {"message": line(judgement.sentence, 600), "type": judgement.verdict})
    else:
        ET.SubElement(element, "system-out").text = line(judgement.sentence, 600)


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
        ("again:    ", _again(finding) if in_full else ""),
    ]
    return "\n".join(label + text for label, text in parts if text)


def _again(finding: Finding) -> str:
    """The curl line, or where there is none the one that replays the finding, and why."""
    curl, why = curl_line(finding)
    if curl or not finding.test or not finding.id or line(finding.id, 300) != finding.id:  # it could not be typed
        return curl or why
    replay = f"seatrial replay RUN {shlex.quote(finding.id)}"
    return f"{replay} ({why})" if why else replay


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
