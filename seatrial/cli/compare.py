"""`seatrial compare`: two runs side by side."""

from __future__ import annotations

import json

import click

from seatrial.errors import WrongUse


@click.command()
@click.argument("a", metavar="RUN_A")
@click.argument("b", metavar="RUN_B")
@click.option("--strict", is_flag=True, help="Drift fails the comparison too.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON on standard output.")
def compare(a: str, b: str, strict: bool, as_json: bool) -> int:
    """Judge run B against run A: which operations, statuses and fields came, went or changed, which findings are new.

    A and B are run folders of `seatrial verify`. It asks no target anything. Exit code 0: nothing that fails is new;
    1: B has a new finding that fails, or there is drift with --strict; 3: the runs cannot be compared.

    \b
        seatrial verify https://chat.example.org --out before
        seatrial verify https://chat.example.org --out after       # once it is upgraded
        seatrial compare before after
    """
    from rich.console import Console

    from reports.comparison import Comparison
    from seatrial.records import RunFolder

    for place in (a, b):
        if "://" in place:
            raise WrongUse("live targets cannot be compared yet: verify each, and compare the two run folders")
    compared = Comparison.of(RunFolder.open(a), RunFolder.open(b))
    if as_json:
        click.echo(json.dumps(compared.document(strict), indent=2, ensure_ascii=False))
    else:
        compared.show(Console(), strict)
    return compared.exit_code(strict)
