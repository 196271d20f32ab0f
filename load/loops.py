"""What kind of load it was, in words: closed loop or open, how much was asked for, and how well that was kept."""

from __future__ import annotations

import math

from load import stages
from seatrial.evidence import SAMPLES
from seatrial.records import RunFolder
from seatrial.samples import Arrival
from seatrial.settings import Settings

CLOSED_LOOP = (
    "closed loop: each user waits for an answer before the next request, so a stalled target is asked less often; "
    "latencies run from the send and leave out how long a request would have waited for it (coordinated omission)"
)


def offered(settings: Settings) -> str:
    """The load asked for, in words: 20 users, 5 to 50 users, 2 sessions/s."""
    plan = stages.of(settings)
    levels = [level for stage in plan for level in (stage.level, stage.to) if level is not None]
    span = f"{min(levels):g}" if min(levels) == max(levels) else f"{min(levels):g} to {max(levels):g}"
    return f"{span} {'sessions/s' if plan[0].rate else 'users'}"


def loop(settings: Settings, folder: RunFolder, counts: dict[str, int], lasted: float) -> str:
    """What kind of load it was; of an open loop how well it was kept, in words and in the counts.

    `lasted` are the seconds that were played: less than were asked for where somebody stopped it.
    """
    plan = stages.of(settings)
    if not plan[0].rate:
        return CLOSED_LOOP
    arrivals = list(folder.rows(SAMPLES, Arrival))
    late = sorted(arrival.late for arrival in arrivals if arrival.started)
    counts["arrivals"], counts["not_started"] = len(arrivals), len(arrivals) - len(late)
    if not late:
        return "open loop: not one session was started"
    seconds = min(lasted or math.inf, stages.length(plan))
    return (
        f"open loop: {stages.offered(plan, seconds) / seconds:.3g} sessions/s offered, "
        f"{len(late) / seconds:.3g}/s started, "
        f"late by {late[len(late) // 2]:.1f} ms (median) and {late[-1]:.1f} ms (longest)"
    )
