"""Finds how many sessions a deployment holds at the same time: levels, looks, the budget, and what they come to.

    capacity = Capacity(objectives, play, folder, budget)
    answer = capacity.search(start=4, most=512)

`play(level, seconds)` loads the target with so many users and returns the run and its folder; everything else is
here. Each level goes to `levels.jsonl` when it is judged, so that an interrupted search goes on from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from load.levels import LOOKS, Judgement, judged
from load.limit import NOTHING, failed_besides, limit
from load.objectives import COUNTS, Held, Objective
from load.outcome import unread
from load.overhead import OVERHEAD
from load.search import Answer, Step, Trial, bounds, following
from seatrial.errors import Inconclusive
from seatrial.evidence import Evidence
from seatrial.measuring import estimates
from seatrial.records import Recorder, Run, RunFolder
from seatrial.samples import Joined, Tried

LEVELS = "levels.jsonl"
MOST_VOID = 2
"""Tries in a row that are no result, after which the search ends; one may be due to others on its machine."""

COUNTED = ("requests", "turns", "refused_turns", "unverified")
"""Counts of a load that are added up over the looks at a level."""

Play = Callable[[int, float], tuple[Run, RunFolder]]


class Spent(Exception):
    """The time that the search may take is over."""


class Void(Exception):
    """One try after another is no result, and more of them would be none either. The message says why."""


@dataclass
class Capacity:
    """`budget` and `look` are seconds: for the whole search, and for the first look at a level."""

    objectives: Sequence[Objective]
    operations: Iterable[str]
    play: Play
    folder: RunFolder
    budget: float
    look: float
    tell: Callable[[Tried], None] = lambda _: None
    tried: list[Tried] = field(default_factory=list)
    _beside: float = 0.0
    """Seconds that a look took at most beside its own: for accounts, for ending, and for removing what it made."""

    def search(self, start: int, most: int) -> Answer:
        """The answer, as far as the budget went."""
        self.tried += self.folder.rows(LEVELS, Tried)
        earlier = len(self.tried)
        begun, record = time.monotonic(), Recorder(self.folder.path / LEVELS)
        try:
            while not isinstance(step := following(self.trials, start=start, most=most), Answer):
                if why := _void(self.tried[earlier:]):
                    raise Void(why)
                one = self._try(step, begun)
                self.tried.append(one)
                record.write(one)
                self.tell(one)
        except Spent:
            early = "" if self.tried else " before one level was judged"
            return Answer(*bounds(self.trials), why=f"the budget of {_spoken(self.budget)} was used up{early}")
        except Void as error:
            return Answer(*bounds(self.trials), why=str(error))
        finally:
            record.close()
        return step

    @property
    def trials(self) -> list[Trial]:
        return [
            Trial(one.level, "holds" if one.outcome == "holds" else "fails")
            for one in self.tried
            if one.outcome != "void"
        ]

    def _try(self, step: Step, begun: float) -> Tried:
        evidence, folders, judgement = Evidence(frozenset(self.operations)), list[str](), None
        joined: list[Joined] = []
        seconds, look, counts = 0.0, 0, Counter[str]()
        for look in range(1, LOOKS + 1):
            wanted = self.look * look  # a look that decided nothing is followed by a longer one
            before = time.monotonic()
            if before - begun + wanted + self._beside > self.budget:
                raise Spent
            run, folder = self.play(step.level, wanted)
            self._beside = max(self._beside, time.monotonic() - before - wanted)
            folders.append(f"{folder.path.parent.name}/{folder.path.name}")
            evidence.since = float(run.settings.get("times_from") or 0.0)
            evidence.until = float(run.settings.get("times_until") or wanted)
            evidence.read(folder)
            joined += folder.rows(OVERHEAD, Joined)
            seconds += wanted
            counts.update({name: run.counts.get(name, 0) for name in COUNTED})
            if run.cause == "interrupted":
                raise KeyboardInterrupt
            judgement = judged(self.objectives, evidence, look)
            if ended := _ended(run, judgement, evidence.sessions):
                outcome, told, who = ended
                return self._row(step, outcome, True, look, evidence, seconds, counts, told, folders, who)
            if judgement.outcome is not None:
                break
        assert judgement is not None
        assert judgement.outcome is not None
        if judgement.outcome == "holds" and (unknown := unread(counts)):
            return self._row(step, "void", True, look, evidence, seconds, counts, unknown, folders, "")
        why = "; ".join(map(missed, judgement.missed)) or _unsupported(judgement)
        besides = failed_besides(evidence, run.api)
        found = limit(judgement.missed[0].objective, run.api, joined, besides) if judgement.missed else NOTHING
        why += f"; the {found.who} was the limit: {found.said}" if found.who else ""
        return self._row(
            step, judgement.outcome, judgement.proved, look, evidence, seconds, counts, why, folders, found.who
        )

    def _row(
        self,
        step: Step,
        outcome: str,
        proved: bool,
        looks: int,
        evidence: Evidence,
        seconds: float,
        counts: Mapping[str, int],
        why: str,
        folders: Sequence[str],
        who: str,
    ) -> Tried:
        p50, p95 = (one.value for one in estimates(*(evidence.times("turn") or ((), ())), (0.5, 0.95)))
        (first,) = (one.value for one in estimates(*(evidence.times("ttft") or ((), ())), (0.95,)))
        failed, of = evidence.failed("")
        turns, refused, requests = (counts[name] / seconds for name in ("turns", "refused_turns", "requests"))
        return Tried(
            len(self.tried) + 1, step.level, outcome, proved, looks, evidence.sessions, seconds,
            round(turns - refused, 3), round(requests, 3), failed / of if of else 0.0,
            p50, p95, first, why, tuple(folders), who, round(turns, 3),
        )  # fmt: skip


def _spoken(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:.3g} minutes"


def _void(rows: Sequence[Tried]) -> str:
    """Why a search ends whose last tries are no result; "" where one of them is."""
    last = rows[-MOST_VOID:]
    if [one.outcome for one in last] != ["void"] * MOST_VOID:
        return ""
    if all(one.limit == "client" for one in last):
        return f"at a level of {last[-1].level:,}, the load generator itself was the limit"
    return f"{MOST_VOID} tries in a row were no result: {last[-1].why}"


def _ended(run: Run, judgement: Judgement, sessions: int) -> tuple[str, str, str] | None:
    """Outcome, why, and the limit, of a level that needs no look at its times: what is proved comes first.

    Raises `Inconclusive` for a load that came to nothing.
    """
    if harmed := [one for one in judgement.missed if one.objective.what in COUNTS]:
        return "fails", "; ".join(map(missed, harmed)), "server"
    if wrong := run.counts.get("answers_unusable"):
        return "fails", f"{wrong} of the answers that were held to the contract departed from it", "server"
    if run.cause == "void":
        return "void", run.problem or "", "client"
    if run.cause == "died":
        return "fails", run.problem or "", "server"
    if run.problem and not sessions:
        raise Inconclusive(run.problem)
    # A history that could not be read keeps a level from holding, and none of its times from being too long.
    if run.problem and run.problem != unread(run.counts):
        return "void", run.problem, ""
    return None


def missed(held: Held) -> str:
    """An objective that failed, in the words of a result."""
    name = f"{held.objective.subject} {held.objective.what}".strip()
    return f"{name} missed {held.objective.text!r} ({held.said})"


def _unsupported(judgement: Judgement) -> str:
    told = [f"{one.objective.text!r} could not be judged ({one.said})" for one in judgement.unsupported]
    return "; ".join(told)
