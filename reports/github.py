"""The findings of a run as workflow commands of GitHub, which shows them beside a job and a pull request.

    ::error title=break%3A createChat (valid-use)::Creating chats is broken: ...

GitHub obeys whatever stands in such a line, so what a target answered is cleaned and escaped.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports.verdict import Judgement, headline
from reports.wording import counted, line
from seatrial.records import Run

SHOWN = 9
"""Errors told one by one; GitHub keeps ten of a step, and the last says how many more there are."""


def document(run: Run, judgement: Judgement) -> str:
    """A line for each finding that fails the run, for a failure of the whole, for what kept it open; or "" for none."""
    return "".join(f"{told}\n" for told in _commands(run, judgement))


def command(kind: str, title: object, message: object) -> str:
    """One workflow command; `kind` is error, warning or notice."""
    name = _escaped(line(title, 120)).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={name}::{_escaped(line(message, 600))}"


def _commands(run: Run, judgement: Judgement) -> Iterator[str]:
    failing = judgement.failing
    for group in failing[:SHOWN]:
        finding = group.finding
        title = f"{line(finding.severity, 6)}: {line(finding.operation, 60)} ({line(finding.rule, 40)})"
        yield command("error", title, headline(group, run.api))
    if len(failing) > SHOWN:
        yield command("error", "Seatrial", f"{counted(len(failing) - SHOWN, 'more finding')}, in the report")
    if judgement.verdict == "fail" and not failing:  # a capacity that is too small is no finding
        yield command("error", "Seatrial: fail", judgement.sentence)
    if judgement.verdict == "inconclusive":
        yield command("error", "Seatrial: inconclusive", judgement.claim)
    if run.left_behind:
        things = counted(len(run.left_behind), "thing")
        yield command("warning", "Seatrial", f"left on the target: {things}; seatrial clean removes it")
    if judgement.drift:
        number = counted(len(judgement.drift), "departure")
        yield command("notice", "Seatrial", f"{number} from the contract did not fail the run")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
