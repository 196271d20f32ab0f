"""What a person sees while long work goes on: what is done, for how long, and how much longer it takes.

Nothing of it is printed where no terminal is. A line of it fits 80 columns.
"""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

LABEL = 34
"""Characters of what is being done, so that the rest has room."""


class Left(ProgressColumn):
    """About how much longer, by the pace so far; nothing while that cannot be told."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        left = task.time_remaining
        return Text("" if left is None or task.finished else f"about {minutes(left)} left")


class BudgetLeft(ProgressColumn):
    """What is left of a budget of so many seconds, from the start of the task on."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._until = time.monotonic() + seconds

    def render(self, task: Task) -> Text:
        return Text(f"{minutes(max(0.0, self._until - time.monotonic()))} of the budget left")


def minutes(seconds: float) -> str:
    """A stretch of time as one reads it off a clock: `0:42`, `12:05`, `1:02:30`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _description() -> TextColumn:
    """What is being done; brackets in it are its own."""
    return TextColumn("{task.description}", markup=False)


def steps(console: Console, *, each: float = 0.1) -> Progress:
    """For work of a known number of steps; until that is known, the bar says only that something goes on.

    It is drawn once in `each` seconds: seldom where it shares the machine with what is measured.
    """
    columns = (_description(), BarColumn(bar_width=16), TimeElapsedColumn(), Left())
    return Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal, refresh_per_second=1 / each
    )


def budget(console: Console, seconds: float) -> Progress:
    """For work that goes on until it knows its answer, or its time is over; drawn seldom, since it is measured."""
    columns = (SpinnerColumn(), _description(), TimeElapsedColumn(), BudgetLeft(seconds))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal, refresh_per_second=1)
