"""What long work says at a terminal of 80 columns: sentences in lines, and a bar that is never broken in two."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from load.progress import Phase
from seatrial.cli import bars, comparing, load, verification
from seatrial.cli.lines import say
from seatrial.probe import Deployment
from seatrial.settings import Settings

ADDRESS = "http://a-deployment-with-a-name-of-its-own.departments.example.org/under/a/path/that/is/long"


def printed(words: str, **options: str) -> list[str]:
    out = io.StringIO()
    say(Console(file=out, width=80), words, **options)
    return out.getvalue().splitlines()


def test_a_sentence_is_told_in_lines_that_fit_and_loses_no_word() -> None:
    words = "held, not proved: errors < 1% (0 of 169); so many tries support no more [bold] " * 3
    told = printed(words)
    assert max(map(len, told)) <= 80
    assert all(line.startswith("  ") for line in told[1:])
    assert " ".join(" ".join(told).split()) == words.strip()


def test_lines_go_on_below_what_stands_in_front() -> None:
    told = printed("    4 users: holds; " + "turn p95 715 ms, " * 8, indent=" " * 13)
    assert told[0].startswith("    4 users: holds;")
    assert all(line.startswith(" " * 13) and line[13] != " " for line in told[1:])
    assert max(map(len, told)) <= 80


def test_an_address_stays_whole_and_escapes_are_shown_and_not_obeyed() -> None:
    told = printed(f"left behind: \x1b[31mchat\r of {ADDRESS} and more")
    assert ADDRESS in " ".join(told)
    assert r"\x1b[31mchat\r of" in " ".join(" ".join(told).split())


PHASES = [Phase(name, 29, 30, 12_345_678, 1_234, 9_999) for name in
          ("workers", "accounts", "filling", "running", "finishing", "cleaning", "warming up", "block")]  # fmt: skip


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
@pytest.mark.parametrize("told", [load._told, comparing._told], ids=["load", "compare"])
def test_the_bar_of_long_work_fits_a_line(phase: Phase, told: object) -> None:
    out = io.StringIO()
    with bars.steps(Console(file=out, width=80, force_terminal=True, color_system=None)) as bar:
        task = bar.add_task("starting", total=30)
        bar.update(task, description=told(phase), completed=20)  # type: ignore[operator]
        (table,) = [bar.make_tasks_table(bar.tasks)]
        shown = io.StringIO()
        Console(file=shown, width=200).print(table)
    assert len(told(phase)) <= bars.LABEL  # type: ignore[operator]
    assert len(shown.getvalue().rstrip()) + len("about 1:02:30 left") <= 80


def test_brackets_in_what_is_being_done_are_its_own() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True)
    with bars.steps(console) as bar:
        bar.add_task("generated requests[createChat] [/x]", total=3)
    assert "generated requests[createChat] [/x]" in out.getvalue()


def test_what_a_target_calls_itself_moves_nothing_on_the_screen() -> None:
    out = io.StringIO()
    settings = Settings(url="http://[fe80::1]:8080", model="llama[q4]")
    verification._announce(
        settings, Deployment("openwebui", "1 [/x]\x1b[2J", "Open WebUI"), Console(file=out, width=80)
    )
    told = " ".join(out.getvalue().split())
    assert told.startswith("http://[fe80::1]:8080 serves Open WebUI 1 [/x]\\x1b[2J;")
    assert "model llama[q4]" in told
