"""A finding once more: its recorded calls sent again, and where they do not show it, its test run alone.

What compares several answers needs its test: with the run's seed it sends what it sent then.
"""

from __future__ import annotations

import importlib.util
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from contract_tests.log import Log
from contract_tests.retracing import Retraced, Retracer, Unsendable, is_on_one_answer, same
from contract_tests.verification import PEOPLE
from reports.again import typed
from seatrial.cli.verification import LOG, verified
from seatrial.contract import is_own
from seatrial.crew import Crew
from seatrial.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS, WrongUse
from seatrial.known import Acceptance
from seatrial.records import OUTSIDE, Finding, Run, RunFolder, now
from seatrial.settings import Settings

STILL, NO_LONGER, UNKNOWN = "still happens", "no longer happens", "cannot be told"
EXIT_CODES = {STILL: EXIT_FAIL, NO_LONGER: EXIT_PASS, UNKNOWN: EXIT_INCONCLUSIVE}
_TEST = re.compile(r"(test_\w+\.py)::\w+(\[.*\])?", re.DOTALL)


@dataclass
class Outcome:
    """What came of it: `verdict`, and `why` in words. `received` is what came now; `others` are findings beside it."""

    verdict: str = UNKNOWN
    why: str = ""
    steps: list[Retraced] = field(default_factory=list)
    received: str = ""
    tested: int = 0
    others: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def replayed(settings: Settings, finding: Finding, run: Run, folder: RunFolder, console: Console) -> Outcome:
    """Find out whether it still happens, on the target of the settings. Removes what was made for it.

    Raises `WrongUse` and `Inconclusive` for what is wrong before anything was sent again.
    """
    outcome = Outcome()
    try:
        if is_on_one_answer(finding):
            _retrace(settings, finding, run, folder, outcome)
        if outcome.verdict == UNKNOWN:
            _test_alone(settings, finding, folder, console, outcome)
    except KeyboardInterrupt:
        outcome.why = "the run was interrupted"
    return outcome


def _retrace(settings: Settings, finding: Finding, run: Run, folder: RunFolder, outcome: Outcome) -> None:
    """Send its steps again. They may prove that it still happens; that it does not, the test has to say."""
    started = now()
    folder.save(Run("replay", settings.url or "", settings.api, started=started))
    crew = Crew.muster(settings, folder.path, people=PEOPLE)
    try:
        people = [*crew.people, *([crew.admin] if crew.admin else [])]
        accounts = [{"label": p.account.label, "id": p.account.id, "throwaway": p.account.throwaway} for p in people]
        folder.save(Run("replay", settings.url or "", crew.api, crew.marker, accounts=accounts, started=started))
        log = Log(crew.contract, crew.target.url, Acceptance(crew.deployment.version), crew.target.headers.values())
        crew.listeners.append(log.hear)
        retracer = Retracer(finding, run, crew, log)
        for step in retracer.steps():
            outcome.steps.append(step)
        if retracer.shown:
            found = next((one for one in log.findings.values() if same(finding, one)), None)
            outcome.verdict, outcome.received = STILL, found.received if found else ""
    except Unsendable as reason:
        outcome.why = str(reason)
    finally:
        outcome.left_behind += crew.pay_off()


def _test_alone(settings: Settings, finding: Finding, folder: RunFolder, console: Console, outcome: Outcome) -> None:
    if not _is_known(finding.test):
        unknown = f"this Seatrial has no test {finding.test!r}" if finding.test else "the record does not name its test"
        outcome.why = "; ".join(filter(None, [outcome.why, unknown]))
        return
    run = verified(settings, folder, console, finding.test)
    folder.save(replace(run, command="replay"))  # one test alone is no verification, and must not be taken for one
    outcome.left_behind += [left for left in run.left_behind if left not in outcome.left_behind]
    outcome.tested = run.counts.get("requests", 0)
    findings = list(folder.rows("findings.jsonl", Finding))
    again = next((found for found in findings if same(finding, found)), None)
    outcome.others = [found.id for found in findings if found.fails and not same(finding, found)]
    if again is not None:
        outcome.verdict, outcome.received = STILL, again.received
    elif run.problem:
        outcome.why = run.problem
    elif finding.test != OUTSIDE and not run.counts.get("tests"):
        outcome.why = _why_skipped(folder.path / LOG) or f"its test {finding.test} was not run"
    else:
        outcome.verdict, outcome.why = NO_LONGER, ""


def _is_known(test: str) -> bool:
    """Whether it names a test of the suite, and no other file: the name comes out of a run folder."""
    if test == OUTSIDE:
        return True
    found, spec = _TEST.fullmatch(test), importlib.util.find_spec("contract_tests")
    return found is not None and spec is not None and (Path(str(spec.origin)).parent / found[1]).is_file()


def _why_skipped(log: Path) -> str:
    with suppress(OSError):
        found = re.search(r"^SKIPPED \[\d+\] \S+: (.+)$", log.read_text("utf-8", "replace"), re.MULTILINE)
        return f"its test was skipped: {found[1]}" if found else ""
    return ""


def as_in(run: Run, settings: Settings, *, given: set[str]) -> Settings:
    """The settings with what decides about the requests as it was in the run; `given` are named by the user."""
    changes: dict[str, Any] = {"depth": run.depth, "strict": run.strict, "api": run.api, "baseline": None}
    if "seed" not in given:
        changes["seed"] = run.seed
    if "timeout" not in given and isinstance(run.settings.get("timeout"), (int, float)):
        changes["timeout"] = float(run.settings["timeout"])
    if "model" not in given and settings.url == run.target:
        changes["model"] = run.model
    if settings.contract is None and is_own(run.contract):
        # A contract says where credentials go: that is no run folder's to choose.
        raise WrongUse(f"the run was held to a contract of its own; give it again: --contract {typed(run.contract)}")
    return replace(settings, **changes)
