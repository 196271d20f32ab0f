"""Run folders for the tests of the reports: ordinary, empty and hostile ones, and one with far too many findings."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from seatrial.baseline import Gone
from seatrial.records import Check, Finding, Recorder, Run, RunFolder, Seen, Skip
from seatrial.samples import Integrity, Sample
from seatrial.shapes import Shape

HOSTILE = (
    "</pre></title><script>alert(1)</script>|`*_[x](javascript:alert)![i](y)<img src=x onerror=alert(1)>"
    "\r\n| a | b |\n# head @someone \x00\x1b[31m\u202eesrever\ud800 ]]> {{ 7*7 }} {% x %} \"'&amp;"
)


def finding(**changes: Any) -> Finding:
    given: dict[str, Any] = {
        "rule": "valid-use",
        "severity": "break",
        "operation": "createChatCompletion",
        "title": "Valid use is answered",
        "notice": "Something that people do every day fails.",
        "expected": "200",
        "received": '400 {"detail":"Model not found"}',
        "where": "status 400",
        "curl": "curl -sS -i http://localhost:8080/api/chat/completions",
        "id": "valid-use:createChatCompletion:status 400",
        "test": "test_turns.py::test_a_plain_turn_answers_what_it_stores",
    }
    return Finding(**given | changes)


def verify_run(**changes: Any) -> Run:
    given: dict[str, Any] = {
        "command": "verify",
        "target": "http://localhost:8080",
        "api": "openwebui",
        "target_name": "Open WebUI",
        "target_version": "0.12.4",
        "started": "2026-01-05T10:00:00.000Z",
        "ended": "2026-01-05T10:02:00.500Z",
        "accounts": [{"label": "account 1", "role": "user"}],
    }
    return Run(**given | changes)


CHECKED = [
    Check("valid-use", "Valid use is answered", "createChatCompletion", 14, 0),
    Check("valid-use", "Valid use is answered", "getChat", 3, 0),
    Seen("getChat", 200, 30, True, "", 12.0, 31.5),
    Seen("getChat", 401, 0, True, "not brought about in this run"),
    Seen("getChat", 418, 1, False),
]


def folder(path: Path, run: Run, *records: Any, samples: tuple[Any, ...] = ()) -> RunFolder:
    made = RunFolder(path)
    path.mkdir(parents=True, exist_ok=True)
    made.save(run)
    files = {"findings.jsonl": [one for one in records if isinstance(one, Finding)]}
    files["baseline.jsonl"] = [one for one in records if isinstance(one, Gone)]
    files["shapes.jsonl"] = [one for one in records if isinstance(one, Shape)]
    files["checks.jsonl"] = [one for one in records if not isinstance(one, (Finding, Gone, Shape))]
    files["samples/worker-0.jsonl"] = list(samples)
    for name, rows in files.items():
        if rows:
            recorder = Recorder(path / name)
            for row in rows:
                recorder.write(row)
            recorder.close()
    return made


def under_load(*, seconds: int = 60, lost: int = 0) -> tuple[Any, ...]:
    random.seed(7)
    rows: list[Any] = [
        Sample(at / 10, operation, random.uniform(10, 900), 200 if at % 50 else 500, bool(at % 50), at % 5, "s")
        for at in range(seconds * 10)
        for operation in ("sendMessage", "getHistory")
    ]
    return (*rows, Integrity(1.0, "s-1", 3, 6, 0, 6 - lost, lost, 0, 0, 0, True, "detail"))


def every_kind(path: Path) -> dict[str, RunFolder]:
    """One folder of each kind that reports have to stand."""
    skip = Skip("other-cannot-read", "Nobody reads what is somebody else's", "getChat", "needs a second account")
    tolerated = [
        finding(rule="no-server-error", severity="defect", operation="searchChats", known="search-null-byte"),
        finding(rule="bad-input-refused", severity="defect", operation="updateChat", waived="ours (until 2030-01-01)"),
        finding(rule="status-documented", severity="drift", operation="listChats", where="status 422"),
    ]
    hostile = [
        finding(
            rule=HOSTILE,
            operation=HOSTILE,
            title=HOSTILE,
            notice=HOSTILE,
            expected=HOSTILE,
            received=HOSTILE * 50,
            where=HOSTILE,
            curl=HOSTILE,
            id=HOSTILE,
            account=HOSTILE,
            known=known,
            steps=({"account": HOSTILE, "call": HOSTILE, "status": None}, {}),
        )
        for known in (None, HOSTILE)
    ]
    odd = [Check(HOSTILE, HOSTILE, HOSTILE, 1, 1), Skip(HOSTILE, HOSTILE, HOSTILE, HOSTILE)]
    odd += [Seen(HOSTILE, 200, 3, True, HOSTILE, 1.0, 2.0), Seen(HOSTILE, 404, 0, True, HOSTILE)]
    gone = [
        Gone(HOSTILE, "break", HOSTILE, HOSTILE, HOSTILE),
        Gone("valid-use", "break", "getChat", "t", "$", looked=False),
    ]
    # run.json is written by the core, which takes no lone surrogate.
    name = HOSTILE.replace("\ud800", "")
    names = {"target_name": name, "target_version": name, "model": name, "problem": name}
    load_run = verify_run(command="load", api="sessions", target_name="Reference")
    return {
        "passed": folder(path / "passed", verify_run(), *CHECKED, skip, *tolerated),
        "failed": folder(path / "failed", verify_run(), *CHECKED, finding(count=14), *tolerated),
        "both": folder(path / "both", verify_run(), *CHECKED, finding(), samples=under_load()),
        "load": folder(path / "load", load_run, samples=under_load(lost=2)),
        "empty": folder(path / "empty", verify_run()),
        "baseline": folder(path / "baseline", verify_run(), *CHECKED, *tolerated, finding(before=HOSTILE), *gone),
        "died": folder(path / "died", verify_run(problem="the target died", left_behind=["chat 1"]), *CHECKED),
        "hostile": folder(
            path / "hostile",
            verify_run(**names, notes=[name], left_behind=[name], accounts=[{"label": name}], tools={"x": name}),
            *hostile,
            *odd,
            samples=(Sample(0.1, HOSTILE, 5.0, 0, False, 1, HOSTILE, 0, HOSTILE), *under_load(seconds=3)),
        ),
    }


def many(path: Path, number: int) -> RunFolder:
    """A folder with so many findings that no report can show them all."""
    operations = ("createChat", "getChat", "listChats", "updateChat")
    rows = (
        finding(
            operation=operations[n % 4],
            where=f"$.field{n}",
            received="<" * 3000,
            severity="drift" if n % 3 else "break",
            known="known" if n % 5 == 0 else None,
        )
        for n in range(number)
    )
    return folder(path, verify_run(), *rows, *CHECKED)
