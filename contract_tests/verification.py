"""One verification: its crew, its log, and what it writes into the run folder.

What a test meets becomes a finding here; when the target stops answering the run is over, with what it has.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
from collections.abc import Iterable
from dataclasses import asdict
from importlib import metadata
from typing import Any

from contract_tests.budget import Budget, RunSpent
from contract_tests.contact import Contact
from contract_tests.expiry import Expiry
from contract_tests.log import Log
from contract_tests.observation import Observation
from contract_tests.refusals import Refusals
from contract_tests.slowness import Slowness
from contract_tests.unstreamed import ALWAYS, always_streams
from seatrial import __version__
from seatrial.baseline import Baseline, Gone
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew, Person
from seatrial.errors import Inconclusive, SeatrialError, WrongUse
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected
from seatrial.known import Acceptance
from seatrial.records import DiskFull, Recorder, Run, RunFolder, now
from seatrial.release import Release
from seatrial.settings import Settings
from seatrial.target import Account

PEOPLE = 3
"""Throwaway accounts: an owner, somebody else, and one for generated requests, which may harm an account for good."""

TOOLS = ("schemathesis", "hypothesis", "pytest", "httpx", "jsonschema")


class Verification:
    """One run of the suite; tests reach it through the fixtures in `conftest`."""

    crew: Crew
    log: Log
    observation: Observation
    slowness: Slowness
    baseline: Baseline | None = None

    def __init__(self, settings: Settings, folder: RunFolder) -> None:
        """`guinea_pig` sends generated requests; None once its account was spoiled and there is no other."""
        self.settings, self.folder = settings, folder
        self.problem: str | None = None
        self.over, self.tests = False, 0
        self.left_to_accounts = 0
        self.notes: list[str] = []
        self._early: list[tuple[Account, Call, Reply | NoAnswer]] = []
        self._started = now()
        self._told: dict[str, Any] = {}
        """What whoever started this has written into the run's settings already."""
        with contextlib.suppress(WrongUse):
            self._told = folder.load().settings
        self.guinea_pig: Person | None = None
        self._interrupted: int | None = None
        self.unanswered = ""
        """Why what people do every day could not be looked at: the model needs too long for it."""
        loopback = settings.target().is_loopback
        self.budget = Budget(settings.depth, loopback=loopback, timeout=settings.timeout)
        self.refusals = Refusals(loopback=loopback, is_provoking=lambda: hasattr(self, "log") and self.log.is_provoking)
        self.limits, self.quota = self.refusals.limits, self.refusals.quota
        self.expiry = Expiry()
        self.limits.closed = True  # until there is a run that it could end

    def begin(self) -> None:
        """Raises `SeatrialError` when the run cannot start."""
        self.baseline = Baseline.open(self.settings.baseline) if self.settings.baseline else None
        self.crew = Crew.muster(
            self.settings, self.folder.path, people=PEOPLE, listeners=[self._hear], again=self.refusals.again
        )
        self.refusals.contact = self.contact = Contact(
            self.crew, self.settings.visitor, self.budget.before, self._asked
        )
        self.limits.closed = False
        self.guinea_pig = self.crew.people[-1]
        self._hold_baseline()
        acceptance = Acceptance(self.crew.deployment.version, self.settings.waivers, self.baseline)
        headers, url = self.crew.target.headers, self.crew.target.url
        strict = self.settings.strict
        self.log = Log(self.crew.contract, url, acceptance, headers.values(), list(headers), strict=strict)
        self.log.excuses = self.quota.explains
        self.observation = Observation(self.crew.contract, self.log)
        for exchange in self._early:
            self._hear(*exchange)
        self._early.clear()
        self.budget.requests = self.log.requests
        self.slowness = Slowness(self.crew, self.log)
        # What is refused here is never intended.
        self.crew.before[:0] = [self.expiry.before, self.limits.before, self.quota.before, self.budget.before]
        self.crew.listeners += [self.budget.after, self.slowness.hear, self._interrupt_now]
        self._know_release()
        if self.crew.unreadable is not None:
            self.met(self.crew.unreadable)
            if self.crew.model is None:
                self.problem, self.over = "the list of models cannot be read, so nothing else was tried", True
        self.save()

    def _hold_baseline(self) -> None:
        """Raises `WrongUse` for a baseline that this target cannot have."""
        if self.baseline is None:
            return
        try:
            self.baseline.demand(self.crew.api)
        except WrongUse:
            self.crew.pay_off()
            raise
        if note := self.baseline.note(self.crew.deployment.name):
            self.notes.append(note)

    def _asked(self) -> None:
        self.log.requests += 1

    def _hear(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        if isinstance(outcome, Reply) and self.refusals.excuses(outcome):
            if hasattr(self, "log"):
                self._asked()
        elif hasattr(self, "observation"):
            self.log.hear(account, call, outcome)
            self.observation.hear(account, call, outcome)
        else:
            self._early.append((account, call, outcome))

    def _know_release(self) -> None:
        newest, version = Release.parse(self.crew.contract.newest), Release.parse(self.crew.deployment.version)
        if self.crew.api != OPENWEBUI or newest is None or version is None:
            return
        self.log.held("release-known", "getVersion")
        if version > newest:
            self.log.finding("release-known", "getVersion", f"a release up to {newest}", str(version), "$.version")

    def spoiled(self) -> None:
        """Generated requests made their account unusable: the next ones need a new one, if there can be one."""
        self.guinea_pig = self.crew.another()

    def is_alive(self) -> bool:
        """Whether the target still answers as at the first contact."""
        return self.contact.is_alive()

    def spent(self, error: RunSpent) -> None:
        """The run may cost its target no more: it ends here, with what it has."""
        self.problem, self.over = self.problem or str(error), True

    def too_slow(self, error: BaseException) -> str | None:
        """Of an answer that came too late because of the model: what to say of it. The run proves nothing then."""
        words = self.slowness.explains(error)
        if words is not None and isinstance(error, (Unexpected, NoAnswer)):
            call = error.reply.call if isinstance(error, Unexpected) else error.call
            self.log.skip("no-answer", call.operation, words)
            self.unanswered = self.unanswered or words
        return words

    def met(self, error: BaseException) -> str | None:
        """Turn what a test met into a finding. Returns what to show; None when the error is the suite's own."""
        if isinstance(error, Unexpected):
            if always_streams(self.crew, error.reply):
                self.problem, self.over = f"the model {self.crew.model} {ALWAYS}", True
                return self.problem
            if error.reply.cut == "closed" and not self.is_alive():
                return self._died("the connection broke in the middle of an answer")
            operation = error.reply.call.operation
            self.log.finding("valid-use", operation, error.expected, error.received, error.where, error.reply)
            return f"valid use failed: {error}"
        if isinstance(error, NoAnswer):
            if not self.is_alive():
                return self._died(error.reason)
            self.log.finding(
                "no-answer", error.call.operation, "an answer", error.reason, "connection", call=error.call
            )
            return f"no answer: {error}"
        if isinstance(error, SeatrialError):
            self.problem, self.over = str(error), isinstance(error, DiskFull)
            return str(error)
        return None

    def _died(self, why: str) -> str:
        self.problem, self.over = f"{self.crew.target.url} stopped answering during the run ({why})", True
        return self.problem

    def end(self, interrupted: bool) -> None:
        """Remove what was made, and write what was seen."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        self.budget.closed = self.limits.closed = self.expiry.closed = True
        if interrupted and self.problem is None:
            self.problem = "the run was interrupted"
        self.problem = self.problem or self.unanswered or None
        # Before the target gets its time to remove things, too: who stops the run may not wait for that.
        with contextlib.suppress(Inconclusive):
            self._write_rows()
            self.save()
        left = self.crew.pay_off()
        try:
            self._write_rows()
        except Inconclusive as error:
            self.problem = self.problem or str(error)
        self.save(left, ended=True)

    def interrupt(self, number: int, _frame: object) -> None:
        """Ctrl-C, or whoever started us asks: not before the answer that names something new has come."""
        if hasattr(self, "crew") and self.crew.ledger.is_waiting and not self._interrupted:
            self._interrupted = number
            signal.signal(signal.SIGALRM, self.interrupt)
            signal.setitimer(signal.ITIMER_REAL, self.settings.timeout + 1)  # should it never come
            return
        self._interrupted = None
        raise KeyboardInterrupt

    def _interrupt_now(self, *_: object) -> None:
        if self._interrupted and not self.crew.ledger.is_waiting:
            os.kill(os.getpid(), self._interrupted)

    def save(self, left: list[str] | None = None, *, ended: bool = False) -> None:
        self.folder.save(self._run(left or [], ended))

    def _write_rows(self) -> None:
        files: dict[str, Iterable[object]] = {
            "findings.jsonl": self.log.findings.values(),
            "checks.jsonl": self.log.records(self.crew.api),
            "shapes.jsonl": self.observation.shapes.rows(self.crew.api),
        }
        if self.baseline is not None:
            files["baseline.jsonl"] = self._gone(self.baseline)
        for name, rows in files.items():
            path = self.folder.path / name
            # What stands there already stays until there is more: the second time the disk may be full.
            written = path.with_name(f".{name}.part") if path.exists() else path
            written.unlink(missing_ok=True)
            recorder = Recorder(written)
            try:
                for row in rows:
                    recorder.write(row)
            except Inconclusive:
                if written != path:
                    written.unlink(missing_ok=True)
                raise
            finally:
                recorder.close()
            written.replace(path)

    def _gone(self, baseline: Baseline) -> list[Gone]:
        """What the baseline had and this run did not meet."""
        asked = [operation for operation, statuses in self.log.statuses.items() if statuses]
        return baseline.gone(self.log.findings.values(), asked, self.log.skips)

    def _notes(self, ended: bool) -> list[str]:
        met = [*self.crew.notes, *self.notes, *self.log.notes, *self.refusals.notes(), *self.expiry.notes()]
        return [*met, *(self.log.acceptance.notes() if ended else [])]

    def _run(self, left: list[str], ended: bool) -> Run:
        crew, settings = self.crew, self.settings
        everyone = [*crew.people, *([crew.admin] if crew.admin else [])]
        return Run(
            command="verify",
            target=crew.target.url,
            api=crew.api,
            id=crew.marker,
            target_version=crew.deployment.version,
            target_name=crew.deployment.name or "Session API",
            contract=crew.contract.source,
            accounts=[{k: v for k, v in asdict(person.account).items() if k != "token"} for person in everyone],
            model=crew.model,
            tools={"seatrial": __version__} | {name: metadata.version(name) for name in TOOLS},
            machine={"python": platform.python_version(), "system": platform.system(), "cpus": os.cpu_count()},
            settings=self._told
            | {"timeout": settings.timeout, "disposable": settings.disposable, "bounds": self.budget.told()}
            | ({"baseline": self.baseline.place} if self.baseline else {}),
            seed=settings.seed,
            depth=settings.depth,
            strict=settings.strict,
            started=self._started,
            ended=now() if ended else "",
            counts=self.budget.counts()
            | {"clean_up_requests": self.log.requests - self.budget.requests, "tests": self.tests},
            notes=self._notes(ended),
            problem=self.problem,
            left_behind=left,
        )
