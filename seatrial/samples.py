"""What a load records: requests, turns, sessions, and what became of its objectives. See `records` for the folder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One request under load. `at` is seconds since the load's start, `ms` from when it has left to the last byte.

    `connect` are the milliseconds that its connection took to make, None where a kept one was used.
    """

    at: float
    operation: str
    ms: float
    status: int
    ok: bool
    user: int
    session: str
    size: int = 0
    error: str = ""
    connect: float | None = None
    journey: str = "session"


@dataclass(frozen=True)
class Resent:
    """A request that was sent twice, as browsers do: its kept connection ended and gave no answer."""

    at: float
    operation: str
    session: str


@dataclass(frozen=True)
class Turned:
    """One turn under load, as the person saw it, in milliseconds from when its request had left.

    `ms` is to the end of the reply, `first` to its first token, `gaps` between its tokens; both only where it came in
    pieces (`way` is "sse" or "socket"; "plain" came at once). `ended` says how: "done", "cut" (it just stopped),
    "aborted" (the connection broke), "error" (the stream told of one), "deadline", "refused" (with a
    status, or by no answer at all) or "empty".
    """

    at: float
    session: str
    user: int
    journey: str
    way: str
    ms: float
    ended: str
    first: float | None = None
    gaps: tuple[float, ...] = ()
    nonce: str = ""

    @property
    def ok(self) -> bool:
        return self.ended == "done"


@dataclass(frozen=True)
class Arrival:
    """A session of an open loop: when it was due, how many milliseconds late it began, and whether it did.

    `away` sessions were under way in this process then.
    """

    at: float
    late: float
    started: bool
    away: int


@dataclass(frozen=True)
class Aboard:
    """A user of a closed loop came to work while the load was on: `at` seconds after its start."""

    at: float
    user: int


@dataclass(frozen=True)
class Pulse:
    """One second of a load process: how late its loop woke, in milliseconds (median and longest), and its share of CPU.

    `at` is the second's end.
    """

    at: float
    late: float
    latest: float
    cpu: float


@dataclass(frozen=True)
class Known:
    """A stream from the server of known timing: what was measured less what was true, in milliseconds.

    `when` is "before", "during" or "after" the load; `first` of the first token, `gaps` of those between tokens.
    """

    at: float
    when: str
    first: float
    gaps: tuple[float, ...]


@dataclass(frozen=True)
class Integrity:
    """What one session said and what its history held, in messages; `turns` and `refused` are turns.

    `kept` are messages of refused turns that are there all the same, `echoed` delivered replies with the nonce of
    their prompt. Without `verified` the history could not be read, and the counts from `stored` to `reordered` say
    nothing.
    """

    at: float
    session: str
    turns: int
    acknowledged: int
    refused: int
    stored: int
    lost: int
    doubled: int
    altered: int
    foreign: int
    reordered: int
    deleted: bool
    detail: str = ""
    kept: int = 0
    verified: bool = True
    truncated: int = 0
    echoed: int = 0


HARMS = ("lost", "doubled", "truncated", "altered", "foreign", "reordered")
"""What may become of a message that was acknowledged, or stand where none belongs: fields of `Integrity`."""

NARROW = 1.25
"""A search for a capacity ends where the lowest level that fails is at most so many times the highest that holds."""


@dataclass(frozen=True)
class Tried:
    """One level of a capacity search: users or sessions a second, and what came of it.

    `outcome` is "holds", "fails", or "void" where it was no result. `proved` when the bounds say so and not only the
    values; `why` are the objectives that were missed, and what was the limit; `limit` names it: "server", "provider",
    "client", or "" where nobody knows. `turns` that were answered, `begun` ones and `requests` are per second, times in
    milliseconds; None where too few samples speak for them.
    """

    number: int
    level: int
    outcome: str
    proved: bool
    looks: int
    sessions: int
    seconds: float
    turns: float
    requests: float
    errors: float
    turn_p50: float | None
    turn_p95: float | None
    first_p95: float | None
    why: str
    folders: tuple[str, ...] = ()
    limit: str = ""
    begun: float = 0.0


@dataclass(frozen=True)
class Judged:
    """What became of one objective of a load: "held", "missed", or "unsupported" by what was measured.

    `value` lies between `low` and `high`, in milliseconds, as a share or as a number; None where nothing can be said.
    `proved` when the interval lies on the same side of the limit. `said` is all that in words. `limit` is in the unit
    of the value. Of what was missed, `limited_by` is who kept the load from it, "server" or "provider", and
    `limited_why` the reason; both are "" where nobody knows.
    """

    objective: str
    verdict: str
    value: float | None
    low: float | None
    high: float | None
    proved: bool
    said: str
    limit: float | None = None
    limited_by: str = ""
    limited_why: str = ""


@dataclass(frozen=True)
class ProviderClock:
    """The scripted provider's own seconds `now`, the number that its next call will have, and how many it has let go.

    One stands in `provider.jsonl` for the moment before the load, and one for the moment after it.
    """

    now: float
    next: int
    dropped: int


@dataclass(frozen=True)
class ModelCall:
    """One call of a model as the scripted provider saw it, in milliseconds from when it had arrived.

    `at` are seconds of the provider's own clock, which is compared with no other. `kind` is "chat", or what Open WebUI
    asks models for besides: "title", "tags", "follow-ups", "other". `due_first` and `due` are what the script says of
    `first` and `ms`. `finished` is False where the asker left before the end. `nonces` are those of the last message.
    The provider may have seen it `seen_late` after it came, being busy: that time is in none of the others.
    """

    number: int
    at: float
    kind: str
    streamed: bool
    status: int
    finished: bool
    ms: float
    due: float
    first: float | None = None
    due_first: float | None = None
    gaps: tuple[float, ...] = ()
    nonces: tuple[str, ...] = ()
    seen_late: float = 0.0

    @property
    def ok(self) -> bool:
        return self.finished and self.status < 400


@dataclass(frozen=True)
class Joined:
    """A turn beside what its model took of it, joined by nonce; milliseconds, each of its own clock.

    What is left of `ms`, `first` and `gap` (the mean one) without the model's is the deployment's own. `due` is what
    the model's script says of `model_ms`, `due_first` of `model_first`. `calls` of the model for the chat: with none it
    was never asked, with several their times are left out. `failed`: the model refused; `model_left`: whoever had
    asked it left before its end. `seen_late` as in `ModelCall`.
    """

    at: float
    session: str
    journey: str
    way: str
    ended: str
    ms: float
    calls: int
    failed: bool
    model_ms: float | None = None
    due: float | None = None
    first: float | None = None
    model_first: float | None = None
    due_first: float | None = None
    gap: float | None = None
    model_gap: float | None = None
    stall: float | None = None
    model_stall: float | None = None
    seen_late: float = 0.0
    nonce: str = ""
    model_left: bool = False


@dataclass(frozen=True)
class Overhead:
    """A percentile of the deployment's own share, in milliseconds, with its interval; None where too few speak for it.

    `measure` is "turn", "ttft" (time to the first token) or "gap" (per token); `way` as in `Turned`.
    """

    measure: str
    way: str
    quantile: float
    value: float | None
    low: float | None
    high: float | None
    count: int
    sessions: int


@dataclass(frozen=True)
class Asked:
    """How often a model was asked for one kind of answer, and how often for each turn that was answered."""

    kind: str
    calls: int
    per_turn: float
