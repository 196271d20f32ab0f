"""What a search for a capacity comes to: one sentence, a verdict where people are named, and lines about its levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from load.mix import TURNLESS, Mix
from load.people import Need, spoken
from load.search import Answer
from load.stages import spread
from seatrial.errors import EXIT_CODES
from seatrial.records import Run
from seatrial.samples import Tried
from seatrial.settings import Settings

ALONE = {"fail": " It holds nobody within its objectives.", "inconclusive": " What it holds is not known."}
"""Said of a search in which no level was seen to hold, and no people are named."""


def concluded(run: Run, answer: Answer, tried: Sequence[Tried], need: Need | None) -> Run:
    """The run with its verdict. Without a need a capacity that was found passes; with one it has to be enough.

    A run that has a `problem` came to no end, and passes in no case; what it proved by then is said.
    """
    run = replace(run, counts={"holds": answer.holds, "fails": answer.fails or 0, "levels": len(tried)})
    if answer.holds == 0 and answer.fails is None:
        why = run.problem or next((row.why for row in reversed(tried) if row.why), answer.why)
        return _judged(run, "inconclusive", f"Inconclusive: {why}.", why)
    if why := _unjudged(answer, tried):
        said = f"Inconclusive: nothing was missed with {_users(answer.holds)}, but {why}; look longer (--look)."
        return _judged(run, "inconclusive", said, "; ".join(filter(None, (why, run.problem))))
    found = f"{_found(answer, tried)}."
    refuted = answer.fails == 1 and not run.problem  # one that is gone by now may have come to grief otherwise
    if need is None:
        verdict = "pass" if answer.holds else "fail" if refuted else "inconclusive"
        return _judged(run, verdict, found if answer.holds else found + ALONE[verdict])
    seconds = session_seconds(tried, answer, run.settings)
    wanted = need.sessions(seconds)
    verdict = "pass" if answer.holds and wanted <= answer.holds else "inconclusive"
    if refuted or (answer.fails is not None and wanted >= answer.fails):
        verdict = "fail"
    held = "which it was seen to hold before that" if run.problem else "which it holds"
    enough = {"pass": held, "fail": "too many for it"}.get(verdict, "more than it is known to hold")
    said = f"{found} {need.people:,} people come to {spoken(wanted)} at a time, {enough}."
    return _judged(replace(run, notes=[*run.notes, need.told(seconds)]), verdict, said)


def _judged(run: Run, verdict: str, sentence: str, problem: str | None = None) -> Run:
    verdict = "inconclusive" if run.problem and verdict == "pass" else verdict
    problem = problem or run.problem
    return replace(run, problem=problem, verdict=verdict, exit_code=EXIT_CODES[verdict], sentence=sentence)


def _found(answer: Answer, tried: Sequence[Tried]) -> str:
    if answer.fails is None:
        return f"Holds {_users(answer.holds)} at least; {answer.why}"
    why = next((row.why for row in tried if row.level == answer.fails and row.outcome == "fails"), "")
    if not answer.holds:
        below = "and no lower level was seen to hold" if answer.fails > 1 else "the least there is"
        return f"Fails at {_users(answer.fails)}, {below}: {why}; {answer.why}"
    return f"Holds {_users(answer.holds)}, fails at {answer.fails}: {why}; {answer.why}"


def _users(number: int) -> str:
    return f"{number} user{'' if number == 1 else 's'}"


def _unjudged(answer: Answer, tried: Sequence[Tried]) -> str:
    """Of the level that holds: the objectives about which no look at it said anything, "" where one did."""
    told = [row.why for row in tried if row.level == answer.holds and row.outcome == "holds"]
    return told[-1] if told and all(told) else ""


def session_seconds(tried: Sequence[Tried], answer: Answer, settings: Mapping[str, Any]) -> float:
    """How long a session took at the level that holds, thinking included: users over sessions a second (Little).

    Counted are turns, of which a session has so many (`settings` are those of the run): a look may be shorter than a
    session, and the ones that its end cuts short are not whole ones.
    """
    told = [row for row in tried if row.sessions]
    rows = [row for row in told if row.level == answer.holds] or told
    played = Settings(**{name: settings[name] for name in ("turns", "think", "mix") if name in settings})
    weights = Mix.parse(played.mix).weights
    talking = sum(weight for name, weight in weights.items() if name not in TURNLESS) / sum(weights.values())
    turns = sum(max(row.begun, row.turns) * row.seconds for row in rows)
    sessions = turns / played.turns / talking if talking else sum(row.sessions for row in rows)
    return sum(row.level * _at_work(row, played) for row in rows) / max(1.0, sessions)


def _at_work(row: Tried, played: Settings) -> float:
    """Seconds of a level without those before a user's first session. Looks last once, twice and thrice as long."""
    first = row.seconds / (row.looks * (row.looks + 1) / 2)
    waits = (spread(first * look, played.turns, played.think) / 2 for look in range(1, row.looks + 1))
    return row.seconds - sum(waits)


def line(row: Tried) -> str:
    """A level as it is told when it is judged."""
    times = [f"turn {name} {ms:,.0f} ms" for name, ms in (("p50", row.turn_p50), ("p95", row.turn_p95)) if ms]
    close = "" if row.proved or row.outcome == "void" else " (close)"
    told = ", ".join([*times, f"{row.turns:.3g} turns/s", f"{row.errors:.2%} errors", f"{row.sessions} sessions"])
    return f"{_users(row.level):>11}: {row.outcome}{close}; {told}{f'; {row.why}' if row.why else ''}"
