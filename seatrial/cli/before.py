"""A load held against an earlier one: `load --baseline RUN`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.console import Console

from load.gate import Limits, outcome
from load.ruling import findings, sentence
from load.stored import compared, demand
from reports.gate import show
from seatrial.baseline import place_of
from seatrial.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, Inconclusive
from seatrial.ratios import COMPARISON
from seatrial.records import Recorder, Run, RunFolder
from seatrial.settings import Settings


@dataclass(frozen=True)
class HeldAgainst:
    """The earlier load, and by how much the new one may be slower."""

    before: RunFolder
    limits: Limits

    @classmethod
    def open(cls, path: str, settings: Settings) -> HeldAgainst:
        """Raises `WrongUse` for what is no load, and `Inconclusive` for one that is no result."""
        before = RunFolder.open(path)
        demand(before, before.load(), "--baseline ")
        return cls(before, Limits.parse(settings.max_slowdown, settings.floor))

    def judged(self, run: Run, folder: RunFolder, console: Console) -> Run:
        """The run, failed where it is proved to be slower, and inconclusive where that cannot be told."""
        if run.problem:
            return run
        try:
            rows = compared(self.before, folder, self.limits)
        except Inconclusive as error:
            return self._with(run, "inconclusive", str(error))
        for name, records in ((COMPARISON, rows), ("findings.jsonl", list(findings(rows)))):
            recorder = Recorder(folder.path / name)
            for record in records:
                recorder.write(record)
            recorder.close()
        show(rows, console)
        verdict, name = outcome(rows), self.before.path.resolve().name
        return self._with(run, verdict, sentence(rows, self.limits, f"against {name}", stored=True))

    def _with(self, run: Run, verdict: str, said: str) -> Run:
        """A load that failed by itself stays failed; what it is held against can only make it worse."""
        run = replace(run, settings=run.settings | {"baseline": place_of(self.before)}, notes=[*run.notes, said])
        if run.exit_code or verdict == "pass":
            return run
        if verdict == "fail":
            return replace(run, verdict="fail", exit_code=EXIT_FAIL, sentence=said)
        problem = said.removeprefix("Inconclusive: ")
        return replace(
            run, verdict=verdict, exit_code=EXIT_INCONCLUSIVE, problem=problem, sentence=f"Inconclusive: {problem}"
        )
