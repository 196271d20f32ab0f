"""The brief's own client, unchanged, against the reference server and against a real Open WebUI behind it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import httpx
import pytest
import requests
from brief_client import BriefClient

from seatrial.accounts import throwaway
from seatrial.client import Client
from seatrial.contract import Contract
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.lab.upstream import Upstream
from seatrial.settings import Settings
from seatrial.target import Account

QUESTION = "Qual é a capital da França?"


@pytest.fixture
def client() -> Iterator[BriefClient]:
    with running(create_app(Contract.load())) as url:
        yield BriefClient(url)


@dataclass(frozen=True)
class Gateway:
    """The six operations in front of a real Open WebUI, as a throwaway account of it."""

    client: BriefClient
    upstream: Upstream
    account: Account
    admin: Client

    def stored(self, chat_id: str) -> httpx.Response:
        """The chat as Open WebUI itself tells it to the account, asked without this project's verbs."""
        path = self.upstream.contract.call("getChat", chat_id).path
        return httpx.get(self.upstream.target.url + path, headers=self.account.headers, timeout=30)


@pytest.fixture
def gateway(deployment: Settings, admin_token: str) -> Iterator[Gateway]:
    contract = Contract.load()
    upstream = Upstream.reach(replace(deployment, admin=None))
    with upstream.connect(Account("admin", token=admin_token)) as admin:
        account = throwaway(admin, contract, "seatrial-test", "brief client")
        try:
            as_account = Upstream.reach(Settings(url=deployment.url, token=(account.token or "",)))
            with running(create_app(contract, upstream=as_account)) as url:
                yield Gateway(BriefClient(url), as_account, account, admin)
        finally:
            admin.send(contract.call("deleteUser", account.id or ""))


def walk_through(client: BriefClient) -> None:
    """What the brief says people do, in its order."""
    assert QUESTION in client.send_message(QUESTION)["reply"]
    model = client.get_model_info()
    assert model["name"]
    assert model["version"]
    assert client.list_sessions()["sessions"] == []
    session_id = client.create_session()["id"]
    assert [session["id"] for session in client.list_sessions()["sessions"]] == [session_id]
    assert client.get_history(session_id)["messages"] == []
    client.delete_session(session_id)
    assert client.list_sessions()["sessions"] == []
    with pytest.raises(RuntimeError, match="404"):
        client.get_history(session_id)
    with pytest.raises(RuntimeError, match="404"):
        client.delete_session(session_id)


