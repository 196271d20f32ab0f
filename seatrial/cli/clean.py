"""`seatrial clean`: remove what an interrupted run left on its target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from seatrial.cli.options import common_options, settings_from


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@common_options
def clean(run: str | None, as_json: bool, **options: Any) -> int:
    """Remove what an interrupted run left on its target. Without RUN: of every run under seatrial-runs/.

    The run folder's ledger names what was made; give the credentials that the run had (they are stored nowhere).
    What carries the run's marker is found even if its creation was never confirmed; what carries none is told.

    \b
        seatrial clean seatrial-runs/20260131-101500-verify-1a2b --admin you@example.org
    """
    import json

    from seatrial.cleaning import clean_up
    from seatrial.errors import EXIT_INCONCLUSIVE, WrongUse
    from seatrial.ledger import left_open
    from seatrial.records import RunFolder

    settings = settings_from(options)
    if run and _never_begun(Path(run)):
        click.echo(f"{run}: the run was ended before it made anything", err=as_json)
        return 0
    folders = _with_levels([RunFolder.open(run)] if run else _runs(Path("seatrial-runs")))
    told: dict[str, list[str]] = {}
    for folder in folders:
        entries = left_open(folder.path)
        if not entries:
            if run and folder is folders[0]:
                click.echo(f"{folder.path}: nothing was left behind", err=as_json)
            continue
        loaded = _mustered(folder)
        if not loaded.target:
            raise WrongUse(f"{folder.path} does not say what its target was")
        click.echo(f"{folder.path}: {len(entries)} to look after on {loaded.target}", err=as_json)
        left = clean_up(replace(settings, url=settings.url or loaded.target), folder, loaded)
        folder.save(replace(folder.load(), left_behind=left))
        told[str(folder.path)] = left
        for line in left or ["nothing is left"]:
            click.echo(f"  {line}", err=as_json)
    if not told and not run:
        click.echo("no run under seatrial-runs/ left anything behind", err=as_json)
    if as_json:
        click.echo(json.dumps({"left_behind": told}, indent=2))
    return EXIT_INCONCLUSIVE if any(told.values()) else 0


def _never_begun(path: Path) -> bool:
    """Whether a kill came between making the folder and writing down what is run: the ledger is there, and empty."""
    ledger = path / "ledger.jsonl"
    return ledger.is_file() and not (path / "run.json").exists() and ledger.stat().st_size == 0


def _mustered(folder: Any) -> Any:
    """The run; a load that was killed names its marker and accounts in its progress only."""
    from load.progress import FILE, Mustered

    run, mustered = folder.load(), next(folder.rows(FILE, Mustered), None)
    if run.command not in ("load", "compare") or mustered is None:
        return run
    return replace(run, id=mustered.marker, api=mustered.api, accounts=run.accounts or mustered.accounts)


def _with_levels(folders: list[Any]) -> list[Any]:
    """A search for a capacity has a run for each level, a comparison one for each side and its verification.

    A run's own accounts come first: they take their chats along.
    """
    from seatrial.ratios import SIDES
    from seatrial.records import RunFolder

    patterns = ["levels/*", *SIDES, "verify-*"]
    inner = [
        path.parent for f in folders for pattern in patterns for path in sorted(f.path.glob(f"{pattern}/run.json"))
    ]
    return [*folders, *map(RunFolder, inner)]


def _runs(parent: Path) -> list[Any]:
    from seatrial.records import RunFolder

    return [RunFolder.open(path.parent) for path in sorted(parent.glob("*/run.json"))]
