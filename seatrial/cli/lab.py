"""`seatrial lab`: start something to point at.

Each command runs until Ctrl-C, prints one line `ready URL` when it answers, and leaves nothing running behind.
"""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.lab_openwebui import openwebui
from seatrial.cli.lab_proxy import proxy
from seatrial.cli.lab_ready import banner, json_option
from seatrial.cli.lab_reference import reference
from seatrial.cli.lab_script import script_options
from seatrial.lab.provider import create_app
from seatrial.lab.script import Script
from seatrial.lab.serving import LOOPBACK, serve


@click.group()
def lab() -> None:
    """Start something to point Seatrial at.

    Every command stays in the foreground until Ctrl-C and prints one line `ready URL` when it answers, so that a
    script can wait for it. Nothing listens beyond this machine unless you say so.
    """


@lab.command()
@click.option("--host", default=LOOPBACK, show_default=True, help="0.0.0.0 lets a container reach it.")
@click.option("--port", default=9091, show_default=True, help="0 takes a free one.")
@json_option
@script_options
def provider(script: Script, record: Path | None, host: str, port: int, as_json: bool) -> None:
    """A model server in the shape of OpenAI's that costs nothing and always says the same.

    Give your deployment URL/v1 as its OpenAI connection, with any key. Each reply repeats the last user message
    exactly, so what arrives can be compared with what was sent, and the timing is what you set here:

    \b
        seatrial lab provider --first-token 0.3 --gap 0.02 --record calls.jsonl
    """
    serve(create_app(script, record), host=host, port=port, banner=banner(as_json))


lab.add_command(openwebui)
lab.add_command(proxy)
lab.add_command(reference)
