"""Single tests of the contract suite in this process, against an Open WebUI that is set up unlike most.

with crew_of(OddOpenWebUI(deletes=False), tmp_path) as crew:
    log = looked(fake, crew, test_lifecycle.test_what_was_deleted_does_not_come_back)
    assert (found(log), log.skips) == ([], {...})
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from odd_openwebui import OddOpenWebUI

from contract_tests.check import Checker
from contract_tests.log import Log
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew
from seatrial.known import Acceptance
from seatrial.lab.serving import running
from seatrial.settings import Settings
from seatrial.verbs import VERB_OPERATIONS

BY_FORM = ("answer-conforms", "refusal-conforms", "status-documented")
"""Rules that the stand-in breaks by saying no more than is asked of it here."""


@contextmanager
def crew_of(fake: OddOpenWebUI, folder: Path, **given: Any) -> Iterator[Crew]:
    """Throwaway accounts, or those that are given."""
    settings = given or {"admin_token": "token-of-boss"}
    with running(fake.app) as url, Crew.muster(Settings(url=url, timeout=5, **settings), folder, people=3) as crew:
        yield crew


def looked(fake: OddOpenWebUI, crew: Crew, test: Callable[..., Any], **more: Any) -> Log:
    """The log of one test of the suite."""
    log = Log(crew.contract, crew.target.url, Acceptance(crew.deployment.version))
    crew.listeners.append(log.hear)
    numbers = iter(range(99))
    known: dict[str, Any] = {
        "crew": crew, "owner": crew.people[0], "speaker": crew.people[0], "check": Checker(log), "made": [],
        "verb": VERB_OPERATIONS[OPENWEBUI], "full": False, "features": fake.features,
        "prompt": lambda text="Say yes.": f"{text} ({next(numbers)})",
        "verification": SimpleNamespace(settings=Settings()), "pool": lambda work, of: [work(one) for one in of],
    }  # fmt: skip
    known |= {"other": crew.people[1]} if len(crew.people) > 1 else {}
    try:
        test(**{name: value for name, value in (known | more).items() if name in inspect.signature(test).parameters})
    except pytest.skip.Exception:
        pass
    finally:
        crew.listeners.remove(log.hear)
    return log


def found(log: Log) -> list[str]:
    return [f"{one.rule} {one.operation} {one.where}" for one in log.findings.values() if one.rule not in BY_FORM]
