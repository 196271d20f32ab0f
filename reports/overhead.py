"""What became of the time of a turn: a fold over overhead.jsonl.

    overhead = Overheads.of(folder, since, until)
    overhead.shares, overhead.asked

A load writes these records when it knows the scripted provider behind its target (`load --provider`). A turn counts as
it does there: done, asked its model once, begun between warm-up and end.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reports.latency import Latency, latency, spread
from reports.measured import WAYS, Column
from reports.wording import line
from seatrial.evidence import TURN_MEASURES
from seatrial.records import RunFolder
from seatrial.samples import Asked, Joined

FILE = "overhead.jsonl"
PARTS = {
    "turn": ("ms", "model_ms", "due"),
    "ttft": ("first", "model_first", "due_first"),
    "gap": ("gap", "model_gap", None),
}
"""Of each measure: what the person waited, what the model took of it, and what its script says of that."""


@dataclass
class Share:
    """One measure of the turns that came in one way. All but `own` are sums over these turns, in milliseconds.

    `late` is by how much the model took longer than its script says, `doubt` how long calls may have lain at the
    provider before it saw them: time that counts as the deployment's own and may be none of it.
    """

    measure: str
    way: str
    own: Column = field(default_factory=Column)
    waited: float = 0.0
    model: float = 0.0
    late: float = 0.0
    doubt: float = 0.0

    def add(self, row: Joined, session: int) -> None:
        waited, model, due = (getattr(row, name) if name else None for name in PARTS[self.measure])
        if waited is None or model is None:
            return
        self.own.add(row.at, waited - model, session)
        self.waited += waited
        self.model += model
        self.late += max(0.0, model - due) if due is not None else 0.0
        self.doubt += row.seen_late if due is not None else 0.0

    def __len__(self) -> int:
        return len(self.own.ms)

    @property
    def name(self) -> str:
        """Such as "time to first token, SSE"."""
        return f"{TURN_MEASURES[self.measure]}, {WAYS.get(self.way, line(self.way, 20))}"

    def mean(self, total: float) -> float:
        return total / max(1, len(self))

    @property
    def spread(self) -> Latency:
        """How the deployment's own times are spread."""
        return latency(self.name, self.own, len(self), 0)


@dataclass
class Overheads:
    """`turns` were joined with the provider's record, `counted` of them count for times."""

    shares: list[Share] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    turns: int = 0
    counted: int = 0

    @classmethod
    def of(cls, folder: RunFolder, since: float, until: float) -> Overheads:
        found, sessions, shares = cls(), dict[str, int](), dict[tuple[str, str], Share]()
        found.asked = list(folder.rows(FILE, Asked))
        for row in folder.rows(FILE, Joined):
            found.turns += 1
            if row.ended != "done" or row.calls != 1 or not since <= row.at < until:
                continue
            found.counted += 1
            number = sessions.setdefault(row.session, len(sessions))
            for measure in PARTS:
                shares.setdefault((measure, row.way), Share(measure, row.way)).add(row, number)
        order = list(PARTS)
        found.shares = sorted(filter(len, shares.values()), key=lambda one: (order.index(one.measure), one.way))
        return found

    def __bool__(self) -> bool:
        return bool(self.shares or self.asked)

    @property
    def per_turn(self) -> float:
        """Calls of a model for each turn that was answered."""
        return sum(one.per_turn for one in self.asked)

    def own_turn(self) -> float | None:
        """The median of the deployment's own time of a turn, in whichever way the reply came."""
        return spread(ms for share in self.shares if share.measure == "turn" for ms in share.own.ms).p50
