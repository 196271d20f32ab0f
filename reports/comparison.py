"""Two verifications side by side: how their contracts drifted apart, and which findings are new or gone.

    compared = Comparison.of(folder_a, folder_b)
    compared.show(console)
    compared.exit_code(strict=False)

It informs: only a finding that fails B and was not in A fails the comparison, drift as well where it is strict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from reports.digest import Group, grouped
from reports.drift import Drift, drift, not_compared
from reports.sentences import sentence
from reports.verdict import headline, rank, target_name
from reports.wording import counted, line, listed
from seatrial.baseline import Faults, fault, unfinished
from seatrial.errors import EXIT_FAIL, EXIT_PASS, Inconclusive, WrongUse
from seatrial.records import Finding, Run, RunFolder

SHOWN = 20
"""Findings of one kind that are printed; --json has all."""


@dataclass(frozen=True)
class Comparison:
    """`new` were met in B alone, `gone` in A alone; `defects` and `mended` are known defects of which the same is true.

    Known defects are told where the releases differ only: generated requests do not meet each of them in every run.
    """

    a: Run
    b: Run
    drift: tuple[Drift, ...]
    new: tuple[Group, ...]
    gone: tuple[Group, ...]
    defects: tuple[str, ...]
    mended: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, a: RunFolder, b: RunFolder) -> Comparison:
        """Raises `WrongUse` for folders that hold no shapes, and `Inconclusive` for runs that cannot be compared."""
        first, second = a.load(), b.load()
        for folder, run in ((a, first), (b, second)):
            _demand(folder, run)
        if first.api != second.api:
            raise Inconclusive(f"these runs cannot be compared: one is of the API {first.api!r}, one of {second.api!r}")
        before, after = (list(folder.rows("findings.jsonl", Finding)) for folder in (a, b))
        known = [{finding.known for finding in findings if finding.known} for findings in (before, after)]
        if first.target_version == second.target_version:
            known = [set(), set()]
        return cls(
            first,
            second,
            tuple(drift(a, b)),
            _new(before, after, first.api),
            _gone(before, after, first.api),
            tuple(sorted(known[1] - known[0])),
            tuple(sorted(known[0] - known[1])),
            tuple(_notes(first, second, not_compared(a, b))),
        )

    def failing(self, strict: bool) -> list[Group]:
        """What is new and fails B."""
        return [group for group in self.new if group.fails(strict)]

    def exit_code(self, strict: bool) -> int:
        return EXIT_FAIL if self.failing(strict) or (strict and self.drift) else EXIT_PASS

    def document(self, strict: bool) -> dict[str, Any]:
        """All of it, for --json."""
        return {
            "a": _named(self.a),
            "b": _named(self.b),
            "exit_code": self.exit_code(strict),
            "strict": strict,
            "drift": [asdict(row) | {"sentence": sentence(row)} for row in self.drift],
            "new": [asdict(group.finding) | {"fails": group.fails(strict)} for group in self.new],
            "gone": [asdict(group.finding) for group in self.gone],
            "known_defects": {"new": list(self.defects), "gone": list(self.mended)},
            "notes": list(self.notes),
        }

    def show(self, console: Console, strict: bool) -> None:
        """The answer first, then what drifted by operation, then findings."""
        failing = len(self.failing(strict))
        if failing:
            verdict = f"FAIL  {counted(failing, 'new finding')} that {'fails' if failing == 1 else 'fail'}"
        else:
            verdict = "FAIL  drift, and it is to be strict" if self.exit_code(strict) else "PASS  nothing new fails"
        console.print(Text(verdict, style="bold"))
        _row(console, f"A  {target_name(self.a)}")
        _row(console, f"B  {target_name(self.b)}")
        for note in self.notes:
            _row(console, f"Note: {note}")
        _row(console, "")
        self._show_drift(console)
        for title, groups in (("New findings", self.new), ("Gone findings", self.gone)):
            if groups:
                _row(console, f"{title} ({len(groups):,})")
            for group in groups[:SHOWN]:
                mark = group.finding.severity if group.fails(strict) or groups is self.gone else "tolerated"
                _row(console, f"  {mark}: {headline(group, self.b.api)}")
            if len(groups) > SHOWN:
                _row(console, f"  and {len(groups) - SHOWN:,} more")
        for told, ids in (("met in B alone", self.defects), ("met in A alone", self.mended)):
            if ids:
                _row(console, f"Known defects {told}: {listed(ids)}")
        if not self.new and not self.gone:
            _row(console, "No finding is new, and none is gone.")

    def _show_drift(self, console: Console) -> None:
        if not self.drift:
            _row(console, "No drift: operations, statuses, media types and fields are the same.")
            return
        operations = dict.fromkeys(row.operation for row in self.drift)
        _row(console, f"Drift ({counted(len(self.drift), 'change')} in {counted(len(operations), 'operation')})")
        for operation in operations:
            _row(console, f"{line(operation, 80)}", "bold")
            for row in self.drift:
                if row.operation == operation:
                    _row(console, f"  {sentence(row)}")


def _demand(folder: RunFolder, run: Run) -> None:
    if run.command != "verify":
        raise WrongUse(f"{folder.path} holds a {run.command}; compare takes the run folders of two verifications")
    if reason := unfinished(run):
        raise Inconclusive(f"{folder.path} cannot be compared: the run did not finish ({line(reason, 200)})")
    if not (folder.path / "shapes.jsonl").is_file():
        raise WrongUse(f"{folder.path} has no shapes.jsonl: an older Seatrial made it; verify again")


def _new(before: Sequence[Finding], after: Sequence[Finding], api: str) -> tuple[Group, ...]:
    """What A had not, or less grave. What was known there may have been another fault in the same place."""
    there = Faults(finding for finding in before if not finding.known)
    return _ranked((finding for finding in after if not finding.known and not there.cover(finding)), api)


def _gone(before: Sequence[Finding], after: Sequence[Finding], api: str) -> tuple[Group, ...]:
    here = Faults(after).by_fault
    return _ranked((finding for finding in before if not finding.known and fault(finding) not in here), api)


def _ranked(findings: Iterable[Finding], api: str) -> tuple[Group, ...]:
    return tuple(sorted(grouped(findings), key=lambda group: rank(group, api)))


def _notes(a: Run, b: Run, uncompared: Sequence[str]) -> list[str]:
    """What makes the two less alike than they should be."""
    told = []
    if a.target_name != b.target_name:
        told.append(f"the targets call themselves {a.target_name} and {b.target_name}")
    if (a.tools.get("seatrial"), a.contract) != (b.tools.get("seatrial"), b.contract):
        told.append("the runs used different releases of Seatrial or different contracts, which may account for drift")
    if a.depth != b.depth:
        told.append(f"one run is {a.depth}, the other {b.depth}: what the deeper one alone met may seem new or gone")
    if uncompared:
        told.append(f"not compared, because the runs did not both ask: {listed(uncompared)}")
    return told


def _named(run: Run) -> dict[str, Any]:
    names = ("id", "target", "api", "target_name", "target_version", "seed", "depth", "started")
    return {name: getattr(run, name) for name in names}


def _row(console: Console, words: str, style: str = "") -> None:
    console.print(Text(words, style=style), soft_wrap=True)
