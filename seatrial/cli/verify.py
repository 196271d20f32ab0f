"""`seatrial verify`: hold a deployment to the contract."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from seatrial.cli.options import common_options, settings_from


@click.command()
@click.argument("url", required=False)
@click.option("--depth", type=click.Choice(["quick", "full"]), help="How many requests are generated. [default: quick]")
@click.option("--strict", is_flag=True, help="Drift fails the run too.")
@click.option("--baseline", metavar="RUN", help="An earlier run folder: what failed there too does not fail this run.")
@click.option("--load", "with_load", is_flag=True, help="Follow with a short load of whole sessions.")
@click.option("--yes", is_flag=True, help="Do not ask before loading a deployment that is not on this machine.")
@common_options
def verify(url: str | None, with_load: bool, yes: bool, as_json: bool, **options: Any) -> int:
    """Hold a deployment to the contract. Without a URL: the reference server, started for this.

    It works as throwaway accounts that an administrator lets it make, and removes them with all they have. It
    changes no setting. With two --token or --account it works as those, in sessions of its own; with one it skips
    what needs two.

    \b
        seatrial verify https://chat.example.org --admin you@example.org
        seatrial verify http://localhost:9090 --api sessions --depth full
        SEATRIAL_TOKEN=... seatrial verify https://chat.example.org --out run --strict
    """
    # Imported here: `seatrial --help` lists this command and should not wait for the rest.
    from rich.console import Console

    from seatrial.cli.consent import consent
    from seatrial.cli.contact import run_folder
    from seatrial.cli.verification import SHORT_LOAD, run_verification

    settings = settings_from(options | {"url": url})
    if with_load:
        consent(settings, yes, f"{SHORT_LOAD['users']} users on {settings.url} for {SHORT_LOAD['duration']:g} s")
    console = Console(stderr=as_json)
    with run_folder(settings, "verify") as folder:
        run = run_verification(settings, folder, console, with_load=with_load)
    if as_json:
        click.echo(json.dumps(asdict(run) | {"folder": str(folder.path)}, indent=2))
    return run.exit_code or 0
