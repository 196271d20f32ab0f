"""Run folders for the tests of the reports: ordinary, empty and hostile ones, and one with far too many findings."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from report_comparisons import COMPARED, MORE_FAIL

from seatrial.baseline import Gone
from seatrial.ratios import Ratio
from seatrial.records import Check, Finding, Recorder, Run, RunFolder, Seen, Skip
from seatrial.samples import (
    Arrival,
    Asked,
    Integrity,
    Joined,
    Judged,
    Known,
    Overhead,
    Pulse,
    Sample,
    Tried,
    Turned,
)
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
    files["objectives.jsonl"] = [one for one in records if isinstance(one, Judged)]
    files["levels.jsonl"] = [one for one in records if isinstance(one, Tried)]
    files["comparison.jsonl"] = [one for one in records if isinstance(one, Ratio)]
    files["overhead.jsonl"] = [one for one in records if isinstance(one, (Joined, Overhead, Asked))]
    elsewhere = (Finding, Gone, Shape, Judged, Tried, Ratio, Joined, Overhead, Asked)
    files["checks.jsonl"] = [one for one in records if not isinstance(one, elsewhere)]
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
        Sample(
            at / 10, operation, random.uniform(10, 900), 200 if at % 50 else 500, bool(at % 50), at % 5, f"{at % 15}"
        )
        for at in range(seconds * 10)
        for operation in ("sendMessage", "getHistory")
    ]
    rows += [
        Turned(one.at, one.session, one.user, "session", "plain", one.ms, "done" if one.ok else "refused")
        for one in rows
        if one.operation == "sendMessage"
    ]
    return (*rows, Integrity(1.0, "s-1", 3, 6, 0, 6 - lost, lost, 0, 0, 0, 0, True, "detail"))


def streamed(*, seconds: int = 30) -> tuple[Any, ...]:
    """A load whose replies came in pieces, by both ways, with what the load process noted of itself."""
    random.seed(8)
    rows: list[Any] = []
    for at in range(seconds * 4):
        gaps = tuple(random.uniform(15, 30) for _ in range(10)) + ((700.0,) if at == 9 else ())
        way, name, first = ("sse", "socket")[at % 2], f"{at // 6}", random.uniform(100, 300)
        took, begun = first + sum(gaps), at / 4
        rows.append(Sample(begun, "createChatCompletion", took, 200, True, 1, name))
        rows.append(Turned(begun, name, 1, "session", way, took, "done" if at % 20 else "cut", first, gaps))
    rows += [Known(float(at), ("before", "during", "after")[at // 10], 1.5, (0.1, -0.2)) for at in range(30)]
    rows += [Pulse(float(at), 0.5, 9.0 + at, 0.1) for at in range(30)]
    rows += [Arrival(float(at), 1.5, at != 3, 2) for at in range(20)]
    return (*rows, Integrity(1.0, "1", 3, 6, 1, 6, 0, 0, 0, 0, 0, True))


def joined(number: int = 40, way: str = "sse", kind: str = "title") -> list[Any]:
    """Turns of which the model took 100 ms of its 90, and the deployment 30 to 50 more; one asked no model."""
    random.seed(9)
    rows: list[Any] = []
    for at in range(number):
        own = random.uniform(30, 50)
        rows.append(
            Joined(at / 4, f"{at // 3}", "session", way, "done", 100 + own, 1, False, 100.0, 90.0, 20 + own, 20.0, 18.0,
                   20.1, 20.0, 40.0, 30.0, 2.0, f"n-{at}")
        )  # fmt: skip
    rows += [
        Joined(1.0, "1", "session", "plain", "done", 9_000.0, 0, False),
        Joined(2.0, "2", "", way, "cut", 5.0, 1, False),
    ]
    return [*rows, Asked("chat", number, 1.0), Asked(kind, number // 2, 0.5)]


LIMITED = Judged(
    *("turn p95 < 1s", "missed", 2000.0, 1900.0, 2100.0, True, "2 s", 1000.0),
    *("provider", "of 2 s that the slow ones took on average, the provider had 1.9 s"),
)

OBJECTIVES = (
    Judged("damaged = 0", "held", 0, 0, 0, True, "no messages harmed", 0),
    Judged("turn p95 < 1s", "held", 640.0, 600.0, 1100.0, False, "640 ms, between 600 ms and 1.1 s", 1000.0),
    Judged("ttft p95 < 1s", "unsupported", None, None, None, False, "12 samples", 1000.0),
    Judged("errors < 1%", "missed", 0.02, 0.015, 0.03, True, "2 %", 0.01),
)


def levels(*outcomes: tuple[int, str], limit: str = "") -> list[Tried]:
    """Tries of levels; `limit` is who was the limit of those that fail, and of void ones."""
    return [
        Tried(number, level, outcome, True, 1, 10 * level, 30.0, 0.5 * level, 2.0 * level, 0.0, 20.0 * level,
              None if level < 4 else 40.0 * level, None, "turn p50 missed 'turn p50 < 200ms'" * (outcome == "fails"),
              limit=limit * (outcome in ("fails", "void")))
        for number, (level, outcome) in enumerate(outcomes, 1)
    ]  # fmt: skip


def capacity_run(**changes: Any) -> Run:
    given: dict[str, Any] = {
        "command": "capacity",
        "verdict": "pass",
        "counts": {"holds": 8, "fails": 10, "levels": 5},
        "settings": {"slo": ["turn p50 < 200ms", "damaged = 0"]},
        "sentence": "Holds 8 users, fails at 10: turn p50 missed 'turn p50 < 200ms'; the ends are close enough.",
    }
    return verify_run(**given | changes)


KINDS = (
    *("passed", "failed", "both", "load", "streams", "overhead", "capacity", "limited", "compare", "refused", "before"),
    *("empty", "died", "baseline", "hostile"),
)
"""What `every_kind` makes."""


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
        "both": folder(path / "both", verify_run(), *CHECKED, finding(), samples=under_load(lost=2)),
        "load": folder(path / "load", load_run, samples=under_load(lost=2)),
        "empty": folder(path / "empty", verify_run()),
        "baseline": folder(path / "baseline", verify_run(), *CHECKED, *tolerated, finding(before=HOSTILE), *gone),
        "streams": folder(path / "streams", load_run, *OBJECTIVES, samples=streamed()),
        "capacity": folder(
            path / "capacity",
            capacity_run(),
            *levels((2, "holds"), (4, "holds"), (8, "holds"), (16, "fails"), (10, "fails"), (12, "void")),
        ),
        "compare": folder(
            path / "compare", verify_run(command="compare", verdict="fail", sentence="B is slower than A."), *COMPARED
        ),
        "refused": folder(
            path / "refused", verify_run(command="compare", verdict="fail", settings={"a": "http://a"}), *MORE_FAIL
        ),
        "before": folder(
            path / "before",
            replace(load_run, settings={"baseline": "runs/before"}),
            *COMPARED,
            samples=under_load(),
        ),
        "overhead": folder(
            path / "overhead",
            replace(load_run, api="openwebui"),
            *(*OBJECTIVES[:1], LIMITED, *OBJECTIVES[2:]),
            *joined(),
            samples=streamed(),
        ),
        "limited": folder(
            path / "limited", capacity_run(), *levels((4, "holds"), (8, "holds"), (10, "fails"), limit="server")
        ),
        "died": folder(path / "died", verify_run(problem="the target died", left_behind=["chat 1"]), *CHECKED),
        "hostile": folder(
            path / "hostile",
            verify_run(
                **names,
                notes=[name],
                left_behind=[name],
                accounts=[{"label": name}],
                tools={"x": name},
            ),
            *hostile,
            *odd,
            *levels((2, HOSTILE), (4, "fails"), limit=HOSTILE),
            *joined(12, HOSTILE, HOSTILE),
            Judged(HOSTILE, HOSTILE, 1.0, 0.5, 2.0, False, HOSTILE, 1.0, HOSTILE, HOSTILE),
            Ratio(HOSTILE, "p95", 0.0, 0.0, 1.0, 0.5, 2.0, 1.1, HOSTILE, 3),
            Ratio(HOSTILE, HOSTILE, 1.0, 2.0, 2.0, 0.5, 2.0, None, "", 3),
            Ratio(HOSTILE, HOSTILE, 0.0, 0.0, None, None, None, None, HOSTILE, 3, why=HOSTILE),
            Ratio("", "failed", 0.0, 0.1, None, None, None, 0.01, HOSTILE, 3),
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
