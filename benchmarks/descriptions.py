"""The OpenAPI documents that stock schemathesis reads, and the options that cut them to the same operations."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from seatrial.cache import cache_folder
from seatrial.contract import METHODS, Contract, Operation, default_path
from seatrial.lab.openwebui import environment
from seatrial.lab.openwebui_install import environment_folder

OURS, GENERATED = "openapi.yaml", "generated"

WRITE_DOWN = """
import json, sys
from open_webui.main import app
json.dump(app.openapi(), open(sys.argv[1], "w"))
"""
SECONDS = 180.0
_LOCK = threading.Lock()


def description(api: str, version: str, whose: str) -> list[str]:
    """Arguments of `st run`: the document, and which of its operations."""
    if whose == OURS:
        chosen = [part for operation in _touched(api, version) for part in ("--include-operation-id", operation.id)]
        return [str(default_path()), *chosen]
    with _LOCK:
        return [str(_generated(api, version))]


def _touched(api: str, version: str) -> list[Operation]:
    return [operation for operation in Contract.load().at(version or None).of(api) if not operation.never]


def _generated(api: str, version: str) -> Path:
    """What that release generates of itself, cut; written down once by its own Python."""
    whole = cache_folder("descriptions") / f"openapi-{version}.json"
    if not whole.exists():
        whole.parent.mkdir(parents=True, exist_ok=True)
        _write_down(version, whole)
    cut = cache_folder("descriptions") / f"openapi-{version}-cut.json"
    cut.write_text(json.dumps(cut_to(json.loads(whole.read_text("utf-8")), _touched(api, version))))
    return cut


def cut_to(document: dict[str, Any], operations: list[Operation]) -> dict[str, Any]:
    """The document with these operations alone, whatever their path parameters are named."""
    wanted = {(operation.method.lower(), _shape(operation.path)) for operation in operations}
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        kept = {key: value for key, value in item.items() if key not in METHODS or (key, _shape(path)) in wanted}
        if any(key in METHODS for key in kept):
            paths[path] = kept
    return document | {"paths": paths}


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _write_down(version: str, where: Path) -> None:
    """Importing it makes a database: that goes into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        env = environment(
            os.environ, data_dir=home, secret_key="x", provider_url="http://127.0.0.1:9",
            admin=("admin@example.com", "x"), defaults=False,
        )  # fmt: skip
        env |= {"FROM_INIT_PY": "true"}  # as its own command does, so that it finds its web app
        draft = home / "openapi.json"
        command = [str(environment_folder(version) / "bin" / "python"), "-c", WRITE_DOWN, str(draft)]
        subprocess.run(command, env=env, cwd=home, check=True, capture_output=True, timeout=SECONDS)
        where.write_text(draft.read_text("utf-8"), "utf-8")
