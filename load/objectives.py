"""Objectives: what a load has to keep to, as data, and whether it did.

    objectives = parse(["ttft p95 < 1s", "turn p99 < 20s", "getChat p95 < 300ms", "errors < 0.1%", "lost = 0"])
    for held in judge(objectives, evidence): ...

A percentile is held to its limit by its value; the interval around it says whether that is proved. A share of errors
likewise, with the largest share that so few tries leave possible. What there is too little of to say is unsupported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from seatrial.errors import WrongUse
from seatrial.evidence import TURN_MEASURES, TURN_SUBJECTS
from seatrial.measuring import LEAST_SESSIONS, Estimate, enough, estimate, share_bound
from seatrial.samples import HARMS, Judged

COUNTS = (*HARMS, "damaged")
_FORM = re.compile(
    r"(?:(?P<subject>[A-Za-z]\w*(?:\s+(?:plain|sse|socket))?)\s+)?(?P<what>p\d+(?:\.\d+)?|errors)\s*(?P<sign><=?)\s*(?P<limit>\d+(?:\.\d+)?)\s*"
    r"(?P<unit>ms|s|m|%)"
    r"|(?P<count>[a-z]+)\s*=\s*(?P<number>\d+)"
)
_MS = {"ms": 1.0, "s": 1_000.0, "m": 60_000.0}
Verdict = Literal["held", "missed", "unsupported"]


class Evidence(Protocol):
    """What a load measured."""

    def times(self, subject: str) -> tuple[Sequence[float], Sequence[str]] | None:
        """Milliseconds of successes, and the session of each; None for a subject that is none here."""

    def failed(self, subject: str) -> tuple[int, int]:
        """Failures, and of how many: of an operation's requests, of all (""), or of turns ("turn", "turn sse")."""

    def clustering(self, subject: str) -> float:
        """By how much failures come together in sessions, 1 at least."""

    @property
    def harms(self) -> Mapping[str, int]:
        """Messages by what became of them."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`what` is a percentile ("p95"), "errors", or the name of a count. `limit` is in ms, a share, or a number.

    Not `given` is one that every load is held to, whether anybody asked for it or not.
    """

    text: str
    subject: str
    what: str
    limit: float
    inclusive: bool
    given: bool = True

    @property
    def quantile(self) -> float | None:
        return float(self.what[1:]) / 100 if self.what[0] == "p" and self.what[1:2].isdigit() else None

    def allows(self, value: float) -> bool:
        return value <= self.limit if self.inclusive else value < self.limit


@dataclass(frozen=True, slots=True)
class Held:
    """What became of one objective. `low` and `high` bound the value; `proved` when they lie on its side as well."""

    objective: Objective
    verdict: Verdict
    value: float | None
    low: float | None
    high: float | None
    said: str

    def record(self) -> Judged:
        """As the run folder keeps it."""
        return Judged(
            self.objective.text, self.verdict, self.value, self.low, self.high, self.proved, self.said,
            self.objective.limit,
        )  # fmt: skip

    @property
    def proved(self) -> bool:
        if self.high is None or self.low is None:
            return False
        return self.objective.allows(self.high) if self.verdict == "held" else not self.objective.allows(self.low)


def parse(texts: Iterable[str]) -> tuple[Objective, ...]:
    """Raises `WrongUse` for what is none."""
    return tuple(_parsed(text) for text in texts)


def _parsed(text: str) -> Objective:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise WrongUse(
            f"--slo {text!r} is no objective; write one as 'ttft p95 < 1s', 'getChat p99 < 300ms', 'errors < 0.1%' or "
            "'lost = 0'"
        )
    if (count := match["count"]) is not None:
        if count not in COUNTS:
            raise WrongUse(f"--slo {text!r}: counted are {', '.join(COUNTS)}")
        return Objective(text.strip(), "", count, float(match["number"]), inclusive=True)
    what, subject, unit = match["what"], " ".join((match["subject"] or "").split()), match["unit"]
    if (unit == "%") != (what == "errors"):
        raise WrongUse(f"--slo {text!r}: errors are a share, such as 0.1%, and percentiles a time, such as 300ms")
    if what != "errors" and not subject:
        raise WrongUse(f"--slo {text!r}: of what? {', '.join(TURN_MEASURES)}, or an operation such as getChat")
    if (wrong := _never_judged(subject, what)) is not None:
        raise WrongUse(f"--slo {text!r}: {wrong}")
    if what != "errors" and not 0 < float(what[1:]) < 100:
        raise WrongUse(f"--slo {text!r}: a percentile lies between p0 and p100")
    limit = float(match["limit"]) / 100 if unit == "%" else float(match["limit"]) * _MS[unit]
    if not limit and match["sign"] == "<":
        raise WrongUse(f"--slo {text!r}: nothing lies below 0; write <= for nothing at all")
    return Objective(text.strip(), subject, what, limit, inclusive=match["sign"] == "<=")


