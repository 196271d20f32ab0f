"""A comparison's ratios as a table: at a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.wording import line, points
from seatrial.ratios import Ratio

HEAD = ("ms", "A", "B", "change", "between", "limit", "", "finds")
WORDS = {"pass": "pass", "fail": "FAIL", "inconclusive": "open"}


def show(rows: Sequence[Ratio], console: Console) -> None:
    """Print what was judged, then what informs."""
    table = Table(*HEAD, box=None, header_style="bold", padding=(0, 1, 0, 0))
    for column in table.columns[1:6]:
        column.justify = "right"
    for row in cells(rows):
        table.add_row(*map(Text, row))
    if table.row_count:
        console.print(table)
        console.print("between: 95 % on each side; finds: the change that 8 such runs of 10 find", style="dim")
    for why in dict.fromkeys(row.why for row in rows if row.ratio is None and row.why):
        names = ", ".join(_name(row) for row in rows if row.ratio is None and row.why == why)
        console.print(Text(f"{names}: {line(why, 80)}"), style="dim")


def cells(rows: Iterable[Ratio]) -> list[tuple[str, ...]]:
    """The cells of the table, row by row. Times are milliseconds; `finds` is the change found in 8 runs of 10."""
    return [_cells(row) for row in rows]


def _cells(row: Ratio) -> tuple[str, ...]:
    name = _name(row)
    if row.measure == "failed":
        limit = points(row.limit, "+g") if row.limit else ""
        shares = (f"{row.a:.2%}", f"{row.b:.2%}", points(row.b - row.a, "+.2f"), "", limit)
        return (name, *shares, WORDS.get(row.verdict, ""), "")
    if row.ratio is None:
        return name, "", "", "", "", "", WORDS.get(row.verdict, "not judged"), ""
    between = f"{_change(row.low)}..{_change(row.high)}" if row.low is not None and row.high is not None else ""
    limit, finds = _change(row.limit), _change(row.finds)
    return name, _ms(row.a), _ms(row.b), _change(row.ratio), between, limit, WORDS.get(row.verdict, ""), finds


def _name(row: Ratio) -> str:
    return line(f"{row.operation} {row.measure}".strip(), 40)


def _change(ratio: float | None) -> str:
    """In whole percent: intervals are wider than that."""
    return "" if ratio is None else f"{(ratio - 1) * 100:+.0f}%" if ratio < 10 else f"x{ratio:.0f}"


def _ms(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}"
