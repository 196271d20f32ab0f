"""Somebody's own contract: other paths, other parameter names and a prefix, and no change of code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.contract import default_path

RENAMED = {
    "/api/v1/chat": "/talk/v2/say",
    "/api/v1/model": "/talk/v2/brain",
    "/api/v1/sessions": "/talk/v2/conversations",
    "/api/v1/sessions/{session_id}": "/talk/v2/conversations/{conversation}",
    "/api/v1/sessions/{session_id}/history": "/talk/v2/conversations/{conversation}/transcript",
}


@pytest.fixture
def own_contract(tmp_path: Path) -> Path:
    """The Session API under other paths and parameter names, and below a prefix."""
    document = yaml.safe_load(default_path().read_text("utf-8"))
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        if path in RENAMED:
            item["servers"] = [{"url": "http://localhost:9090/gateway"}]
            for place in (item, *(item[m] for m in ("get", "post", "delete") if m in item)):
                if "parameters" in place:
                    place["parameters"] = [_renamed(document, parameter) for parameter in place["parameters"]]
        paths[RENAMED.get(path, path)] = item
    document["paths"] = paths
    text = json.dumps(document).replace('"session_id": "$response.body#/id"', '"conversation": "$response.body#/id"')
    target = tmp_path / "own.yaml"
    target.write_text(text)
    return target


def _renamed(document: Any, parameter: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in parameter:
        parameter = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return {**parameter, "name": "conversation"} if parameter["name"] == "session_id" else parameter


def test_both_suites_pass_on_a_renamed_contract(own_contract: Path, tmp_path: Path) -> None:
    assert not set(RENAMED) & set(json.loads(own_contract.read_text())["paths"])
    out = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "verify", "--load", "--contract", str(own_contract), "--out", str(out)],
        env={name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads((out / "run.json").read_text())
    assert run["target"].endswith("/gateway")
    assert run["verdict"] == "pass"
    assert (run["settings"]["embedded"], run["settings"]["load"]) == (True, True)
    assert run["counts"]["load_sessions"] > 0
    seen = [json.loads(line) for line in (out / "checks.jsonl").read_text().splitlines()]
    asked = {row["operation"] for row in seen if row["type"] == "Seen" and row["status"] == 200 and row["count"]}
    assert asked == {"sendMessage", "getModelInfo", "createSession", "listSessions", "deleteSession", "getHistory"}
