"""`seatrial report`: make the reports of a run again."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON on standard output.")
def report(run: str, as_json: bool) -> int:
    """Make report.html, report.md and junit.xml of a run folder again, and print its verdict.

    It reads the records and asks the target nothing. The exit code is the run's own.
    """
    from rich.console import Console

    from reports import write_reports
    from reports.terminal import summary
    from reports.verdict import judge
    from seatrial.records import RunFolder

    folder = RunFolder.open(run)
    loaded = folder.load()
    judgement = judge(loaded, folder)
    write_reports(folder)
    summary(loaded, judgement, folder, Console(stderr=as_json))
    if as_json:
        click.echo(json.dumps(asdict(loaded) | {"folder": str(folder.path)}, indent=2, ensure_ascii=False))
    return judgement.exit_code
