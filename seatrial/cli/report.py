"""`seatrial report`: make the reports of a run again."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from seatrial.errors import WrongUse


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--annotations", is_flag=True, help="Print what fails as GitHub's workflow commands, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON on standard output.")
def report(run: str, annotations: bool, as_json: bool) -> int:
    """Make report.html, report.md and junit.xml of a run folder again, and print its verdict.

    It reads the records and asks the target nothing. The exit code is the run's own.
    """
    if annotations and as_json:
        raise WrongUse("--annotations and --json both want standard output; give one")
    from rich.console import Console

    from reports import write_reports
    from reports.github import document
    from reports.terminal import summary
    from reports.verdict import judge
    from seatrial.records import RunFolder

    folder = RunFolder.open(run)
    loaded = folder.load()
    if loaded.command == "replay":
        raise WrongUse(f"{folder.path} is the folder of a replay: it told what came of it, and has no report")
    judgement = judge(loaded, folder)
    write_reports(folder)
    if annotations:
        click.echo(document(loaded, judgement), nl=False)
        return judgement.exit_code
    summary(loaded, judgement, folder, Console(stderr=as_json))
    if as_json:
        told = asdict(loaded) | {"folder": str(folder.path)}
        # As judged now: a run that was killed says nothing of it.
        told |= {"verdict": judgement.verdict, "exit_code": judgement.exit_code}
        told |= {} if loaded.sentence else {"sentence": judgement.sentence}
        click.echo(json.dumps(told, indent=2))
    return judgement.exit_code
