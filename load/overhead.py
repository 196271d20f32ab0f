"""The deployment's own share of a turn: what the person waited less what the model took, joined by nonce.

    learned = learn(settings.provider, folder, marker, since, until)
    learned.counts, learned.notes

Only durations are subtracted, each from its own clock. A request that asks no model is the deployment's own from its
start to its end, and needs no join. `overhead.jsonl` has `Joined`, `Overhead` and `Asked`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from statistics import fmean

from load.objectives import shown
from load.provider import FILE, fetch
from seatrial.evidence import SAMPLES
from seatrial.measuring import estimates, nearest
from seatrial.records import Recorder, RunFolder
from seatrial.samples import Asked, Joined, ModelCall, Overhead, Turned

OVERHEAD = "overhead.jsonl"
QUANTILES = (0.5, 0.95)
MEASURES = {"turn": "whole turn", "ttft": "time to first token", "gap": "per token"}


@dataclass
class Learned:
    """What the provider's record adds to `run.json`."""

    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def learn(url: str, folder: RunFolder, marker: str, since: float, until: float) -> Learned:
    """Fetch the provider's record, join it with the turns, and write what comes of it.

    Times count from the second `since` to the second `until` of the load, as all others do; calls count always.
    """
    missing = fetch(url, folder)
    calls = list(folder.rows(FILE, ModelCall))
    ours = _by_nonce(calls, f"[{marker}")  # those of several workers go on behind it
    rows = [_joined(turned, ours.get(turned.nonce, ())) for turned in folder.rows(SAMPLES, Turned) if turned.nonce]
    measured = [row for row in rows if row.ended == "done" and row.calls == 1 and since <= row.at < until]
    shares = [share for way in dict.fromkeys(row.way for row in measured) for share in _shares(way, measured)]
    asked = _asked(ours, sum(row.ended == "done" for row in rows))
    recorder = Recorder(folder.path / OVERHEAD)
    for record in (*rows, *shares, *asked):
        recorder.write(record)
    recorder.close()
    counts = {"model_calls": sum(map(len, ours.values())), "joined_turns": sum(row.calls > 0 for row in rows)}
    counts |= {f"model_calls_{one.kind}": one.calls for one in asked}
    made = [call for calls in ours.values() for call in calls]
    return Learned(counts, list(_told(url, missing, made, rows, measured, shares, asked)))


def _by_nonce(calls: Sequence[ModelCall], ours: str) -> Mapping[str, list[ModelCall]]:
    """Calls by the turn that they were made for: a title is asked for with the chat so far, whose last turn it is."""
    found: dict[str, list[ModelCall]] = defaultdict(list)
    for call in calls:
        mine = [nonce for nonce in call.nonces if nonce.startswith(ours)]
        if mine:
            found[mine[-1]].append(call)
    return found


def _joined(turned: Turned, calls: Sequence[ModelCall]) -> Joined:
    chats = [call for call in calls if call.kind == "chat"]
    bare = Joined(
        turned.at, turned.session, turned.journey, turned.way, turned.ended, turned.ms,
        len(chats), failed=any(call.status >= 400 for call in chats), nonce=turned.nonce,
    )  # fmt: skip
    if len(chats) != 1:
        return bare
    (call,) = chats
    streamed = call.streamed and turned.first is not None
    gaps = streamed and turned.gaps and call.gaps
    return replace(
        bare,
        model_ms=call.ms,
        due=call.due,
        first=turned.first if streamed else None,
        model_first=call.first if streamed else None,
        due_first=call.due_first if streamed else None,
        gap=round(fmean(turned.gaps), 3) if gaps else None,
        model_gap=round(fmean(call.gaps), 3) if gaps else None,
        stall=max(turned.gaps) if gaps else None,
        model_stall=max(call.gaps) if gaps else None,
        seen_late=call.seen_late,
        model_left=not call.finished,
    )


def own(row: Joined, measure: str) -> float | None:
    """The deployment's own milliseconds of a turn; None where it has no such measure."""
    whole, model = {
        "turn": (row.ms, row.model_ms),
        "ttft": (row.first, row.model_first),
        "gap": (row.gap, row.model_gap),
    }[measure]
    return None if whole is None or model is None else whole - model


def _shares(way: str, rows: Sequence[Joined]) -> Iterator[Overhead]:
    for measure in MEASURES:
        pairs = [(ms, row.session) for row in rows if row.way == way and (ms := own(row, measure)) is not None]
        if not pairs:
            continue
        times, sessions = zip(*pairs, strict=True)
        for quantile, one in zip(QUANTILES, estimates(times, sessions, QUANTILES), strict=True):
            value, low, high = (None if ms is None else round(ms, 3) for ms in (one.value, one.low, one.high))
            yield Overhead(measure, way, quantile, value, low, high, one.count, one.sessions)


def overheads(folder: RunFolder) -> Iterator[tuple[str, str, list[Overhead]]]:
    """What is known of the deployment's own share: way, measure, and its percentiles in the order of `QUANTILES`."""
    for (way, measure), rows in groupby(folder.rows(OVERHEAD, Overhead), key=lambda one: (one.way, one.measure)):
        yield way, measure, list(rows)


def _asked(ours: Mapping[str, Sequence[ModelCall]], answered: int) -> list[Asked]:
    kinds = Counter(call.kind for calls in ours.values() for call in calls)
    return [Asked(kind, calls, round(calls / max(1, answered), 3)) for kind, calls in kinds.most_common()]


def _told(
    url: str,
    missing: str,
    calls: Sequence[ModelCall],
    rows: Sequence[Joined],
    measured: Sequence[Joined],
    shares: Sequence[Overhead],
    asked: Sequence[Asked],
) -> Iterator[str]:
    if missing:
        yield f"{missing}, so that the deployment's own overhead is not known of every turn"
    if not any(row.calls for row in rows):
        if not missing:
            yield f"no prompt of this load came to the provider at {url}: another model answers there"
        return
    said: dict[str, list[str]] = defaultdict(list)
    for one in shares:
        if one.value is not None:
            said[f"{MEASURES[one.measure]} ({one.way})"].append(f"p{100 * one.quantile:g} {shown(one.value)}")
    told = "; ".join(f"{measure} {' and '.join(values)}" for measure, values in said.items()) or "too few to say"
    yield f"the deployment's own overhead, {len(measured):,} turns joined by nonce with the provider's record: {told}"
    total = sum(one.per_turn for one in asked)
    kinds = ", ".join(f"{one.kind} {one.per_turn:.3g}" for one in asked)
    yield f"model calls per answered turn: {total:.3g} ({kinds})"
    late = sorted(call.ms - call.due for call in calls if call.ok)
    if late:
        ended, seen = nearest(late, 0.95), nearest(sorted(call.seen_late for call in calls), 0.95)
        yield (
            f"the provider ended its replies {shown(ended)} later than its script has it (p95), and may have seen "
            f"calls {shown(seen)} late (p95): by so much the overhead may be too large"
        )
