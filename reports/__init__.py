"""Folds over a run folder: the verdict, and the reports made from its records, as often as wanted.

`write_reports(folder)` is what `seatrial report RUN` does. Reports make no request and change no record.
"""

from __future__ import annotations

from pathlib import Path

from seatrial.records import RunFolder


def write_reports(folder: RunFolder) -> list[Path]:
    """Write report.html, report.md and junit.xml beside the records. Raises `Inconclusive` when the disk is full."""
    # Imported here: reading one module of this package must not load the chart and page engines.
    from reports import html, junit, markdown
    from reports.verdict import judge

    run = folder.load()
    judgement = judge(run, folder)
    return [
        folder.write("junit.xml", junit.document(run, judgement)),
        folder.write("report.md", markdown.document(run, judgement, folder)),
        folder.write("report.html", html.page(run, judgement, folder)),
    ]
