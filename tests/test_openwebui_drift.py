"""Two released Open WebUIs side by side: what the newer one brought is told, and one against itself shows nothing.

Of the suite only the tests of changes and of a list run, and on the newer release generated requests as well: enough to
meet the operations in question, and over in about a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reports.drift import drift
from reports.sentences import sentence
from seatrial.baseline import unfinished
from seatrial.contract import Contract
from seatrial.lab.children import provider_process
from seatrial.lab.openwebui import boot
from seatrial.lab.openwebui_install import is_installed
from seatrial.lab.script import Script
from seatrial.records import RunFolder
from seatrial.settings import Settings

pytestmark = pytest.mark.openwebui

OLD = "0.9.6"
ROOT = Path(__file__).resolve().parent.parent
NEW_ON_CHATS = ("variables", "current_message_id", "context_usage")
CHOSEN = ("test_changes.py", "test_lifecycle.py::test_the_list_holds_every_session_newest_first")
GENERATED = ("test_conformance.py",)
NEW_ON_ROWS = ("snippet", "active", "archived")


def verified(deployment: Settings, out: Path, *tests: str, seed: int = 0) -> RunFolder:
    """A run folder of some of the suite, run by hand."""
    suite = ROOT / "contract_tests"
    options = ["-c", str(suite / "pytest.ini"), "--rootdir", str(suite), "-p", "no:locust", "-p", "no:schemathesis"]
    shell = {name: value for name, value in os.environ.items() if not name.startswith("SEATRIAL_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(str(suite / name) for name in tests), *options],
        env=shell | deployment.environment() | {"SEATRIAL_OUT": str(out), "SEATRIAL_SEED": str(seed)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    folder = RunFolder.open(out)
    # What the release does badly is not the question here; that the run came to its end is.
    assert unfinished(folder.load()) is None, done.stdout + done.stderr
    return folder


def test_the_release_does_not_drift_from_itself_and_its_news_since_an_old_one_are_told(
    deployment: Settings, tmp_path: Path
) -> None:
    if not is_installed(OLD):
        pytest.skip(f"{OLD} is not installed: seatrial lab openwebui --version {OLD} --install-only")
    with provider_process(Script(first_token=0.0, gap=0.0)) as provider, boot(OLD, provider_url=provider) as before:
        old = Settings(url=before.url, admin=f"{before.admin_email}:{before.admin_password}")
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(verified, old, tmp_path / "old", *CHOSEN)
            second = pool.submit(verified, deployment, tmp_path / "new", *CHOSEN, *GENERATED)
            older, newer = first.result(), second.result()
    again = verified(deployment, tmp_path / "again", *CHOSEN, *GENERATED, seed=11)
    assert [f"{row.operation}: {sentence(row)}" for row in drift(newer, again)] == []
    told = {(row.operation, row.where): row for row in drift(older, newer) if row.change == "came"}
    contract = Contract.load().document["components"]["schemas"]
    for operation in ("createChat", "getChat"):
        for name in NEW_ON_CHATS:
            assert told[operation, f"$.{name}"].since == contract["Chat"]["properties"][name]["x-since"]
    for operation in ("listChats", "searchChats"):
        for name in NEW_ON_ROWS:
            row = told[operation, f"$[*].{name}"]
            assert f"new in {contract['ChatRow']['properties'][name]['x-since']}" in sentence(row)
