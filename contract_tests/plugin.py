"""Makes a pytest run a verification: musters the crew, keeps the log, writes the run folder.

A test that meets an answer a verb cannot use becomes a finding, not a traceback. When the target
stops answering the run ends there, with what it has. `SEATRIAL_RUN` names the run folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from typing import Any

import pytest

from contract_tests.budget import Budget, BudgetSpent
from contract_tests.known import Acceptance
from contract_tests.log import Log
from seatrial import __version__
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.crew import Crew, Person
from seatrial.errors import Inconclusive, SeatrialError
from seatrial.exchange import Call, NoAnswer, Reply, Unexpected
from seatrial.lifeline import watch
from seatrial.records import DiskFull, Recorder, Run, RunFolder, now
from seatrial.release import Release
from seatrial.settings import Settings, from_environment
from seatrial.target import Account

ORDER = ("lifecycle", "streams", "turns", "access", "errors", "conformance")
"""What matters most comes first; what may harm an account comes last."""

PEOPLE = 3
"""Throwaway accounts: an owner, somebody else, and one for generated requests, which may harm an account for good."""

ALIVE_TRIES, ALIVE_PAUSE = 4, 1.5


class Verification:
    """One run of the suite; tests reach it through the fixtures in `conftest`."""

    crew: Crew
    log: Log

    def __init__(self, settings: Settings, folder: RunFolder) -> None:
        self.settings, self.folder = settings, folder
        self.problem: str | None = None
        self.over = False
        self.notes: list[str] = []
        self._early: list[tuple[Account, Call, Reply | NoAnswer]] = []
        self._started = now()
        self._guinea_pig: Person | None = None
        self._guinea_pig_set = False
        self._interrupted: int | None = None
        self.budget = Budget(settings.depth, loopback=settings.target().is_loopback)

    def begin(self) -> None:
        """Raises `SeatrialError` when the run cannot start."""
        self.crew = Crew.muster(self.settings, self.folder.path, people=PEOPLE, listeners=[self._hear])
        acceptance = Acceptance(self.crew.deployment.version, self.settings.waivers)
        self.log = Log(self.crew.contract, self.crew.target.url, acceptance)
        for exchange in self._early:
            self.log.hear(*exchange)
        self._early.clear()
        self.crew.before.append(self.budget.before)
        self.crew.listeners.append(self._interrupt_now)
        self._know_release()
        self.save()

    def _hear(self, account: Account, call: Call, outcome: Reply | NoAnswer) -> None:
        if hasattr(self, "log"):
            self.log.hear(account, call, outcome)
        else:
            self._early.append((account, call, outcome))

    def _know_release(self) -> None:
        newest, version = Release.parse(self.crew.contract.newest), Release.parse(self.crew.deployment.version)
        if self.crew.api != OPENWEBUI or newest is None or version is None:
            return
        self.log.held("release-known", "getVersion")
        if version > newest:
            self.log.finding("release-known", "getVersion", f"a release up to {newest}", str(version), "$.version")

    @property
    def guinea_pig(self) -> Person | None:
        """Who sends generated requests; None when that account was spoiled and there is no other."""
        return self._guinea_pig if self._guinea_pig_set else self.crew.people[-1]

    def spoiled(self) -> None:
        """Generated requests made their account unusable: the next ones need a new one."""
        self._guinea_pig, self._guinea_pig_set = self.crew.another(), True

    def is_alive(self) -> bool:
        """Whether the target still answers anything at all."""
        operation = "getVersion" if self.crew.api == OPENWEBUI else "listSessions"
        for attempt in range(ALIVE_TRIES):
            if attempt:
                time.sleep(ALIVE_PAUSE)
            with contextlib.suppress(NoAnswer, SeatrialError), self.crew.stranger().client as client:
                client.send(self.crew.contract.call(operation), timeout=5)
                return True
        return False

    def met(self, error: BaseException) -> str | None:
        """Turn what a test met into a finding. Returns what to show; None when the error is the suite's own."""
        if isinstance(error, Unexpected):
            operation = error.reply.call.operation
            self.log.finding("valid-use", operation, error.expected, error.received, error.where, error.reply)
            return f"valid use failed: {error}"
        if isinstance(error, NoAnswer):
            if not self.is_alive():
                self.problem = f"{self.crew.target.url} stopped answering during the run ({error.reason})"
                self.over = True
            else:
                self.log.finding(
                    "no-answer", error.call.operation, "an answer", error.reason, "connection", call=error.call
                )
            return f"no answer: {error}"
        if isinstance(error, SeatrialError):
            self.problem, self.over = str(error), isinstance(error, DiskFull)
            return str(error)
        return None

    def end(self, interrupted: bool) -> None:
        """Remove what was made, and write what was seen."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        left = self.crew.pay_off()
        if interrupted and self.problem is None:
            self.problem = "the run was interrupted"
        try:
            self._write_rows()
        except Inconclusive as error:
            self.problem = self.problem or str(error)
        self.save(left, ended=True)

    def interrupt(self, number: int, _frame: object) -> None:
        """Ctrl-C, or whoever started us asks: not before the answer that names something new has come."""
        if hasattr(self, "crew") and self.crew.ledger.is_waiting and not self._interrupted:
            self._interrupted = number
            return
        self._interrupted = None
        raise KeyboardInterrupt

    def _interrupt_now(self, *_: object) -> None:
        if self._interrupted and not self.crew.ledger.is_waiting:
            os.kill(os.getpid(), self._interrupted)

    def save(self, left: list[str] | None = None, *, ended: bool = False) -> None:
        self.folder.save(self._run(left or [], ended))

    def _write_rows(self) -> None:
        for name, rows in (
            ("findings.jsonl", list(self.log.findings.values())),
            ("checks.jsonl", list(self.log.records(self.crew.api))),
        ):
            (self.folder.path / name).unlink(missing_ok=True)
            recorder = Recorder(self.folder.path / name)
            for row in rows:
                recorder.write(row)
            recorder.close()

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
            settings={"timeout": settings.timeout, "disposable": settings.disposable},
            seed=settings.seed,
            depth=settings.depth,
            strict=settings.strict,
            started=self._started,
            ended=now() if ended else "",
            counts={"requests": self.log.requests, "completions": self.budget.spent},
            notes=[*crew.notes, *self.notes, *(self.log.acceptance.notes() if ended else [])],
            problem=self.problem,
            left_behind=left,
        )


TOOLS = ("schemathesis", "hypothesis", "pytest", "httpx", "jsonschema")


class Plugin:
    """The hooks. One instance per pytest run."""

    def __init__(self) -> None:
        self.verification: Verification | None = None
        self._done = 0

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        if session.config.option.collectonly:
            return
        signal.signal(signal.SIGTERM, _interrupt)
        watch()
        try:
            settings = from_environment(os.environ)
            run = os.environ.get("SEATRIAL_RUN")
            folder = RunFolder.create(settings.out, "verify") if run is None else RunFolder(_existing(run))
            verification = Verification(settings, folder)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, verification.interrupt)
            verification.begin()
        except SeatrialError as error:
            # The exit code of Seatrial, so that a run by hand says the same as `seatrial verify`.
            pytest.exit(str(error), returncode=error.exit_code)
        self.verification = verification

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if self.verification is None:
            return
        api, full = self.verification.crew.api, self.verification.settings.depth == "full"
        kept: list[pytest.Item] = []
        gone: list[pytest.Item] = []
        for item in items:
            marker = item.get_closest_marker("api")
            wanted = marker is None or api in marker.args
            (kept if wanted and (full or item.get_closest_marker("full") is None) else gone).append(item)
        config.hook.pytest_deselected(items=gone)
        items[:] = sorted(kept, key=_rank)
        self._progress(0, len(items), "starting")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        assert self.verification is not None
        log = self.verification.log
        log.start()
        try:
            yield
        except BudgetSpent as error:
            self.verification.notes.append(f"{_sentence(item)}: {error}")
            pytest.skip(str(error))
        except (Unexpected, NoAnswer, SeatrialError) as error:
            shown = self.verification.met(error)
            if log.failures_of_test or self.verification.problem:
                pytest.fail(shown or str(error), pytrace=False)
            pytest.xfail(f"a known defect or waived: {shown}")
        except Exception as error:
            self.verification.problem = f"the suite itself failed in {item.name}: {type(error).__name__}: {error}"[:500]
            raise
        if log.failures_of_test:
            pytest.fail("\n".join(log.failures_of_test), pytrace=False)
        return None

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._done += 1
        session_items = self._total
        self._progress(self._done, session_items, nodeid.rpartition("::")[2])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup" and report.failed and self.verification and not self.verification.problem:
            self.verification.problem = f"the suite itself failed before {report.nodeid}: {report.longreprtext[-300:]}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        if self.verification is not None and self.verification.over:
            item.session.shouldstop = str(self.verification.problem)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.verification is None:
            return
        self._progress(self._done, self._total, "cleaning up")
        try:
            self.verification.end(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        except Inconclusive as error:
            print(f"seatrial: {error}", file=sys.stderr)
            session.exitstatus = error.exit_code
        finally:
            (self.verification.folder.path / "progress.json").unlink(missing_ok=True)

    _total = 0

    def _progress(self, done: int, total: int, label: str) -> None:
        """For whoever started this process; it shows a bar."""
        if self.verification is None:
            return
        self._total = total
        with contextlib.suppress(Inconclusive):
            text = json.dumps({"done": done, "total": total, "label": label.replace("_", " ").removeprefix("test ")})
            self.verification.folder.write("progress.json", text)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"api(name): only for a target that speaks it: {SESSIONS} or {OPENWEBUI}")
    config.addinivalue_line("markers", "full: only at full depth")
    config.pluginmanager.register(Plugin(), "seatrial-verification")


def _rank(item: pytest.Item) -> int:
    name = item.path.stem.removeprefix("test_")
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _sentence(item: pytest.Item) -> str:
    return item.name.removeprefix("test_").replace("_", " ")


def _existing(run: str) -> Any:
    from pathlib import Path

    path = Path(run)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


__all__ = ["Contract", "Verification"]