def _never_judged(subject: str, what: str) -> str | None:
    """Why there is nothing that such an objective could be judged by."""
    measure, _, way = subject.partition(" ")
    if measure not in TURN_MEASURES or measure == "turn":
        return None
    if what == "errors":
        return f"it is a turn that fails, and not its {measure}; write '{f'turn {way}'.strip()} errors'"
    return f"a reply that comes at once (plain) has no {measure}" if way == "plain" else None


def is_about_turns(objective: Objective) -> bool:
    """Whether it counts turns, or measures them, and not requests."""
    return objective.subject in TURN_SUBJECTS


def with_defaults(given: Sequence[Objective]) -> tuple[Objective, ...]:
    """The objectives given, and each default about which they say nothing: a load never passes with damage unseen."""
    named = {one.what for one in given if not one.subject}
    unnamed = [name for name in HARMS if name not in named]
    harmless = ["damaged = 0"] if len(unnamed) == len(HARMS) else [f"{name} = 0" for name in unnamed]
    kept = [*([] if "damaged" in named else harmless), *([] if "errors" in named else ["errors < 1%"])]
    return (*(replace(one, given=False) for one in parse(kept)), *given)


def demand(objectives: Iterable[Objective], operations: Iterable[str]) -> None:
    """Raises `WrongUse` for an objective about something that there is not."""
    known = {"", *TURN_SUBJECTS, *operations}
    for objective in objectives:
        if objective.subject not in known:
            raise WrongUse(f"--slo {objective.text!r}: there is no operation {objective.subject}")


def judge(objectives: Sequence[Objective], evidence: Evidence, confidence: float = 0.95) -> list[Held]:
    """Each objective against what was measured. Raises `WrongUse` for an operation that nobody has heard of."""
    return [_judged(objective, evidence, confidence) for objective in objectives]


def _judged(objective: Objective, evidence: Evidence, confidence: float) -> Held:
    if objective.quantile is not None:
        return _percentile(objective, objective.quantile, evidence, confidence)
    if objective.what == "errors":
        return _errors(objective, evidence, confidence)
    harms = evidence.harms
    number = sum(harms.get(name, 0) for name in HARMS) if objective.what == "damaged" else harms.get(objective.what, 0)
    verdict: Verdict = "held" if objective.allows(number) else "missed"
    said = _harmed(harms) if objective.what == "damaged" else f"{number} {objective.what}"
    return Held(objective, verdict, number, number, number, said)


def _harmed(harms: Mapping[str, int]) -> str:
    """What came to harm, by name: `2 messages lost, 1 truncated`."""
    first, *more = [(harms[name], name) for name in HARMS if harms.get(name)] or [(0, "harmed")]
    number, name = first
    told = f"{number or 'no'} message{'' if number == 1 else 's'} {name}"
    return ", ".join([told, *(f"{number} {name}" for number, name in more)])


def _percentile(objective: Objective, quantile: float, evidence: Evidence, confidence: float) -> Held:
    found = evidence.times(objective.subject)
    if found is None:
        raise WrongUse(f"--slo {objective.text!r}: nothing here is called {objective.subject}")
    times, sessions = found
    measured: Estimate = estimate(times, sessions, quantile, confidence)
    if measured.value is None or measured.low is None or measured.high is None:
        wanted = enough(quantile, confidence)
        said = f"{measured.count} samples of {measured.sessions} sessions; wanted are {wanted} of {LEAST_SESSIONS}"
        return Held(objective, "unsupported", None, None, None, said)
    verdict: Verdict = "held" if objective.allows(measured.value) else "missed"
    said = f"{shown(measured.value)}, between {shown(measured.low)} and {shown(measured.high)}"
    return Held(objective, verdict, measured.value, measured.low, measured.high, said)


def _errors(objective: Objective, evidence: Evidence, confidence: float) -> Held:
    failed, of = evidence.failed(objective.subject)
    if not of:
        nothing = "no turn" if is_about_turns(objective) else "no request"
        return Held(objective, "unsupported", None, None, None, nothing)
    share, effect = failed / of, evidence.clustering(objective.subject)
    # Failures that come together, session by session, say less than as many that do not: as if there were fewer tries.
    some, tries = round(failed / effect), math.ceil(of / effect)
    high = max(share, share_bound(some, tries, confidence))
    low = min(share, 1 - share_bound(tries - some, tries, confidence))
    verdict: Verdict = "held" if objective.allows(share) else "missed"
    said = f"{failed} of {of} ({share:.2%}); so many tries support a share under {high:.2%}"
    return Held(objective, verdict, share, low, high, said)


def shown(ms: float) -> str:
    """A time as people say it: 640 ms, 1.28 s, 21 s."""
    if ms < 1_000:
        return f"{ms:.3g} ms"
    return f"{ms / 1_000:.3g} s"
