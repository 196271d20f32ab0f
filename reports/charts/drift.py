"""How the contract drifted from A to B, where a comparison held both to it: in sentences, by operation."""

from __future__ import annotations

from collections.abc import Iterator

from reports.charts.chart import Chart
from reports.digest import Digest
from reports.sentences import sentence
from reports.wording import counted, line
from seatrial.records import Run

NONE = "nothing: operations, statuses, media types and fields are the same"


def charts(run: Run, digest: Digest) -> Iterator[Chart]:
    if digest.drifted is None:
        return
    rows = [[line(one.operation, 80), line(sentence(one), 400)] for one in digest.drifted]
    fails = "It fails B here." if run.strict else "It fails B with --strict only."
    told = f"{counted(len(rows), 'change')} from A to B. {fails}" if rows else "Both answer alike."
    yield Chart("drift", "Drift", told, "", (), ["Operation", "What changed"], rows or [["all operations", NONE]])
