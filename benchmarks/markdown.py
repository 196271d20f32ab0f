"""Tables in Markdown, and how their numbers are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seatrial.contract import SESSIONS

NOT_RUN = ["Not run yet."]


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; a head that ends with a colon stands over numbers. Without rows: that it was not run."""
    body = [f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    if not body:
        return NOT_RUN
    line = "|".join("---:" if head.endswith(":") else "---" for head in heads)
    return [f"| {' | '.join(head.rstrip(':') for head in heads)} |", f"|{line}|", *body]


def verdicts(rows: Iterable[tuple[str, bool | None]]) -> list[str]:
    """A table of what was asked for, in words, and whether it came; None where that is not known yet."""
    said = {True: "held", False: "**missed**", None: "not yet"}
    return table(["asked, and seen", ""], [[words, said[held]] for words, held in rows])


def put_in(text: str, script: str, lines: Sequence[str]) -> str:
    """The page with the part that a script writes written anew: between its two marks, or at the end of the page."""
    begin, end = f"<!-- written by {script} -->", "<!-- end -->"
    before, mark, rest = text.partition(begin)
    after = rest.partition(end)[2] if mark else "\n"
    return before.rstrip() + "\n\n" + "\n".join([begin, *lines, end]) + after


def number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """With a decimal only where it says something."""
    return "-" if share is None else f"{share:.1%}".replace(".0%", "%")


def target(api: str) -> str:
    return "Session API" if api == SESSIONS else "Open WebUI"
