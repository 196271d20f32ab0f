"""The end of a run at a terminal: the verdict, what is broken, and where the page is, in at most 25 lines.

Words carry the meaning, colour only repeats it. Lines fit the console; only the path on the last one is never cut.
"""

from __future__ import annotations

import textwrap
from collections import Counter

from rich.console import Console
from rich.text import Text

from reports.digest import Digest, Group, kind_of
from reports.verdict import Judgement, headline
from reports.wording import clean, counted, line, listed
from seatrial.records import Run, RunFolder

SHOWN = 4
COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


def summary(run: Run, judgement: Judgement, folder: RunFolder, console: Console) -> None:
    """Print the verdict first and the path of the page last."""
    colour = COLOURS[judgement.verdict]
    verdict = judgement.verdict.upper()
    first, *rest = textwrap.wrap(f"{verdict}  {line(judgement.sentence, 420)}", max(20, console.width))
    console.print(Text.assemble((verdict, f"bold {colour}"), first[len(verdict) :]))
    for words in rest:
        console.print(Text(words), no_wrap=True, overflow="ellipsis")
    for group in judgement.failing[:SHOWN]:
        _finding(group, run, console)
    if len(judgement.failing) > SHOWN:
        _row(console, f"  and {counted(len(judgement.failing) - SHOWN, 'more finding')}")
    notes = (f"Note: {line(note, 300)}" for note in run.notes[:2])
    for told in (*_measured(judgement.digest), *_aside(judgement), *notes):
        _rows(console, told)
    if run.left_behind:
        things = counted(len(run.left_behind), "thing")
        _row(console, f"Left on the target ({things}; seatrial clean removes it):", "yellow")
        for left in run.left_behind[:2]:
            _row(console, f"  {line(left)}")
    path = folder.path / "report.html"
    console.print(Text(f"Report: {clean(path)}"), soft_wrap=True)


def _finding(group: Group, run: Run, console: Console) -> None:
    """The headline on at most two lines, behind its severity."""
    severity = line(group.finding.severity, 6)
    colour = "red" if severity == "break" else "yellow"
    times = f"{group.count:,} times: " if group.count > 1 else ""
    mark = f"  {severity:<6}  "
    room = max(20, console.width - len(mark))
    rows = textwrap.wrap(times + headline(group, run.api), room, max_lines=2, placeholder=" …")
    for number, words in enumerate(rows):
        lead = (" " * len(mark), "") if number else (mark, f"bold {colour}")
        console.print(Text.assemble(lead, words), no_wrap=True, overflow="ellipsis")


def _measured(digest: Digest) -> list[str]:
    """The levels of a search and the objectives of a load, each on a line."""
    told = []
    if digest.levels:
        told.append("Levels: " + ", ".join(f"{one.level:,} {line(one.outcome, 20)}" for one in digest.levels))
    if digest.objectives:
        kinds = Counter(kind_of(one) for one in digest.objectives)
        told.append(f"Objectives: {'; '.join(f'{number} {kind}' for kind, number in kinds.items())}")
    return told


def _aside(judgement: Judgement) -> list[str]:
    """Counts of what did not fail the run, and the reasons why some of it was not looked at."""
    kinds = {"known defect": judgement.known, "waived finding": judgement.waived, "drift finding": judgement.drift}
    told = [counted(len(groups), kind) for kind, groups in kinds.items() if groups]
    told += [f"{counted(len(judgement.before), 'finding')} already in the baseline"] if judgement.before else []
    rows = [f"Not failing: {listed(told)}"] if told else []
    if gone := [one for one in judgement.digest.gone if one.looked]:
        rows.append(f"Gone since the baseline: {counted(len(gone), 'finding')}")
    reasons = Counter(line(skip.reason) for skip in judgement.digest.skips)
    rows += [f"Not checked ({number:,}): {reason}" for reason, number in reasons.most_common(3)]
    if len(reasons) > 3:
        rows.append(f"  and for {counted(len(reasons) - 3, 'more reason')}")
    return rows


def _rows(console: Console, words: str) -> None:
    """At most two lines."""
    width = max(20, console.width)
    for row in textwrap.wrap(words, width, max_lines=2, subsequent_indent="  ", placeholder=" …"):
        console.print(Text(row), no_wrap=True, overflow="ellipsis")


def _row(console: Console, words: str, colour: str = "") -> None:
    """One line, cut to the width."""
    console.print(Text(words, style=colour), no_wrap=True, overflow="ellipsis")
