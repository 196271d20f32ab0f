"""What a search for a capacity comes to: one sentence, a verdict where people are named, and lines about its levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from load.people import Need, spoken
from load.search import Answer
from seatrial.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS
from seatrial.records import Run
from seatrial.samples import Tried


def concluded(run: Run, answer: Answer, tried: Sequence[Tried], need: Need | None) -> Run:
    """The run with its verdict. Without a need a capacity that was found passes; with one it has to be enough."""
    counts = {"holds": answer.holds, "fails": answer.fails or 0, "levels": len(tried)}
    if run.problem or (answer.holds == 0 and answer.fails is None):
        why = run.problem or next((row.why for row in reversed(tried) if row.why), answer.why)
        sentence = f"Inconclusive: {why}."
        return replace(
            run, counts=counts, problem=why, verdict="inconclusive", exit_code=EXIT_INCONCLUSIVE, sentence=sentence
        )
    found = _found(answer, tried)
    if need is None:
        return replace(run, counts=counts, verdict="pass", exit_code=EXIT_PASS, sentence=f"{found}.")
    seconds = session_seconds(tried, answer)
    wanted = need.sessions(seconds)
    verdict, code = ("pass", EXIT_PASS) if wanted <= answer.holds else ("inconclusive", EXIT_INCONCLUSIVE)
    if answer.fails is not None and wanted >= answer.fails:
        verdict, code = "fail", EXIT_FAIL
    enough = {EXIT_PASS: "which it holds", EXIT_FAIL: "too many for it"}.get(code, "more than it is known to hold")
    sentence = f"{found}. {need.people:,} people come to {spoken(wanted)} at a time, {enough}."
    notes = [*run.notes, need.told(seconds)]
    return replace(run, counts=counts, notes=notes, verdict=verdict, exit_code=code, sentence=sentence)


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


def session_seconds(tried: Sequence[Tried], answer: Answer) -> float:
    """How long a session took at the level that holds, thinking included: users over sessions a second (Little)."""
    told = [row for row in tried if row.sessions]
    rows = [row for row in told if row.level == answer.holds] or told
    return sum(row.level * row.seconds for row in rows) / max(1, sum(row.sessions for row in rows))


def line(row: Tried) -> str:
    """A level as it is told when it is judged."""
    times = [f"turn {name} {ms:,.0f} ms" for name, ms in (("p50", row.turn_p50), ("p95", row.turn_p95)) if ms]
    close = "" if row.proved or row.outcome == "void" else " (close)"
    told = ", ".join([*times, f"{row.turns:.3g} turns/s", f"{row.errors:.2%} errors", f"{row.sessions} sessions"])
    return f"{_users(row.level):>11}: {row.outcome}{close}; {told}{f'; {row.why}' if row.why else ''}"
