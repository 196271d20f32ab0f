"""Makes a pytest run a verification: begins it, orders and selects the tests, ends it.

A test that meets an answer a verb cannot use becomes a finding, not a traceback. `SEATRIAL_RUN` names the
run folder; a run by hand makes its own.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contract_tests.budget import BudgetSpent, RunSpent
from contract_tests.verification import Verification
from seatrial.contract import OPENWEBUI, SESSIONS
from seatrial.errors import Inconclusive, SeatrialError
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.ledger import open_entries
from seatrial.lifeline import watch
from seatrial.records import RunFolder
from seatrial.settings import from_environment

ORDER = (
    "lifecycle", "texts", "streams", "turns", "tasks", "changes", "strangers", "access", "times", "replicas",
    "concurrency", "state", "pages", "errors", "conformance",
)  # fmt: skip
"""What matters most comes first; what may harm an account comes last."""


class Plugin:
    """The hooks. One instance per pytest run."""

    def __init__(self) -> None:
        self.verification: Verification | None = None
        self._done = 0
        self._told: dict[tuple[str, str], str] = {}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        if session.config.option.collectonly:
            return
        signal.signal(signal.SIGTERM, _interrupt)
        watch()
        try:
            self.verification = _begun()
        except SeatrialError as error:
            # The exit code of Seatrial, so that a run by hand says the same as `seatrial verify`.
            pytest.exit(str(error), returncode=error.exit_code)

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
        if self.verification.over:
            kept, gone = [], items[:]
        config.hook.pytest_deselected(items=gone)
        items[:] = sorted(kept, key=_rank)
        self._progress(0, len(items), "starting")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        assert self.verification is not None
        log = self.verification.log
        try:
            try:
                yield
            except (Unexpected, BudgetSpent) as error:
                self._later(item, error)
        except BudgetSpent as error:
            if isinstance(error, RunSpent):
                self.verification.spent(error)
            self.verification.notes.append(f"{_sentence(item)}: {error}")
            pytest.skip(str(error))
        except (Unexpected, NoAnswer, SeatrialError) as error:
            if (words := self.verification.too_slow(error)) and not log.failures_of_test:
                self.verification.notes.append(f"{_sentence(item)}: {words}")
                pytest.skip(words)
            shown = None if words else self.verification.met(error)
            if log.failures_of_test or self.verification.problem:
                pytest.fail(shown or str(error), pytrace=False)
            pytest.xfail(f"a known defect or waived: {shown}")
        except pytest.skip.Exception as skipped:
            self._left_out(item, str(skipped.msg))
            raise
        except Exception as error:
            self.verification.problem = f"the suite itself failed in {item.name}: {type(error).__name__}: {error}"[:500]
            raise
        if log.failures_of_test:
            pytest.fail("\n".join(log.failures_of_test), pytrace=False)
        return None

    def _later(self, item: pytest.Item, error: Exception) -> None:
        """Run a test again that met a limit of the model's provider: what it had stored cannot be sent once more.

        Raises what it meets, and the error itself where that is none.
        """
        assert self.verification is not None
        met: Exception | None = error
        for number in itertools.count(1):
            if met is None:
                return
            if (pause := self.verification.quota.later(met, number)) is None:
                raise met
            time.sleep(pause)
            try:
                item.runtest()
                met = None
            except (Unexpected, BudgetSpent) as another:
                met = another

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        if self.verification is not None:
            self.verification.log.start(f"{item.path.name}::{item.nodeid.partition('::')[2]}")
            self._told = dict(self.verification.log.skips)
        try:
            shown = yield from self._around()
        except pytest.skip.Exception as skipped:
            self._left_out(item, str(skipped.msg))
            raise
        if shown:
            pytest.skip(shown)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        try:
            yield from self._around()
        finally:
            if self.verification is not None:
                self.verification.log.failures_of_test.clear()
                if self.verification.over:
                    item.session.shouldstop = str(self.verification.problem)

    def _left_out(self, item: pytest.Item, reason: str) -> None:
        """A skipped test is told: by the rules that it is marked with, by those it named itself, or by a note."""
        if self.verification is None:
            return
        log, marker = self.verification.log, item.get_closest_marker("rules")
        for rule, operation in marker.args if marker else ():
            if (rule, operation) not in log.skips:
                log.skip(rule, operation, reason)
        if marker is None and log.skips == self._told:
            self.verification.notes.append(f"not checked, {_sentence(item)}: {reason}")

    def _around(self) -> Generator[None, None, str | None]:
        """What a test needs before and puts away after it meets the target too: what fails there is a finding.

        Returns what to say of one that fails nothing, a known defect or waived.
        """
        failures = self.verification.log.failures_of_test if self.verification else []
        before, shown = len(failures), None
        problem = self.verification.problem if self.verification else None
        try:
            yield
        except (Unexpected, NoAnswer, SeatrialError) as error:
            if self.verification is None:
                raise
            shown = f"a known defect or waived: {self.verification.met(error)}"
        if self.verification is not None and (self.verification.problem != problem or len(failures) > before):
            pytest.fail("\n".join(failures[before:]) or str(self.verification.problem), pytrace=False)
        return shown

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._done += 1
        session_items = self._total
        self._progress(self._done, session_items, nodeid.rpartition("::")[2])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and self.verification and (hasattr(report, "wasxfail") or not report.skipped):
            self.verification.tests += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.verification is None:
            return
        self._progress(self._done, self._total, "cleaning up")
        if session.shouldfail:  # pytest's -x: what came after was not looked at
            self.verification.notes.append(f"the run was cut short: {session.shouldfail}")
        told = self.verification.log.has_failed or self.verification.problem
        if exitstatus == pytest.ExitCode.TESTS_FAILED and not told:
            # A test that failed without a finding is one that could not do its work: no pass can come of that.
            self.verification.problem = "the suite itself failed; pytest.log in the run folder says where"
        try:
            self.verification.end(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        except Inconclusive as error:
            print(f"seatrial: {error}", file=sys.stderr)
            session.exitstatus = error.exit_code
        finally:
            (self.verification.folder.path / "progress.json").unlink(missing_ok=True)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.verification is not None and not os.environ.get("SEATRIAL_RUN"):
            path = self.verification.folder.path
            failing = sum(finding.fails for finding in self.verification.log.findings.values())
            told = f"{failing} findings fail the run; verdict and reports: seatrial report {path}"
            terminalreporter.write_line(told)

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
    config.addinivalue_line(
        "markers", "rules(*pairs): (rule, operation) that are not checked where the test is skipped"
    )
    config.pluginmanager.register(Plugin(), "seatrial-verification")


def _begun() -> Verification:
    """The verification that the environment asks for. Raises `SeatrialError` when it cannot begin."""
    settings, run = from_environment(os.environ), os.environ.get("SEATRIAL_RUN")
    folder = RunFolder(_existing(run)) if run else RunFolder.create(settings.out, "verify")
    try:
        # schemathesis takes a second to import: it may do so while the target makes accounts, which takes as long.
        # It has to be there before tests are: two threads that import hypothesis at once see halves of it.
        with ThreadPoolExecutor(1, "seatrial-import") as beside:
            beside.submit(importlib.import_module, "contract_tests.generation")
            verification = Verification(settings, folder)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, verification.interrupt)
            verification.begin()
    except SeatrialError:
        if not run and not open_entries(folder.path / "ledger.jsonl"):
            shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return verification


def _rank(item: pytest.Item) -> int:
    name = item.path.stem.removeprefix("test_")
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _sentence(item: pytest.Item) -> str:
    return item.name.removeprefix("test_").replace("_", " ")


def _existing(run: str) -> Path:
    path = Path(run)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
