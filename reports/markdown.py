"""report.md, a summary that fits into a pull request's comment whatever a target answered.

Text from outside becomes escaped prose or a `<code>` element of escaped prose: neither can end a table
cell, start HTML, mention somebody or load an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from reports.advice import next_steps, replay_line
from reports.charts.latency import seen_alone
from reports.charts.overhead import means, of_turns
from reports.charts.ratios import between, measure
from reports.digest import Group
from reports.measured import MESSAGES, voided
from reports.sentences import sentence
from reports.verdict import Judgement, described, headline
from reports.wording import counted, duration, line, percent
from seatrial.records import Run, RunFolder

LIMIT = 60_000
"""Characters; a comment on GitHub holds 65,536."""

LONGEST = 1_000
"""Characters of a command: one that is cut is another."""

SHOWN = 10
MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️"}


def prose(text: object, limit: int = 200) -> str:
    """Text on one line that Markdown shows as it is."""
    escaped = re.sub(r"([\\`*_\[\]~$])", r"\\\1", line(text, limit))
    # A joiner of no width keeps @names, #numbers and addresses from becoming links.
    escaped = re.sub(r"([@#]|:(?=//)|www(?=\.))", "\\1\u2060", escaped, flags=re.IGNORECASE)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "&#124;")


def code(text: object, limit: int = 200) -> str:
    shown = line(text, limit)
    if not shown:
        return "–"
    return f"`{shown}`" if re.fullmatch(r"[\w .,:;/+=(){}\"'$%-]+", shown) else f"<code>{prose(text, limit)}</code>"


def document(run: Run, judgement: Judgement, folder: RunFolder) -> str:
    parts = [
        [f"## {MARKS[judgement.verdict]} {judgement.verdict.capitalize()}", "", prose(judgement.sentence, 600)],
        _ran(run),
        _section("What to do next", [f"{i}. {step}" for i, step in enumerate(_steps(run, judgement, folder), 1)]),
        _findings(run, judgement, folder),
        _tolerated("Known defects of this release", judgement.known),
        _tolerated("Waived", judgement.waived),
        _tolerated("Already in the baseline", judgement.before),
        _gone(judgement),
        _tolerated("Drift, reported only", judgement.drift),
        _section("Left on the target", [f"- {prose(left)}" for left in run.left_behind[:SHOWN]]),
        _skips(judgement),
        _compared(judgement),
        _drifted(judgement),
        _levels(judgement),
        _objectives(judgement),
        _limits(judgement),
        _overhead(run, judgement),
        _coverage(judgement),
        _latency(run, judgement),
        _messages(judgement),
        _section("Notes", [f"- {prose(note, 400)}" for note in run.notes[:SHOWN]]),
    ]
    text = ""
    for part in filter(None, parts):
        addition = "\n".join(part) + "\n\n"
        if len(text) + len(addition) > LIMIT:
            return text + "The rest is in report.html.\n"
        text += addition
    return text.rstrip() + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Cells have to be escaped already."""
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"### {title}", "", *lines] if lines else []


def _ran(run: Run) -> list[str]:
    accounts = ", ".join(str(account.get("label", "")) for account in run.accounts)
    facts = [
        ("Target", run.target),
        ("Release", f"{run.target_name or ''} {run.target_version or 'unknown'}".strip()),
        ("API", run.api),
        ("Model", run.model),
        ("Accounts", accounts),
        ("Run", described(run)),
        ("Started", run.started),
        ("Seatrial", run.tools.get("seatrial")),
    ]
    return table(["", "Ran against"], [[name, prose(value)] for name, value in facts if value])


def _steps(run: Run, judgement: Judgement, folder: RunFolder) -> list[str]:
    return [
        f"{prose(told, 300)} {code(again, LONGEST) if again else ''}".rstrip()
        for told, again in next_steps(run, judgement, folder)
    ]


