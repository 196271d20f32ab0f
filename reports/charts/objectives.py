"""What a load was held to: each objective as a share of its limit, with the interval; and who kept it from them."""

from __future__ import annotations

from collections.abc import Iterator

from reports.charts.chart import Chart, chart
from reports.charts.dots import dots
from reports.charts.drawing import BAD, DIM, GOOD, WARN
from reports.digest import Digest, kind_of
from reports.wording import line, listed
from seatrial.records import Run
from seatrial.samples import Judged

KINDS = {"held": GOOD, "held, not proved": WARN, "missed": BAD, "unsupported": DIM}
LEAST = 0.01
"""Of the limit: what is nearer to nothing is drawn there."""


def charts(_: Run, digest: Digest) -> Iterator[Chart]:
    if not digest.objectives:
        return
    found = [(line(one.objective, 60), *shares) for one in digest.objectives if (shares := _shares(one))]
    rows = [[line(one.objective, 80), kind_of(one), line(one.said, 200)] for one in digest.objectives]
    counts = {kind_of(one): 0 for one in digest.objectives}
    for one in digest.objectives:
        counts[kind_of(one)] += 1
    spec = dots(found, KINDS, "share of the limit", {"limit": 1.0}, percent=True) if found else None
    caption = f"{listed([f'{number} {kind}' for kind, number in counts.items()])}."
    used = {kind: KINDS[kind] for kind in KINDS if spec}
    yield chart("objective-shares", "Objectives beside their limits", caption, spec, used,
                ["Objective", "Verdict", "Measured"], rows)  # fmt: skip
    limited = [one for one in digest.objectives if one.limited_by]
    if told := [[line(one.objective, 80), line(one.limited_by, 20), line(one.limited_why, 200)] for one in limited]:
        caption = "Of what was missed. The server is the deployment itself, the provider the model behind it."
        yield Chart("limits", "Who was the limit", caption, "", (), ["Objective", "Limited by", "Why"], told)


def _shares(one: Judged) -> tuple[float, float, float, str, str] | None:
    if one.verdict == "void" or not one.limit or one.value is None or one.low is None or one.high is None:
        return None
    value, low, high = (max(LEAST, number / one.limit) for number in (one.value, one.low, one.high))
    return value, low, high, kind_of(one), f"{line(one.objective, 60)}: {kind_of(one)}, {line(one.said, 160)}"
