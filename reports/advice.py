"""What an operator does next, from how a run ended: at most three sentences, the most useful first."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any

from reports.again import again, contract_of, numeric, targets, typed
from reports.curl import curl_line
from reports.verdict import Judgement, came_to_its_end, target_name
from reports.wording import counted, line
from seatrial.records import Finding, Run, RunFolder
from seatrial.samples import NARROW

UNDECIDED = "neither proved nor refuted"
"""How a comparison's problem begins when the times alone left it open (`load.ruling`)."""

ROOM = "Give the load process more room: a machine or a core of its own, or several of it (--processes)."
"""What to do where it was the limit itself."""

ROOM_TO_COMPARE = "Give the process that plays both more room: a core of its own, or fewer users at a time (--users)."
"""The same for a comparison, which one process plays."""

PAIRS, MOST_PAIRS = 40, 2_000
"""What a comparison takes by itself, and at most (`seatrial.settings`)."""

TWO = ("second account", "two accounts", "another account")

LARGER = {
    "server": "The deployment was the limit, and not the model behind it: mend it, or give it more room.",
    "provider": "The model behind it was the limit, and not the deployment: give the model more room.",
}
"""What to do by who was the limit."""

SHORT = 400
"""A curl line up to this long stands among the next steps; a longer one stands with its finding."""


def next_steps(run: Run, judgement: Judgement, folder: RunFolder, limit: int = 3) -> list[tuple[str, str]]:
    """Pairs of a sentence and a command to run, "" where there is none."""
    return _all(run, judgement, folder)[:limit]


def named(folder: RunFolder) -> str:
    """The folder as one types it; its name alone where the path belongs to one machine."""
    return shlex.quote(str(folder.path) if not folder.path.is_absolute() else folder.path.name)


def replay_line(run: Run, folder: RunFolder, finding: Finding, number: int) -> str:
    """What sends a finding's requests again; `number` is its place in the report. "" where nothing can."""
    if run.command != "verify" or not finding.test:
        return ""
    # An id that cannot be shown as it is cannot be typed either.
    name = shlex.quote(finding.id) if finding.id and line(finding.id, 300) == finding.id else str(number)
    return " ".join(["seatrial replay", named(folder), name, *contract_of(run)])


def _all(run: Run, judgement: Judgement, folder: RunFolder) -> list[tuple[str, str]]:
    steps = []
    if judgement.failing:
        steps += _mended(run, judgement, folder)
    elif judgement.verdict == "fail":
        steps += _too_small(run, judgement)
    elif judgement.verdict == "inconclusive" and any(
        one.verdict == "unsupported" for one in judgement.digest.objectives
    ):
        told = "Load for longer: too little was measured to judge every objective."
        steps.append((told, _again(run, judgement, longer=3)))
    elif judgement.verdict == "inconclusive" and (run.problem or "").startswith(UNDECIDED):
        steps.append(_undecided(run, judgement))
    elif run.command == "capacity" and judgement.verdict == "inconclusive" and not run.problem:
        steps.append(_between(run, judgement, folder))
    elif judgement.verdict == "inconclusive" and run.cause == "void":
        steps.append((ROOM_TO_COMPARE if run.command == "compare" else ROOM, ""))
        steps.append(("Then run this trial again.", _again(run, judgement)))
    elif judgement.verdict == "inconclusive":
        steps.append((f"Mend what kept the run from a verdict: {line(run.problem or 'nothing was checked', 200)}.", ""))
        steps.append(("Then run this trial again.", _again(run, judgement)))
    if run.left_behind and targets(run):
        steps.insert(min(len(steps), 1), (_left(run), f"seatrial clean {named(folder)}"))
    if any(word in skip.reason for skip in judgement.digest.skips for word in TWO):
        steps.append(("Give two accounts, so that what one may see of the other is checked too.", ""))
    if judgement.drift and not run.strict:
        told = f"Look at {counted(len(judgement.drift), 'departure')} from the contract that did not fail the run."
        steps.append((told, ""))
    if judgement.verdict == "pass":
        steps += _after_a_pass(run, judgement, folder)
    return steps


def _again(run: Run, judgement: Judgement, **instead: Any) -> str:
    """The same trial; records of a verification did not always say that a load was to follow."""
    loaded = run.settings.get("load") or bool(judgement.digest.load)
    return again(run, load=loaded, **instead)


def _resumed(run: Run, folder: RunFolder, **instead: Any) -> str:
    return f"{again(run, **instead)} --resume {named(folder)}"


def _mended(run: Run, judgement: Judgement, folder: RunFolder) -> list[tuple[str, str]]:
    """A run with findings: see the gravest again, mend it, run it again."""
    first, rest = judgement.failing[0].finding, len(judgement.failing) - 1
    more = f"; {counted(rest, 'more finding')} below" if rest else ""
    curl, _ = curl_line(first)
    shown = curl if curl and len(curl) <= SHORT and targets(run) else replay_line(run, folder, first, 1)
    look = "See the gravest finding again" if shown else "Look at the gravest finding first"
    steps = [(f"{look}, in {line(first.operation, 60)}{more}.", shown)]
    if run.problem:
        what = "kept it from proving more" if came_to_its_end(run) else "ended the run early"
        steps.append((f"Then mend what {what}: {line(run.problem, 160)}.", ""))
    if larger := _larger([one.limited_by for one in judgement.digest.objectives if one.limited_by]):
        steps.append((larger, ""))
    return [*steps, ("When it is mended, run this trial again.", _again(run, judgement))]