def _findings(run: Run, judgement: Judgement, folder: RunFolder) -> list[str]:
    lines = []
    for number, group in enumerate(judgement.failing[:SHOWN], 1):
        finding = group.finding
        times = f" ({group.count:,} times)" if group.count > 1 else ""
        lines += [
            f"- **{finding.severity}** {prose(headline(group, run.api), 300)}{times}",
            f"  - rule {code(finding.rule, 60)}, at {code(finding.where, 120)}"
            + (f", id {code(finding.id, 200)}" if finding.id else ""),
            f"  - expected {code(finding.expected, 160)}, received {code(finding.received, 160)}",
        ]
        again = replay_line(run, folder, finding, number)
        lines += [f"  - again: {code(again, 400)}"] if again else []
    if len(judgement.failing) > SHOWN:
        lines += ["", f"And {counted(len(judgement.failing) - SHOWN, 'more finding')} in report.html."]
    return _section("What fails", lines)


def _tolerated(title: str, groups: Sequence[Group]) -> list[str]:
    lines = []
    for group in groups[:SHOWN]:
        finding = group.finding
        why = finding.waived or finding.known or finding.before
        times = f" ({group.count:,} times)" if group.count > 1 else ""
        told = f"- {code(finding.operation, 60)} {prose(finding.title, 160)} at {code(finding.where, 80)}{times}"
        lines.append(told + (f": {prose(why, 200)}" if why else f": received {code(finding.received, 100)}"))
    if len(groups) > SHOWN:
        lines += ["", f"And {len(groups) - SHOWN:,} more in report.html."]
    return _section(f"{title} ({len(groups):,})", lines) if groups else []


def _gone(judgement: Judgement) -> list[str]:
    """What the baseline had and this run did not meet."""
    gone = judgement.digest.gone
    lines = [
        f"- {code(one.operation, 60)} {prose(one.title, 160)} at {code(one.where, 80)}"
        + ("" if one.looked else ": not looked at in this run")
        for one in gone[:SHOWN]
    ]
    if len(gone) > SHOWN:
        lines += ["", f"And {len(gone) - SHOWN:,} more in report.html."]
    return _section(f"In the baseline, and not met again ({len(gone):,})", lines) if gone else []


def _skips(judgement: Judgement) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for skip in judgement.digest.skips:
        reasons.setdefault(skip.reason, []).append(skip.rule)
    lines = []
    for reason, rules in list(reasons.items())[:SHOWN]:
        names = list(dict.fromkeys(rules))
        shown = ", ".join(code(rule, 60) for rule in names[:4]) + (" and others" if len(names) > 4 else "")
        lines.append(f"- {counted(len(rules), 'check')} ({shown}): {prose(reason, 240)}")
    if len(reasons) > SHOWN:
        lines += ["", f"And {counted(len(reasons) - SHOWN, 'more reason')} in report.html."]
    return _section(f"Not checked ({len(judgement.digest.skips):,})", lines) if lines else []


def _coverage(judgement: Judgement) -> list[str]:
    rows = []
    for entry in judgement.digest.coverage[:60]:
        columns = [entry.seen, entry.unseen, entry.undocumented]
        rows.append([prose(entry.operation, 60), *(" ".join(str(row.status) for row in col) or "–" for col in columns)])
    head = ["Operation", "Seen", "Documented, not seen", "Undocumented"]
    return _section("Coverage of documented statuses", table(head, rows)) if rows else []


def _latency(run: Run, judgement: Judgement) -> list[str]:
    load = judgement.digest.load
    loaded = [*load.latencies, *load.streams]
    cells = [
        [prose(row.operation, 60), f"{row.count:,}", *([percent(row.failures, row.count)] if loaded else [])]
        + [duration(value) for value in (row.succeeded.p50, row.succeeded.p95, row.succeeded.p99)]
        for row in (loaded or seen_alone(judgement.digest))[:60]
    ]
    title = f"Latency under load{voided(run)}" if loaded else "Latency without load, of the usual successes"
    head = ["Operation", *(["Requests", "Errors"] if loaded else ["Number"]), "p50", "p95", "p99"]
    return _section(title, table(head, cells)) if cells else []


def _messages(judgement: Judgement) -> list[str]:
    load = judgement.digest.load
    if not load.sessions:
        return []
    rows = [[name, f"{load.messages[name]:,}"] for name in MESSAGES]
    return _section(f"Messages: {load.told_compared}", table(["Messages", "Count"], rows))


