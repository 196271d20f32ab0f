"""report.html: one self-contained page that loads nothing, for a person who has to decide.

Jinja escapes everything; texts are cleaned and cut before, and findings are shown until the page's room
is used up. The page runs one script of its own, and forbids all others and every request.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import definitions
from reports.advice import next_steps
from reports.charts import exhibits
from reports.shown import sections
from reports.verdict import Judgement, described, target_name
from reports.wording import clean, counted, duration, line, percent
from seatrial.records import Run, RunFolder

ROWS = 300


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": line, "percent": percent, "counted": counted}
    environment.globals |= {"defined": definitions.defined}
    return environment


def script() -> str:
    """The page's own script, whose hash is the only one that the page allows."""
    return _source("script.js")


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


def page(run: Run, judgement: Judgement, folder: RunFolder) -> str:
    """The whole page. The same run gives the same bytes."""
    code, digest = script(), judgement.digest
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            run=run,
            judgement=judgement,
            digest=digest,
            target=target_name(run),
            figures=_figures(run, judgement),
            facts=_facts(run, bool(digest.ratios)),
            about=_about(run),
            steps=[(clean(told), clean(command)) for told, command in next_steps(run, judgement, folder)],
            sections=sections(run, judgement, folder),
            skips=_skips(judgement),
            exhibits=exhibits(run, digest),
            errors=_errors(judgement),
            definitions=definitions.groups(),
            rows=ROWS,
            style=Markup(_source("style.css")),  # noqa: S704 - a file of this package
            script=Markup(code),  # noqa: S704 - a file of this package
            script_hash=base64.b64encode(hashlib.sha256(code.encode()).digest()).decode(),
        )
    )


MOST_FIGURES = 8
SPARE = ("Skipped", "Statuses seen", "Turn p50", "Sessions compared")
"""Figures that the first screen does without when there are too many, these first: each has a section of its own."""


def _figures(run: Run, judgement: Judgement) -> list[tuple[str, str, str]]:
    """The numbers that matter for what was done, at most eight: name, value, and a tone."""
    digest, load = judgement.digest, judgement.digest.load
    told: list[tuple[str, str, str]] = []
    if digest.levels and not run.problem:
        holds, fails = run.counts.get("holds", 0), run.counts.get("fails", 0)
        told += [("Holds", counted(holds, "user") if holds else "none seen", "good" if holds else "bad")]
        told += [("Fails at", counted(fails, "user") if fails else "not found", "bad" if fails else "")]
        best = max((one.turns for one in digest.levels if one.outcome == "holds" and one.level == holds), default=None)
        told += [("Turns/s", f"{best:.2f}", "")] if best is not None else []
        told += [("Limited by", " or ".join(who), "")] if (who := digest.limits_at(fails)) else []
    if digest.checks:
        failing = len(judgement.failing)
        told += [("What fails", f"{failing:,}", "bad" if failing else "good"), ("Checks", f"{digest.checked:,}", "")]
        seen, unseen = (sum(len(getattr(entry, kind)) for entry in digest.coverage) for kind in ("seen", "unseen"))
        told += [("Statuses seen", f"{seen:,} of {seen + unseen:,}", "")] if digest.coverage else []
        told += [("Skipped", f"{len(digest.skips):,}", "")] if digest.skips else []
    if load.operations:
        told += [("Requests", f"{load.requests:,}", ""), ("Errors", percent(load.errors, load.requests),
                                                          "bad" if load.errors else "good")]  # fmt: skip
    if load.operations and run.cause != "void":
        told += [
            (name, duration(ms), "")
            for name, ms in zip(("Turn p50", "Turn p95"), load.turn_spread(), strict=True)
            if ms is not None
        ]
    if run.cause != "void" and (own := digest.overhead.own_turn()) is not None:
        told += [("Overhead p50", duration(own), "")]
    if load.sessions:
        told += [("Sessions compared", load.share_compared, "")]
        known = load.compared or load.harmed
        tone = "bad" if load.harmed else "good" if known else ""
        told += [("Messages damaged", f"{load.harmed:,}" if known else "–", tone)]
    if digest.ratios:
        kinds = {"fail": ("Slower", "bad"), "inconclusive": ("Open", ""), "pass": ("Not slower", "good")}
        judged = Counter(one.verdict for one in digest.ratios if one.operation)
        told += [(name, f"{judged[kind]:,}", tone) for kind, (name, tone) in kinds.items() if judged[kind]]
        told += [("Pairs", f"{max(one.pairs for one in digest.ratios):,}", "")] if run.command == "compare" else []
    for spare in SPARE:
        if len(told) > MOST_FIGURES:
            told = [one for one in told if one[0] != spare]
    return told[:MOST_FIGURES]


def _facts(run: Run, compared: bool) -> list[tuple[str, str]]:
    release = f"{run.target_name or ''} {run.target_version or ''}".strip()
    people = [
        label + (" (throwaway)" if account.get("throwaway") and "throwaway" not in label else "")
        for account in run.accounts[:8]
        if (label := line(account.get("label", "?"), 60))
    ]
    if len(run.accounts) > len(people):
        people.append(f"{len(run.accounts) - len(people):,} more")
    targets = [("Target", line(run.target, 200))]
    if run.command == "compare" and (other := run.settings.get("a")):
        targets = [("A", line(other, 200)), ("B", line(run.target, 200))]
    elif compared and (before := run.settings.get("baseline")):
        targets = [("A, the baseline", line(before, 200)), ("B, this load", line(run.target, 200))]
    facts = [
        *targets,
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
    return [(reason, list(rules.items()), sum(map(len, rules.values()))) for reason, rules in reasons.items()]


def _errors(judgement: Judgement) -> list[tuple[str, str, int]]:
    """Reasons of failed requests under load, the most frequent first."""
    found = [
        (line(operation, 60), line(reason, 200), number)
        for operation, requests in judgement.digest.load.operations.items()
        for reason, number in requests.errors.items()
    ]
    return sorted(found, key=lambda row: (-row[2], row[0], row[1]))
