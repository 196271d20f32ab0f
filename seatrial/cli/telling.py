"""What a user is told when something is wrong: one line on standard error."""

from __future__ import annotations

import click


def tell(message: str) -> None:
    """One line, whatever the message quotes: a target's answer may hold line ends and a terminal's escapes."""
    shown = "".join(c if c.isprintable() else " " for c in message)
    click.echo(f"seatrial: {' '.join(shown.split())}", err=True)
