"""What tests of several modules are given: `seatrial` in this process, a scripted provider, a real Open WebUI.

The Open WebUI, for the tests marked `openwebui`, is one for the whole run, or one that is already there:
SEATRIAL_LAB_URL and SEATRIAL_LAB_ADMIN (EMAIL:PASSWORD) name a deployment to use in place of booting one. The tests
make accounts and chats of their own there and remove them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Command, Ended
from scripted_provider import QUICK

from seatrial.accounts import sign_in
from seatrial.cli import main
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.lab.children import provider_process
from seatrial.lab.openwebui import boot
from seatrial.lab.openwebui_install import DEFAULT_VERSION, install
from seatrial.lab.provider import create_app
from seatrial.lab.script import Script
from seatrial.lab.serving import running
from seatrial.settings import Settings


@pytest.fixture(scope="session")
def deployment() -> Iterator[Settings]:
    """Settings that name its URL and its administrator."""
    url, admin = os.environ.get("SEATRIAL_LAB_URL"), os.environ.get("SEATRIAL_LAB_ADMIN")
    if url and admin:
        yield Settings(url=url, admin=admin)
        return
    install(DEFAULT_VERSION)  # some minutes and 3 GB the first time
    with provider_process(Script(first_token=0.0, gap=0.0)) as provider:
        with boot(DEFAULT_VERSION, provider_url=provider) as booted:
            yield Settings(url=booted.url, admin=f"{booted.admin_email}:{booted.admin_password}")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """`seatrial` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["seatrial", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Ended(int(ended.value.code or 0), out, err, tmp_path)

    return run


@pytest.fixture(scope="session")
def admin_token(deployment: Settings) -> str:
    """Once for all: the deployment takes fifteen sign-ins of an address in three minutes."""
    login = deployment.admin_login
    assert login is not None
    with Client(deployment.target()) as client:
        return sign_in(client, Contract.load(), login, "admin").token or ""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The file in which the provider writes down its calls."""
    return tmp_path / "calls.jsonl"


@pytest.fixture
def provider(record: Path) -> Iterator[str]:
    """The URL of a scripted provider that takes no time."""
    with running(create_app(QUICK, record)) as url:
        yield url
