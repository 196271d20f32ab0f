"""`seatrial clean`: remove what an interrupted run left on its target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from seatrial.cli.options import settings_from, target_options
from seatrial.cli.telling import tell
from seatrial.errors import EXIT_INCONCLUSIVE, SeatrialError, WrongUse
from seatrial.settings import Settings

LONGEST = 1_000
"""Characters of what is left: one may be among several others, which are named."""


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--url", metavar="URL", help="Where its target answers now. [default: the run's target]")
@target_options
def clean(run: str | None, url: str | None, as_json: bool, **options: Any) -> int:
    """Remove what an interrupted run left on its target. Without RUN: of every run under seatrial-runs/.

    The run folder's ledger names what was made; give the credentials that the run had (they are stored nowhere).
    What carries the run's marker is found even if its creation was never confirmed; what carries none is told.

    \b
        seatrial clean seatrial-runs/20260131-101500-verify-1a2b --admin you@example.org
    """
    import json

    from reports import wording
    from seatrial.ledger import left_open
    from seatrial.leftovers import clean_up, forget
    from seatrial.records import RUNS, RunFolder

    settings = settings_from(options)
    if run and _never_begun(Path(run)):
        click.echo(f"{run}: the run was ended before it made anything", err=as_json)
        return 0
    told: dict[str, list[str]] = {}
    failed: dict[str, SeatrialError] = {}
    folders = _with_levels([RunFolder.open(run)] if run else _runs(RUNS, failed))
    work = [(folder, entries) for folder in folders if (entries := left_open(folder.path))]
    if url and len(targets := {_mustered(folder)[0].target for folder, _ in work if not _went(folder)}) > 1:
        where = ", ".join(sorted(wording.line(target, 80) for target in targets))
        raise WrongUse(f"something is left on {len(targets)} targets ({where}): name one RUN beside --url")
    if run and not work:
        click.echo(f"{folders[0].path}: nothing was left behind", err=as_json)
    met: dict[str, Settings | SeatrialError] = {}
    for folder, entries in work:
        try:
            if _went(folder):
                click.echo(f"{folder.path}: the server was started for this run, and ended with it", err=as_json)
                forget(folder)
                told[str(folder.path)] = []
                continue
            ran = _mustered(folder)
            loaded = ran[0]
            if not (url or loaded.target):
                raise WrongUse("the run does not say what its target was")
            known = _signed_in(replace(settings, url=url or loaded.target), loaded.api, met)
            where = wording.line(known.url, LONGEST)
            click.echo(f"{folder.path}: {len(entries)} to look after on {where}", err=as_json)
            for one in ran:
                left = clean_up(known, folder, one)
        except SeatrialError as error:  # what is left of other runs may be within reach
            failed[str(folder.path)] = error
            continue
        folder.save(replace(folder.load(), left_behind=left))
        told[str(folder.path)] = left
        for line in left or ["nothing is left"]:
            click.echo(f"  {wording.line(line, LONGEST)}", err=as_json)
    for path, problem in failed.items():
        tell(f"{path}: {problem}")
    if not told and not failed and not run:
        click.echo("no run under seatrial-runs/ left anything behind", err=as_json)
    if as_json:
        problems = {path: str(error) for path, error in failed.items()}
        click.echo(json.dumps({"left_behind": told, "failed": problems}, indent=2))
    codes = [error.exit_code for error in failed.values()]
    return min(codes, default=EXIT_INCONCLUSIVE if any(told.values()) else 0)


def _signed_in(settings: Settings, api: str, met: dict[str, Settings | SeatrialError]) -> Settings:
    """The settings with tokens in place of passwords: one of a target serves all that is to be cleaned there.

    Open WebUI takes fifteen sign-ins of an address in three minutes, and a load has a ledger for each of its workers.
    """
    from seatrial.cli.contact import signed_in

    target = settings.url or ""
    if target not in met:
        try:
            met[target], _ = signed_in(settings if api == "auto" else replace(settings, api=api))
        except SeatrialError as error:
            met[target] = error
    found = met[target]
    if isinstance(found, SeatrialError):
        raise found
    return found


def _never_begun(path: Path) -> bool:
    """Whether a kill came between making the folder and writing down what is run: the ledger is there, and empty."""
    ledger = path / "ledger.jsonl"
    return ledger.is_file() and not (path / "run.json").exists() and ledger.stat().st_size == 0


def _went(folder: Any) -> bool:
    """Whether its target was a server that was started for it, and what was made there went with that."""
    return folder.load().settings.get("embedded") is True


def _mustered(folder: Any) -> list[Any]:
    """The run, as those who worked in it: a load that was killed names its marker and accounts in its progress only.

    A verification that a load followed is two of these, with a marker each.
    """
    from load.progress import FILE, Mustered

    run, mustered = folder.load(), next(folder.rows(FILE, Mustered), None)
    if run.command not in ("verify", "load", "compare") or mustered is None:
        return [run]
    known = {row.get("label"): row for row in run.accounts}
    others = [row for row in mustered.accounts if run.command == "verify" or not known]
    accounts = [*known.values(), *(row for row in others if row["label"] not in known)]
    loaded = replace(run, id=mustered.marker, api=mustered.api, accounts=accounts)
    return [replace(run, accounts=accounts), loaded] if run.command == "verify" else [loaded]


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


def _runs(parent: Path, failed: dict[str, SeatrialError]) -> list[Any]:
    """Every run folder; one that cannot be read is told, and keeps nobody from the others."""
    from seatrial.records import RunFolder

    found = []
    for path in sorted(parent.glob("*/run.json")):
        try:
            found.append(RunFolder.open(path.parent))
        except SeatrialError as error:
            failed[str(path.parent)] = error
    return found
