"""The deployment beside the model behind it: who took the time of a turn, and how often a model was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.charts.chart import (
    ROW,
    Chart,
    Spec,
    Values,
    chart,
    coloured,
    layers,
    marks,
    names,
    quantity,
    room,
    tip,
)
from reports.charts.drawing import C1, C2, C4, SOFT, WIDTH
from reports.charts.latency import spread_chart
from reports.digest import Digest
from reports.measured import voided
from reports.overhead import Overheads, Share
from reports.wording import counted, duration, line, percent
from seatrial.records import Run

MODEL, LATE, OWN = "the model, as its script says", "the model, later than that", "the deployment"
KINDS = {MODEL: C1, LATE: C4, OWN: C2}
HEAD = [
    "Measure",
    "Turns joined",
    "Waited",
    "Model",
    "Later than its script",
    "Overhead",
    "Overhead share",
    "Seen late",
]
SPREAD = ["Measure", "Number", "p50", "p95", "p99", "Longest"]


def charts(run: Run, digest: Digest) -> Iterator[Chart]:
    overhead = digest.overhead
    if overhead.shares:
        yield _parts(overhead, voided(run))
        told = f"What each turn took less what its model took{voided(run)}; "
        told += "where that is below nothing, it is the clocks' noise."
        per_turn, per_token = ([one.spread for one in _of_gaps(overhead, which)] for which in (False, True))
        yield spread_chart("overhead-spread", "How the overhead is spread", told, per_turn, SPREAD, per_token)
    if overhead.asked:
        yield _calls(overhead)


def means(share: Share) -> list[str]:
    """The cells of a measure: means, of which the model's and the deployment's own make up what was waited."""
    own = share.waited - share.model
    return [
        share.name, f"{len(share):,}",
        *(duration(share.mean(total)) for total in (share.waited, share.model, share.late, own)),
        percent(max(0.0, own), share.waited), duration(share.mean(share.doubt)),
    ]  # fmt: skip


def of_turns(overhead: Overheads) -> str:
    """Of which turns this is said."""
    rest = overhead.turns - overhead.counted
    left = (
        f" The other {rest:,} were not done, began in the warm-up or after the end, or asked no model or several times."
        if rest
        else ""
    )
    return f"On average over {counted(overhead.counted, 'turn')} that asked the model once.{left}"


def _of_gaps(overhead: Overheads, which: bool) -> list[Share]:
    """Those of gaps, or the others: a gap that is drawn beside a turn cannot be seen."""
    return [share for share in overhead.shares if (share.measure == "gap") is which]


def _parts(overhead: Overheads, doubt: str) -> Chart:
    drawn = _of_gaps(overhead, False)
    parts = [(share, *part) for share in drawn for part in _split(share)]
    colours = {kind: ink for kind, ink in KINDS.items() if any(kind == which for _, which, *_ in parts)}
    order = list(colours)
    values: list[Values] = [
        {"name": share.name, "from": begins, "to": ends, "kind": kind,
         "tip": tip(order.index(kind), f"{share.name}: {kind}, {duration(ends - begins)} of "
                                       f"{duration(share.mean(share.waited))}")}
        for share, kind, begins, ends in parts
    ]  # fmt: skip
    spec = _spec(drawn, values) if values else None
    rows = [means(share) for share in overhead.shares]
    caption = of_turns(overhead) + doubt
    return chart("overhead-parts", "Who took the time of a turn", caption, spec, colours, HEAD, rows)


def _split(share: Share) -> Iterator[tuple[str, float, float]]:
    """Behind one another: the model by its script, what it was late, and the rest; where each begins and ends."""
    model, late, waited = (share.mean(total) for total in (share.model, share.late, share.waited))
    begins = 0.0
    for kind, ends in zip(KINDS, (model - late, model, waited), strict=True):
        if ends > begins:
            yield kind, begins, ends
            begins = ends


def _spec(drawn: Sequence[Share], values: Sequence[Values]) -> Spec:
    left = int(room(share.name for share in drawn))
    x = quantity("from", "milliseconds, on average", axis={"grid": True}, nice=False)
    y = names("name", values)
    waited = [(share.name, share.mean(share.waited)) for share in drawn]
    ends = [{"name": name, "to": ms, "said": duration(ms)} for name, ms in waited]
    return layers(
        marks("bar", values, {"x": x, "x2": {"field": "to"}, "y": y, "color": coloured("kind", KINDS)}, size=16),
        marks("text", ends, {"x": x | {"field": "to"}, "y": y, "text": {"field": "said"}},
              align="left", dx=6, color=SOFT),
        width=WIDTH - 90 - left, height=ROW * len(drawn),
    )  # fmt: skip


def _calls(overhead: Overheads) -> Chart:
    rows = [[line(one.kind, 40), f"{one.calls:,}", f"{one.per_turn:.3g}"] for one in overhead.asked]
    more = "; what is no chat is asked by the deployment of its own accord" if len(rows) > 1 else ""
    caption = f"{overhead.per_turn:.3g} for each turn that was answered{more}."
    return Chart("model-calls", "Calls of the model", caption, "", (), ["Asked for", "Calls", "Calls per turn"], rows)
