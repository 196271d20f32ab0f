"""Shows each known defect on real releases, request by request, without the suite.

    python benchmarks/known_defects.py 0.12.4 0.11.4 0.10.2 0.9.6 0.9.5

Prints a table: defect by release, with what was answered. docs/releases.md is checked against it by hand; a cell
that says "not shown" where `seatrial/known_defects.toml` claims the defect, or the reverse, is marked.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Callable

from seatrial.accounts import sign_in, throwaway
from seatrial.client import Client
from seatrial.completions import Form, completion
from seatrial.contract import Contract
from seatrial.exchange import Reply
from seatrial.known import known_defects
from seatrial.lab import openwebui, openwebui_install
from seatrial.lab.children import provider_process
from seatrial.lab.script import Script
from seatrial.openwebui import branch
from seatrial.target import Login, Target
from seatrial.trees import tree
from seatrial.verbs import Session

MODEL = "seatrial-model"


class Bench:
    """A new account at a deployment, with a chat of four messages in it."""

    def __init__(self, deployment: openwebui.Deployment) -> None:
        self.contract = Contract.load().at(deployment.version)
        target = Target(deployment.url, "openwebui", version=deployment.version)
        login = Login(deployment.admin_email, deployment.admin_password)
        with Client(target) as anonymous:
            admin = sign_in(anonymous, self.contract, login, "admin")
        with Client(target, admin) as client:
            self.client = Client(target, throwaway(client, self.contract, f"bench-{uuid.uuid4().hex[:6]}", "bench"))
        self.tree = tree("bench", ["First question", "First reply", "Second question", "Second reply"], MODEL)
        self.chat = self.send("createChat", json={"chat": self.tree}).document()["id"]

    def send(self, operation: str, *values: str, **more: object) -> Reply:
        return self.client.send(self.contract.call(operation, *values, **more))  # type: ignore[arg-type]

    def update(self, **chat: object) -> Reply:
        return self.send("updateChat", self.chat, json={"chat": chat})


def _spoils(bench: Bench) -> tuple[bool, str]:
    bench.update(title=None)
    listed = bench.send("listChats", query={"page": 1})
    read = bench.send("getChat", bench.chat)
    return listed.status != 200, f"then the list {listed.status}, the chat {read.status}"


def _edit_hides(bench: Bench) -> tuple[bool, str]:
    message = list(bench.tree["history"]["messages"])[1]
    edited = bench.send("editMessage", bench.chat, message, json={"content": "Edited"})
    read = bench.send("getChat", bench.chat)
    shown = len(branch(read, read.document()["chat"]))
    return shown != 4, f"{edited.status}, then {shown} of 4 messages shown"


def _plain_completion(bench: Bench) -> tuple[bool, str]:
    reply = bench.send("createChatCompletion", json=completion(Form.PLAIN, MODEL, "Say yes."))
    return reply.status != 200, f"{reply.status} {reply.excerpt(60) if reply.status != 200 else ''}"


def _empty_content(bench: Bench) -> tuple[bool, str]:
    session = Session(bench.chat, tip=bench.tree["history"]["currentId"])
    bench.send("createChatCompletion", json=completion(Form.STORED_PLAIN, MODEL, "Say yes.", session=session))
    read = bench.send("getChat", bench.chat)
    last = branch(read, read.document()["chat"])[-1]
    return not last.content, f"content {last.content[:30]!r}, output {last.elsewhere[:30]!r}"


def _error(reply: Reply) -> tuple[bool, str]:
    return reply.status >= 500, str(reply.status)


KNOWN: dict[str, Callable[[Bench], tuple[bool, str]]] = {
    "search-blank-text": lambda b: _error(b.send("searchChats", query={"text": ""})),
    "search-enormous-page": lambda b: _error(b.send("searchChats", query={"text": "x", "page": 153722867280912932})),
    "update-title-not-text": lambda b: _error(b.update(title=5)),
    "update-title-not-text-spoils-account": _spoils,
    "update-history-malformed": lambda b: _error(b.update(history=None)),
    "update-messages-malformed": lambda b: _error(b.update(messages=5)),
    "edit-ends-the-chat": _edit_hides,
}

BREAKS: dict[str, Callable[[Bench], tuple[bool, str]]] = {
    "plain completions fail": _plain_completion,
    "stored replies have an empty content": _empty_content,
}
"""What fails a run on some release, and is therefore not among the known defects."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    versions = parser.parse_args().versions
    claims = {defect.id: defect for defect in known_defects()}
    assert set(claims) == set(KNOWN), "a defect without a demonstration, or the reverse"
    rows: dict[str, list[str]] = {name: [] for name in (*KNOWN, *BREAKS)}
    for version in versions:
        openwebui_install.install(version)
        with (
            provider_process(Script()) as provider,
            openwebui.boot(version, provider_url=provider) as deployment,
        ):
            for name, show in (KNOWN | BREAKS).items():
                shown, told = show(Bench(deployment))
                wrong = name in claims and shown != claims[name].is_in(version)
                rows[name].append(f"{'shown' if shown else 'not shown'}: {told}{' (!)' if wrong else ''}")
    print(f"| | {' | '.join(versions)} |\n|---|{'---|' * len(versions)}")
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