def _too_small(run: Run, judgement: Judgement) -> list[tuple[str, str]]:
    """A run that fails without a finding: a capacity under what is needed, or a comparison."""
    if run.command != "capacity":
        return [("Look at what is slower below, and compare again when it is mended.", "")]
    look = _larger(judgement.digest.limits_at(run.counts.get("fails")))
    return [
        (look or "Look at what failed first, below: it says what to make larger.", ""),
        ("When it is, search again.", again(run)),
    ]


def _undecided(run: Run, judgement: Judgement) -> tuple[str, str]:
    """What would decide a comparison that proved neither."""
    if run.command == "load":
        return ("Load for longer, and what it is held against as well: the sessions of both decide.",
                again(run, longer=3))  # fmt: skip
    open_ = [one for one in judgement.digest.ratios if one.verdict == "inconclusive"]
    if any(one.why for one in open_):
        return ("Let more of the sessions ask for what was answered too seldom; below stands which.", "")
    failing = any(one.measure == "failed" for one in open_)
    pairs = int(numeric(run.settings.get("pairs"), PAIRS))
    wanted = [one.wanted for one in open_ if one.measure != "failed"]
    decide = [one for one in wanted if one is not None]
    if len(decide) < len(wanted) or not open_ or (failing and pairs >= MOST_PAIRS):
        return ("Look at the ratios below: they are too close to the limit for any number of pairs.", "")
    if failing:
        more = min(MOST_PAIRS, max([2 * pairs, *decide]))
        return ("Compare for longer: whether more requests fail than may is still open.", again(run, pairs=more))
    return (f"Compare for longer: going by this spread, {max(decide):,} pairs decide.",
            again(run, pairs=max(decide)))  # fmt: skip


def _larger(who: Sequence[str]) -> str:
    """What to make larger, where one alone was the limit."""
    return LARGER.get(who[0], "") if len(set(who)) == 1 else ""


def _after_a_pass(run: Run, judgement: Judgement, folder: RunFolder) -> list[tuple[str, str]]:
    steps = []
    if run.command == "verify" and run.depth == "quick":
        steps.append(("Look deeper before a release.", _again(run, judgement, depth="full")))
    if run.command == "verify" and not judgement.digest.load:
        steps.append(("See how it holds under load.", " ".join(["seatrial load", *targets(run)])))
    if run.command == "load":
        behind = [f"--provider {typed(run.settings['provider'])}"] if run.settings.get("provider") else []
        search = " ".join(["seatrial capacity", *targets(run), "--slo 'turn p95 < 10s'", *behind])
        steps.append(("Find how many people it holds.", search))
    if run.command == "capacity" and not run.counts.get("fails"):
        steps.append(_further(run, judgement, folder))
    elif run.command == "capacity" and not _closed(run, judgement):
        steps.append(("Go on where the search ended, until its two ends are close and each was tried twice.",
                      _resumed(run, folder)))  # fmt: skip
    if run.command == "capacity" and not any("Little" in note for note in run.notes):
        steps.append(("Say how many people it is for, and learn whether it is enough.", again(run, people=500)))
    steps.append((f"Keep this page: it says what {target_name(run)} was held to.", ""))
    return steps


def _between(run: Run, judgement: Judgement, folder: RunFolder) -> tuple[str, str]:
    """What to do about a search that ended before it was known whether there is enough for all people."""
    if not run.counts.get("fails"):
        return _further(run, judgement, folder)
    if _narrow(run):
        return ("What is needed lies between what holds and what fails: take it for too little.", "")
    sought = "whether there is enough" if run.counts.get("holds") else "what it holds"
    return (f"Go on where the search ended, until it is known {sought}.", _resumed(run, folder))


def _narrow(run: Run) -> bool:
    """Whether the two ends of a search are as close as it brings them."""
    holds, fails = run.counts.get("holds", 0), run.counts.get("fails", 0)
    return bool(fails) and fails <= max(NARROW * holds, holds + 1)


def _closed(run: Run, judgement: Judgement) -> bool:
    """Whether a search came to its own end: two ends that are close, each seen twice to be what it is."""
    tried = Counter((one.level, one.outcome) for one in judgement.digest.levels)
    ends = [(run.counts.get(outcome, 0), outcome) for outcome in ("holds", "fails")]
    return _narrow(run) and all(tried[end] > 1 for end in ends if end[0])


def _further(run: Run, judgement: Judgement, folder: RunFolder) -> tuple[str, str]:
    """How to go on with a search that found no level that fails."""
    outcomes, holds = [one.outcome for one in judgement.digest.levels], run.counts.get("holds", 1)
    void = [one for one in judgement.digest.levels if one.outcome == "void"]
    if len(void) > 1 and void[-1].limit != "client":
        mend = f"Mend what made tries no result, and go on: {line(void[-1].why, 160)}."
        return (mend, _resumed(run, folder))
    if len(void) > 1:
        return ("Above, the load process itself was the limit: search from a machine of its own.", "")
    if "fails" in outcomes:
        return ("Go on where the search ended: no level has failed twice yet.", _resumed(run, folder))
    if holds < numeric(run.settings.get("most"), 0):
        return ("Nothing failed yet: go on where the search ended.", _resumed(run, folder))
    return ("Nothing failed yet: search higher.", _resumed(run, folder, most=2 * holds))


def _left(run: Run) -> str:
    return f"Remove what is left on the target ({counted(len(run.left_behind), 'thing')})."
