"""Where trials happen: the reference server, new for each, or one Open WebUI for many, as long as it is sound.

with at(OPENWEBUI, "0.12.4") as ground:
    with ground.place() as place: ...       # a Place
"""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from trials import Place

from seatrial.accounts import sign_in
from seatrial.client import Client
from seatrial.contract import OPENWEBUI, Contract
from seatrial.errors import SeatrialError
from seatrial.exchange import NoAnswer, Unexpected
from seatrial.lab import openwebui
from seatrial.lab.children import provider_process
from seatrial.lab.openwebui_install import install
from seatrial.lab.reference import create_app
from seatrial.lab.script import Script
from seatrial.lab.serving import running
from seatrial.target import Account, Login, Target


class Ground(Protocol):
    """Gives the place for one trial after the other."""

    def place(self) -> contextlib.AbstractContextManager[Place]: ...


class Reference:
    """The reference server with three owners."""

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        tokens = [f"owner-{number}-{secrets.token_hex(8)}" for number in range(3)]
        with running(create_app(Contract.load(), tokens=tokens)) as url:
            yield Place(url, {"SEATRIAL_TOKEN": "\n".join(tokens), "SEATRIAL_DISPOSABLE": "1"})


class OpenWebUI:
    """A release with the scripted provider behind it. A trial that leaves it unsound costs a new one."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.contract = Contract.load().at(version)
        self._running = contextlib.ExitStack()
        self.deployment: openwebui.Deployment | None = None
        self.admin: Account | None = None

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        deployment, admin = self.sound()
        assert admin.token is not None
        yield Place(deployment.url, {"SEATRIAL_ADMIN_TOKEN": admin.token})

    def sound(self) -> tuple[openwebui.Deployment, Account]:
        """The deployment and its administrator: it answers, and holds nobody else and no chat of its own."""
        if self.deployment is None or self.admin is None:
            return self._boot()
        if trouble := self._trouble(self.deployment, self.admin):
            print(f"Open WebUI is booted anew: {trouble}", file=sys.stderr, flush=True)
            return self._boot()
        return self.deployment, self.admin

    def close(self) -> None:
        self.deployment = None
        self._running.close()

    def running(self) -> tuple[openwebui.Deployment, Account]:
        """The deployment that there is, sound or not."""
        assert self.deployment is not None
        assert self.admin is not None
        return self.deployment, self.admin

    def client(self) -> Client:
        """Of the administrator, past any fault."""
        deployment, admin = self.running()
        return Client(Target(deployment.url, OPENWEBUI, version=self.version), admin)

    def _boot(self) -> tuple[openwebui.Deployment, Account]:
        self.close()
        provider = self._running.enter_context(provider_process(Script()))
        self.deployment = self._running.enter_context(openwebui.boot(self.version, provider_url=provider))
        with Client(Target(self.deployment.url, OPENWEBUI)) as anonymous:
            # Once: it refuses more than a few sign-ins of an address in a row.
            login = Login(self.deployment.admin_email, self.deployment.admin_password)
            self.admin = sign_in(anonymous, self.contract, login, "admin")
        return self.deployment, self.admin

    def _trouble(self, deployment: openwebui.Deployment, admin: Account) -> str:
        """What is not as it was when it was new; empty when all is."""
        if deployment.exit_code() is not None:
            return f"it ended with code {deployment.exit_code()}"
        try:
            with self.client() as client:
                asked = [
                    client.send(self.contract.call(operation, query=query))
                    for operation, query in (
                        ("getCurrentUser", None), ("listModels", None), ("listChats", {"page": 1}),
                        ("searchUsers", {"query": "@"}),
                    )
                ]  # fmt: skip
        except (SeatrialError, NoAnswer, Unexpected) as error:
            return str(error)
        if refused := [reply for reply in asked if reply.status != 200]:
            return str(refused[0])
        chats, users = asked[2].document(), asked[3].document()["users"]
        left = [f"{len(chats)} chats"] if chats else []
        left += [f"{len(users) - 1} accounts"] if len(users) > 1 else []
        return f"a trial left {' and '.join(left)} behind" if left else ""


@contextlib.contextmanager
def at(api: str, version: str) -> Iterator[Ground]:
    """The ground for trials of an API; `version` is Open WebUI's."""
    if api != OPENWEBUI:
        yield Reference()
        return
    install(version)
    ground = OpenWebUI(version)
    try:
        yield ground
    finally:
        ground.close()


def opening(api: str, version: str) -> Callable[[], contextlib.AbstractContextManager[Ground]]:
    """The same, to be opened by whoever works on it."""
    return lambda: at(api, version)
