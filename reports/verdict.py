"""Pass, fail or inconclusive: one fold over a run's records, in words that its operator uses.

A finding that fails the run beats everything; then comes what kept the run from proving anything;
only a run that looked and found nothing passes. `judge` is all that the command line needs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.digest import ALL_FAIL, Digest, Group
from reports.wording import counted, cut, duration, line, listed, percent, subject
from seatrial.baseline import RANKS
from seatrial.errors import EXIT_CODES
from seatrial.evidence import TURN_SUBJECTS
from seatrial.records import Finding, Run, RunFolder
from seatrial.samples import HARMS
from seatrial.verbs import VERB_OPERATIONS

SENDS_FIRST = ("send_message", "create_session", "get_history", "list_sessions", "delete_session", "get_model_info")
"""The six verbs by how soon a user notices."""

JUDGED_ALREADY = ("capacity", "compare")
"""Commands whose run says its own verdict: it does not follow from findings."""

FAILED_USE = ("valid-use", "no-answer", "valid-input-accepted")
SLOW = {"load-slow": "too slow", "compare-slower": "slower than before"}
"""Rules of what is answered well, and late."""

LEAKS = ("other-cannot", "anonymous-refused", "wrong-credentials", "no-secrets")
"""Rules, or how their names begin: what fails for everybody, and what lets somebody in."""


@dataclass(frozen=True)
class Judgement:
    """How a run ended. `sentence` is `claim` and `detail` in one.

    `failing`, `known`, `waived`, `before` (the baseline had them too) and `drift` are groups of findings, the gravest
    first.
    """

    verdict: str
    exit_code: int
    claim: str
    detail: str
    headlines: tuple[str, ...]
    failing: tuple[Group, ...]
    known: tuple[Group, ...]
    waived: tuple[Group, ...]
    before: tuple[Group, ...]
    drift: tuple[Group, ...]
    digest: Digest

    @property
    def sentence(self) -> str:
        return f"{self.claim}{':' if self.verdict == 'pass' else ';'} {self.detail}."


def judge(run: Run, folder: RunFolder) -> Judgement:
    """The verdict over what the folder holds. Changes nothing, neither the run nor its folder."""
    digest = Digest.of(folder, run)
    ranked = sorted(digest.groups, key=lambda group: rank(group, run.api))
    failing = tuple(group for group in ranked if group.fails(run.strict))
    rest = [group for group in ranked if not group.fails(run.strict)]
    # Waived first: an operator's own word on a finding says more than a release note, and that more than a baseline.
    waived = tuple(group for group in rest if group.finding.waived)
    known = tuple(group for group in rest if group.finding.known and not group.finding.waived)
    others = [group for group in rest if not group.finding.waived and not group.finding.known]
    before = tuple(group for group in others if group.finding.before)
    drift = tuple(group for group in others if not group.finding.before)
    verdict = "pass"
    if failing:
        verdict = "fail"
    elif run.command in JUDGED_ALREADY and run.verdict in EXIT_CODES:
        verdict = run.verdict
    elif run.problem or not run.ended or digest.is_empty:
        verdict = "inconclusive"
    claim = _claim(run, verdict, failing, before, digest)
    heads = tuple(headlines(failing, run.api))
    detail = numbers(run, digest)
    return Judgement(verdict, EXIT_CODES[verdict], claim, detail, heads, failing, known, waived, before, drift, digest)


def in_order(judgement: Judgement) -> list[Group]:
    """All groups in the order in which the reports show them: what fails, then the rest."""
    return [*judgement.failing, *judgement.known, *judgement.waived, *judgement.before, *judgement.drift]


def rank(group: Group, api: str) -> tuple[int, int, int, int]:
    """Breaks before defects; then valid use of the six verbs that fails, then leaks, then the verbs before the rest."""
    finding = group.finding
    verbs = VERB_OPERATIONS.get(api, {})
    places = [verbs.get(verb) for verb in SENDS_FIRST]
    place = places.index(finding.operation) if finding.operation in places else len(places)
    unusable = place < len(places) and (_refused(group) or finding.rule in FAILED_USE)
    grave = 0 if unusable else 1 if finding.rule.startswith(LEAKS) else 2
    return RANKS.get(finding.severity, len(RANKS)), grave, place, -group.count


def headlines(failing: Iterable[Group], api: str) -> list[str]:
    """One line for each operation and severity: the gravest, and how many more there are."""
    first: dict[tuple[str, str], Group] = {}
    more: Counter[tuple[str, str]] = Counter()
    for group in failing:
        key = group.finding.operation, group.finding.severity
        if first.setdefault(key, group) is not group:
            more[key] += 1
    return [
        headline(group, api) + (f" (and {more[key]:,} more there)" if more[key] else "") for key, group in first.items()
    ]


def headline(group: Group, api: str) -> str:
    """One line that says what is broken: "Completions are broken: createChatCompletion answers 400 (...)"."""
    finding, status = group.finding, _status(group)
    if finding.rule == ALL_FAIL:
        return f"{line(finding.title, 120)}: {line(finding.received, 110)}; expected {line(finding.expected, 90)}"
    name, expected = line(finding.operation, 80), line(finding.expected, 90)
    how = SLOW.get(finding.rule, "broken")
    broken = finding.severity == "break" and f"{_subject(finding, api) or f'{name} is'} {how}: "
    if broken and _refused(group):
        return f"{broken}{name} answers {_answer(status, finding.received)} to a valid request"
    told = line(finding.notice or finding.title or finding.rule, 120).rstrip(".")
    told = told[:1].lower() + told[1:] if re.match(r"[A-Z][a-z]*\s", told) else told
    detail = f"expected {expected or 'something else'}, received {line(finding.received, 110) or 'nothing'}"
    return f"{broken or f'{name}: '}{told} ({name if broken else line(finding.where, 60)}: {detail})"


def _subject(finding: Finding, api: str) -> str | None:
    """What is broken; where an operation has several contracts, which of them: "Plain completions are"."""
    return f"{finding.form.capitalize()} are" if finding.form else subject(finding.operation, api)


def _status(group: Group) -> str:
    """The status at fault, "" when the place is somewhere in a body."""
    match = re.match(r"status (\d{3})\b", group.finding.where)
    return match.group(1) if match else ""


def _refused(group: Group) -> bool:
    """Whether valid use was answered with an error, and not bad input with the wrong one."""
    return int(_status(group) or 0) >= 400 and not re.search(r"\b4(\d\d|xx)\b", group.finding.expected)


def _answer(status: str, received: str) -> str:
    """`400 (what the server said of it)` from an excerpt of the answer."""
    said = line(received, 400)
    said = said.partition(f"{status} ")[2] or ("" if said == status else said)
    detail = re.match(r'\{"(?:detail|error|message)": ?"((?:[^"\\]|\\.)*)', said)
    said = cut(detail.group(1) if detail else said, 110)
    return f"{status} ({said})" if said else status


def _claim(run: Run, verdict: str, failing: Sequence[Group], before: Sequence[Group], digest: Digest) -> str:
    name = target_name(run)
    if run.command == "compare" and run.sentence and not failing:
        return _sentences(run)[0]
    if run.command == "capacity" and digest.levels and not run.sentence.startswith("Inconclusive: "):
        found = _sentence(run)[0]
        return f"{name} {found[:1].lower()}{found[1:]}{_enough(run, verdict)}"
    if verdict == "fail":
        severities = [group.finding.severity for group in failing]
        plurals = {"break": "breaks", "defect": "defects", "drift": "drift"}
        kinds = [counted(severities.count(kind), kind, plurals[kind]) for kind in RANKS if kind in severities]
        places = counted(len({group.finding.operation for group in failing}), "operation")
        early = "and besides" if came_to_its_end(run) else "and the run ended early"
        more = f" ({early}: {line(run.problem, 200)})" if run.problem else ""
        return f"{name} fails: {listed(kinds)} in {places}{more}"
    if verdict == "inconclusive":
        return f"Nothing is proved about {name}: {line(_unproved(run), 300).rstrip('.')}"
    if any(group.finding.severity != "drift" for group in before):
        return f"{name} shows nothing that fails and was not in the baseline"
    return f"{name} " + {"verify": "holds its contract", "load": "holds its objectives"}.get(run.command, "passes")


def came_to_its_end(run: Run) -> bool:
    """Whether what kept the run from proving more was none that stopped it: times that are void, or what was unread."""
    return bool(run.ended) and (run.cause == "void" or (run.command == "compare" and not run.cause))


def _unproved(run: Run) -> str:
    """Why a run proves nothing: it says so, or it was killed before it could, or it looked at nothing."""
    return run.problem or ("nothing was checked" if run.ended else "the run was ended before it came to a verdict")


def _sentence(run: Run) -> tuple[str, str]:
    """What a search for a capacity found, and what is to be said of it: "Holds 12 users, fails at 15"."""
    said = line(run.sentence or "was searched for its capacity", 600).rstrip(".")
    found = re.match(r"(?P<found>.*? users?\b.*?)[:;.] (?P<more>.*)", said)
    return (found["found"], found["more"]) if found else (said, "")


def _enough(run: Run, verdict: str) -> str:
    """What is to be said of the two ends of a search besides."""
    if verdict == "inconclusive" and run.problem:
        return "; the search came to no end"
    if not run.counts.get("holds"):
        return "; nobody knows yet what it holds" if verdict == "inconclusive" else ""
    return {"fail": "; that is too few", "inconclusive": "; nobody knows yet whether that is enough"}.get(verdict, "")


def _sentences(run: Run) -> tuple[str, str]:
    """What a comparison came to, without the verdict that stands over it; and what is said besides."""
    said = re.sub(r"^(Pass|Fail|Inconclusive): ", "", line(run.sentence, 600)).rstrip(".")
    first, _, more = said.partition(". ")
    return cut(first[:1].upper() + first[1:], 300), more[:1].lower() + more[1:]


def target_name(run: Run) -> str:
    """What an operator calls the target: its product and version, or its address."""
    product = run.target_name or {"openwebui": "Open WebUI"}.get(run.api, "")
    named = f"{product} {run.target_version or ''}".strip()
    return line(f"{named} at {run.target}" if named else run.target, 160)


def described(run: Run) -> str:
    """How it was tried: `verify, quick, strict, seed 0`; only verifying has a depth."""
    parts = [run.command, *([run.depth, "strict" if run.strict else ""] if run.command == "verify" else [])]
    return line(", ".join(filter(None, [*parts, f"seed {run.seed}"])))


def _turns(digest: Digest) -> list[str]:
    """How long people waited for a reply: the median, and the 95th percentile where enough turns speak for it."""
    shown = [
        f"{name} {duration(ms)}"
        for name, ms in zip(("p50", "p95"), digest.load.turn_spread(), strict=True)
        if ms is not None
    ]
    return [f"turns {' '.join(shown)}"] if shown else []


def numbers(run: Run, digest: Digest) -> str:
    """The counts that matter for what was done: checks, requests, errors, messages, time."""
    told, load = [], digest.load
    if digest.checks:
        operations = {operation for _, operation in digest.checks}
        told.append(f"{counted(digest.checked, 'check')} on {counted(len(operations), 'operation')}")
    if digest.skips:
        told.append(f"{len(digest.skips):,} skipped")
    if load.operations:
        told.append(f"{counted(load.requests, 'request')} under load in {duration(load.seconds * 1000)}")
        told.append(f"{percent(load.errors, load.requests)} errors")
        told += ["times void"] if run.cause == "void" else _turns(digest)
    if load.sessions:
        wrong = [f"{load.messages[name]:,} {name}" for name in HARMS if load.messages[name]]
        whole = ["no message lost"] if load.compared else []
        told += [load.told_compared, *([listed(wrong)] if wrong else whole)]
    if digest.levels:
        told.append(f"{counted(len(digest.levels), 'try', 'tries')} of levels")
        told.append(counted(sum(one.sessions for one in digest.levels), "session"))
    if digest.compared:
        turns = sum(one.operation in TURN_SUBJECTS for one, _ in digest.compared)
        more_than = " and whole turns" if turns else ""
        told.append(f"{counted(len(digest.compared) - turns, 'operation')}{more_than} compared")
    more = _sentence(run)[1] if digest.levels else _sentences(run)[1] if run.command == "compare" else ""
    return "; ".join(filter(None, [", ".join(told), more])) or "nothing was looked at"
