"""`seatrial lab reference`: the Session API, by itself or in front of a real Open WebUI."""

from __future__ import annotations

import os
from typing import Any

import click

from seatrial.cli.lab_ready import banner, json_option
from seatrial.cli.options import SECONDS, settings_from
from seatrial.contract import SESSIONS, Contract
from seatrial.errors import WrongUse
from seatrial.lab.reference import create_app
from seatrial.lab.serving import LOOPBACK, bound, serve
from seatrial.lab.upstream import Upstream
from seatrial.settings import gather


@click.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="0.0.0.0 lets a container reach it.")
@click.option("--port", default=9090, show_default=True, help="0 takes a free one.")
@click.option("--token", multiple=True, metavar="TOKEN",
              help="An owner of sessions; repeatable. Without one, everything is open. With --upstream: the account's "
              "token. TEXT, @FILE, or better: in SEATRIAL_TOKEN.")  # fmt: skip
@click.option("--database", metavar="FILE", help="Keep sessions in this SQLite file. [default: in memory]")
@click.option("--contract", metavar="FILE", help="A copy of openapi.yaml with your paths and parameter names.")
@click.option("--upstream", metavar="URL", help="An Open WebUI to put the six operations in front of.")
@click.option("--account", multiple=True, metavar="EMAIL:PASSWORD",
              help="The account to work as there. EMAIL alone asks. Better in SEATRIAL_ACCOUNT.")  # fmt: skip
@click.option("--model", metavar="ID", help="The model that answers there. [default: the first one visible]")
@click.option("--ca-file", metavar="FILE", help="The authority that signed its certificate (PEM).")
@click.option("--timeout", type=SECONDS, help="How long one request to it may take. [default: 30s]")
@json_option
def reference(host: str, port: int, database: str | None, upstream: str | None, as_json: bool, **options: Any) -> None:
    """The Session API: six operations to create, list and delete sessions, send messages and read them again.

    By itself it answers from a script and needs no credentials. Requests that bring their own credentials to
    --upstream use those; all others work as the account given here, so let nobody else reach this port.

    \b
        seatrial lab reference
        seatrial lab reference --token ana --token rui --database sessions.db
        seatrial lab reference --upstream https://chat.example.org --account you@example.org
    """
    bound(host, port).close()  # known before anybody is signed in
    # By itself it is no deployment of anybody's, and what seatrial.toml says of one is not about it.
    own = {name: os.environ.get(name, "") for name in ("SEATRIAL_TOKEN", "SEATRIAL_CONTRACT")}
    settings = settings_from({**options, "url": upstream}) if upstream else gather(options, own)
    contract = Contract.load(settings.contract)
    ready = banner(as_json, contract.prefix(SESSIONS))
    if upstream is not None:
        if database is not None:
            raise WrongUse("--database is for the reference's own sessions; with --upstream Open WebUI keeps them")
        app = create_app(contract, upstream=Upstream.reach(settings))
    else:
        if options["account"]:
            raise WrongUse("--account names an account of an Open WebUI; it needs --upstream")
        app = create_app(contract, tokens=settings.token, database=database or ":memory:")
    serve(app, host=host, port=port, banner=ready)
