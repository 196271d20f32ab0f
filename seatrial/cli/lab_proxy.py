"""`seatrial lab proxy`: a fault between a client and any deployment, or the list of faults."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from seatrial.cli.lab_ready import banner
from seatrial.cli.telling import tell
from seatrial.contract import SESSIONS, Contract
from seatrial.errors import WrongUse
from seatrial.lab.faults import CATALOGUE, Fault, named
from seatrial.lab.serving import LOOPBACK, serve


@click.command()
@click.option("--upstream", metavar="URL", help="The deployment that stands behind.")
@click.option("--fault", "name", metavar="NAME", help="What is broken. Without one, everything passes unchanged.")
@click.option("--list", "listed", is_flag=True, help="Show the catalogue and stop.")
@click.option("--host", default=LOOPBACK, show_default=True, help="0.0.0.0 lets a container reach it.")
@click.option("--port", default=9092, show_default=True, help="0 takes a free one.")
@click.option("--contract", metavar="FILE", help="A copy of openapi.yaml with your paths and parameter names.")
@click.option("--json", "as_json", is_flag=True, help="Show the catalogue, or say that it answers, as JSON.")
def proxy(
    upstream: str | None, name: str | None, listed: bool, host: str, port: int, contract: str | None, as_json: bool
) -> None:
    """Break one thing between a client and any deployment, to see what turns red.

    Everything else passes unchanged: bodies as they arrive, headers, WebSockets. Point Seatrial, or your own
    monitoring, at the proxy in place of the deployment. Use it with accounts that you can lose: some faults delete or
    show what they should not, with the credentials that passed through. Those that the list marks with "credentials" do
    nothing in front of a Session API that is open to everybody.

    \b
        seatrial lab proxy --list
        seatrial lab proxy --upstream http://localhost:9090 --fault message-lost
    """
    if listed:
        _show(as_json)
        return
    if upstream is None:
        raise WrongUse("--upstream URL is needed: what should stand behind the proxy")
    from seatrial.lab.proxy import Proxy  # imported here: the other commands start without it

    fault = named(name) if name else None
    app = Proxy(upstream, Contract.load(contract), fault)
    if fault and fault.credentials and SESSIONS in fault.apis:
        words = "shows only where requests bring credentials; in front of an open Session API it breaks nothing"
        tell(f"{fault.name} {words}")
    serve(app, host=host, port=port, banner=banner(as_json))


def _show(as_json: bool) -> None:
    console = Console()
    if as_json:
        shown = ("name", "kind", "apis", "rules", "words", "credentials")
        click.echo(json.dumps([{key: getattr(one, key) for key in shown} for one in CATALOGUE.values()], indent=2))
        return
    if not console.is_terminal:  # a line each, for scripts
        for fault in CATALOGUE.values():
            apis, rules = (",".join(names) for names in (fault.apis, fault.rules))
            click.echo(f"{fault.name}\t{fault.kind}\t{apis}\t{rules}\t{fault.words}\t{_needs(fault)}")
        return
    table = Table(box=None, padding=(0, 1))
    for heading in ("name", "class", "APIs", "needs", "what a user would notice"):
        table.add_column(heading, no_wrap=heading in ("name", "class", "needs"))
    for fault in CATALOGUE.values():
        table.add_row(fault.name, fault.kind, " ".join(fault.apis), _needs(fault), fault.words)
    console.print(table)


def _needs(fault: Fault) -> str:
    """What requests have to bring for it to show."""
    return "credentials" if fault.credentials else ""