def say(client: BriefClient, session_id: str, prompt: str) -> str:
    """A turn in a session: the one thing that the Session API adds to the brief."""
    body = {"prompt": prompt, "session_id": session_id}
    answer = requests.post(f"{client.base_url}/api/v1/chat", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["session_id"] == session_id
    return str(answer.json()["reply"])


def test_the_briefs_client_works_unchanged(client: BriefClient) -> None:
    walk_through(client)


def test_turns_sent_into_a_session_are_its_history(client: BriefClient) -> None:
    session_id = client.create_session()["id"]
    replies = [say(client, session_id, prompt) for prompt in (QUESTION, "E da Itália? 🇮🇹")]
    lines = [(line["role"], line["content"]) for line in client.get_history(session_id)["messages"]]
    assert lines == [
        ("user", QUESTION),
        ("assistant", replies[0]),
        ("user", "E da Itália? 🇮🇹"),
        ("assistant", replies[1]),
    ]


@pytest.mark.openwebui
def test_the_briefs_client_works_unchanged_in_front_of_a_real_open_webui(gateway: Gateway) -> None:
    walk_through(gateway.client)


@pytest.mark.openwebui
def test_without_the_gateway_the_briefs_client_breaks_on_a_real_open_webui(deployment: Settings) -> None:
    bare = BriefClient(deployment.url or "")
    with pytest.raises(RuntimeError, match="405"):
        bare.send_message(QUESTION)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        bare.get_model_info()


@pytest.mark.openwebui
def test_a_history_is_what_open_webui_itself_has_stored(gateway: Gateway) -> None:
    session_id = gateway.client.create_session()["id"]
    prompts = [QUESTION, "E da Itália? 🇮🇹 שלום", "linha um\n\tlinha dois ", "x" * 20_000]
    replies = [say(gateway.client, session_id, prompt) for prompt in prompts]
    told = [(line["role"], line["content"]) for line in gateway.client.get_history(session_id)["messages"]]
    assert told == [line for p, r in zip(prompts, replies, strict=True) for line in (("user", p), ("assistant", r))]
    history = gateway.stored(session_id).json()["chat"]["history"]
    stored, current = [], history["currentId"]
    while current:
        message = history["messages"][current]
        stored.append((message["role"], message["content"]))
        current = message["parentId"]
    assert stored[::-1] == told
    assert len(history["messages"]) == len(told)


@pytest.mark.openwebui
def test_a_prompt_without_a_session_is_stored_nowhere(gateway: Gateway) -> None:
    before = gateway.client.list_sessions()
    gateway.client.send_message(QUESTION)
    assert gateway.client.list_sessions() == before


@pytest.mark.openwebui
def test_a_deleted_session_is_gone_from_open_webui(gateway: Gateway) -> None:
    kept, deleted = (gateway.client.create_session()["id"] for _ in range(2))
    gateway.client.delete_session(deleted)
    assert gateway.stored(deleted).status_code == 401
    assert gateway.stored(kept).status_code == 200


@pytest.mark.openwebui
def test_callers_with_credentials_of_their_own_are_strangers_to_each_other(gateway: Gateway) -> None:
    session_id = gateway.client.create_session()["id"]
    say(gateway.client, session_id, QUESTION)
    base = f"{gateway.client.base_url}/api/v1"
    contract = gateway.upstream.contract
    other = throwaway(gateway.admin, contract, "seatrial-test", "other caller")
    try:
        with httpx.Client(base_url=base, headers=other.headers, timeout=30) as caller:
            assert caller.get("/sessions").json() == {"sessions": []}
            said = {"prompt": "mine now", "session_id": session_id}
            answers = [
                caller.get(f"/sessions/{session_id}/history"),
                caller.post("/chat", json=said),
                caller.delete(f"/sessions/{session_id}"),
            ]
            assert [answer.status_code for answer in answers] == [404, 404, 404]
    finally:
        gateway.admin.send(contract.call("deleteUser", other.id or ""))
    assert len(gateway.client.get_history(session_id)["messages"]) == 2


@pytest.mark.openwebui
def test_wrong_credentials_are_401_and_never_the_accounts_of_the_command(gateway: Gateway) -> None:
    session_id = gateway.client.create_session()["id"]
    base = f"{gateway.client.base_url}/api/v1"
    with httpx.Client(base_url=base, headers={"Authorization": "Bearer wrong"}, timeout=30) as caller:
        answers = [
            caller.get("/model"),
            caller.get("/sessions"),
            caller.post("/sessions"),
            caller.post("/chat", json={"prompt": "hi"}),
            caller.post("/chat", json={"prompt": "hi", "session_id": session_id}),
            caller.get(f"/sessions/{session_id}/history"),
            caller.get("/sessions/made-up/history"),
            caller.delete(f"/sessions/{session_id}"),
        ]
    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert gateway.client.get_history(session_id)["messages"] == []


@pytest.mark.openwebui
@pytest.mark.parametrize("made_up", ["x", "%2E", "%2E%2E", "%2e%2e%2f", "%20", "00000000-0000-4000-8000-000000000000"])
def test_a_made_up_id_deletes_nothing(gateway: Gateway, made_up: str) -> None:
    session_id = gateway.client.create_session()["id"]
    with pytest.raises(RuntimeError, match="404"):
        gateway.client.delete_session(made_up)
    assert gateway.stored(session_id).status_code == 200


@pytest.mark.openwebui
def test_turns_of_one_session_at_the_same_time_are_all_kept(gateway: Gateway) -> None:
    session_id = gateway.client.create_session()["id"]
    prompts = [f"p{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda prompt: say(gateway.client, session_id, prompt), prompts))
    lines = gateway.client.get_history(session_id)["messages"]
    assert sorted(line["content"] for line in lines if line["role"] == "user") == prompts