def _compared(judgement: Judgement) -> list[str]:
    judged = [
        [prose(one.operation, 60), f"{span.ratio:.3f}", f"{span.low:.3f} – {span.high:.3f}", f"{span.limit:.3f}",
         f"{one.pairs:,}", prose(one.verdict, 20)]
        for one, span in judgement.digest.compared[:60]
    ]  # fmt: skip
    told = table(["Operation", "Ratio B / A", "Interval", "Limit", "Pairs", "Verdict"], judged) if judged else []
    ratios = judgement.digest.ratios
    informing = [
        [prose(measure(one)), duration(one.a), duration(one.b), f"{one.ratio:.3f}", between(one)]
        for one in ratios[:120]
        if one.ratio is not None and not one.verdict
    ]
    if informing:
        head = ["What informs", "Median on A", "Median on B", "Ratio B / A", "Interval"]
        told += ["", *table(head, informing)]
    notes = [
        f"- Requests that failed: {percent(one.a, 1)} on A, {percent(one.b, 1)} on B: "
        f"{prose(one.verdict, 20) or 'not judged'}"
        for one in ratios
        if one.measure == "failed"
    ]
    notes += [
        f"- {prose(one.operation, 60)} {prose(one.measure, 20)}, {prose(one.verdict, 20) or 'not judged'}: "
        f"{prose(one.why, 160)}"
        for one in ratios[:120]
        if one.ratio is None and one.why
    ]
    return _section("B beside A", [*told, *(["", *notes[:60]] if notes else [])])


def _drifted(judgement: Judgement) -> list[str]:
    """How the contract drifted from A to B."""
    drifted = judgement.digest.drifted
    if drifted is None:
        return []
    lines = [f"- {code(one.operation, 60)}: {prose(sentence(one), 300)}" for one in drifted[: 3 * SHOWN]]
    if len(drifted) > 3 * SHOWN:
        lines.append(f"- and {len(drifted) - 3 * SHOWN:,} more in report.html")
    return _section(f"Drift of the contract ({len(drifted):,})", lines or ["None."])


def _levels(judgement: Judgement) -> list[str]:
    levels = sorted(judgement.digest.levels, key=lambda one: (one.level, one.number))[:60]
    known = any(one.limit for one in levels)
    rows = [
        [f"{one.level:,}", prose(one.outcome, 20), f"{one.sessions:,}", f"{one.turns:.2f}", duration(one.turn_p50),
         duration(one.turn_p95), percent(one.errors, 1), *([prose(one.limit, 20) or "–"] if known else []),
         prose(one.why, 200) or "–"]
        for one in levels
    ]  # fmt: skip
    head = ["Users", "Outcome", "Sessions", "Turns/s", "Turn p50", "Turn p95", "Errors"]
    head += ["Limited by", "Why"] if known else ["Why"]
    return _section("Throughput and latency over load", table(head, rows)) if rows else []


def _limits(judgement: Judgement) -> list[str]:
    lines = [
        f"- {code(one.objective, 80)}: the {prose(one.limited_by, 20)}; {prose(one.limited_why, 200)}"
        for one in judgement.digest.objectives
        if one.limited_by
    ]
    return _section("Who was the limit", lines[:SHOWN])


def _overhead(run: Run, judgement: Judgement) -> list[str]:
    overhead = judgement.digest.overhead
    rows = [
        [prose(share.name), *means(share)[1:4], means(share)[5], duration(spread.p50), duration(spread.p95)]
        for share in overhead.shares[:60]
        for spread in (share.spread.succeeded,)
    ]
    head = ["Measure", "Turns", "Waited (mean)", "Model (mean)", "Overhead (mean)", "Overhead p50", "Overhead p95"]
    lines = [prose(of_turns(overhead), 400), "", *table(head, rows)] if rows else []
    if overhead.asked:
        kinds = ", ".join(f"{prose(one.kind, 40)} {one.per_turn:.3g}" for one in overhead.asked[:SHOWN])
        lines += ["", f"Model calls per answered turn: {overhead.per_turn:.3g} ({kinds})."]
    return _section(f"Overhead of the deployment{voided(run)}", lines)


def _objectives(judgement: Judgement) -> list[str]:
    rows = [
        [code(one.objective, 80), prose(one.verdict, 20), "yes" if one.proved else "no", prose(one.said, 160)]
        for one in judgement.digest.objectives[:60]
    ]
    return _section("Objectives", table(["Objective", "Verdict", "Proved", "Measured"], rows)) if rows else []
