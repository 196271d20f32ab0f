"""The end of a run: its record and reports, as far as the disk takes them."""

from __future__ import annotations

from dataclasses import replace

from reports import write_reports
from seatrial.cli.telling import tell
from seatrial.errors import Inconclusive
from seatrial.records import Run, RunFolder


def written(run: Run, folder: RunFolder) -> Run:
    """Save the run and make its reports. With a full disk: one line, and exit code 3 unless a failure is proved."""
    try:
        folder.save(run)
        write_reports(folder)
    except Inconclusive as error:
        tell(str(error))
        return replace(run, problem=run.problem or str(error), exit_code=run.exit_code or error.exit_code)
    return run
