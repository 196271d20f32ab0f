"""The reference server: the contract's six operations, exactly, for many clients at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from session_api import CONTRACT, actor, ask, client

from seatrial.actor import Actor, verbs_for
from seatrial.client import Client
from seatrial.contract import SESSIONS, Contract, default_path
from seatrial.errors import WrongUse
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.target import Target
from seatrial.verbs import said

TEXTS = {
    "portuguese": "Qual é a capital da França?",
    "emoji": "launch 👩‍🚀🇩🇪 now",
    "right to left": "שלום עולם \u202eمرحبا",
    "control characters": "bell\x07 null\x00 escape\x1b[0m delete\x7f",
    "line ends": "one\r\n\ntwo\n\tthree\u2028four\u0085five",
    "white space around": "  padded \t\n",
    "half a surrogate pair": "cut \ud83d off",
    "not normalised": "e\u0301 is not \u00e9",
    "a megabyte": "0123456789abcdef" * 65_536,
    "a megabyte of emoji": "🚢" * 262_144,
}


@pytest.fixture
def server() -> Iterator[str]:
    with running(create_app(CONTRACT)) as url:
        yield url


@pytest.fixture
def ana(server: str) -> Iterator[Actor]:
    with client(server) as sender:
        yield actor(sender)


# --- what it keeps


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_was_said_is_what_history_returns(ana: Actor, text: str) -> None:
    session = ana.create_session()
    turns = [ana.send_message(session, prompt) for prompt in ("before", text, "after")]
    assert [(line.role, line.content) for line in ana.get_history(session.id)] == said(turns)
    assert text[:2000] in turns[1].reply


def test_sessions_are_listed_newest_first_also_within_one_second(ana: Actor) -> None:
    created = [ana.create_session().id for _ in range(30)]
    assert [session.id for session in ana.list_sessions()] == created[::-1]


def test_a_session_is_called_by_its_first_prompt(ana: Actor) -> None:
    session = ana.create_session()
    for prompt in ("Qual é a capital da França? " * 9, "second"):
        ana.send_message(session, prompt)
    assert [row.title for row in ana.list_sessions()] == [("Qual é a capital da França? " * 9)[:80]]


def test_a_prompt_alone_is_answered_and_stored_nowhere(ana: Actor) -> None:
    session = ana.create_session()
    assert "alone" in ana.send_message(None, "alone").reply
    assert [row.id for row in ana.list_sessions()] == [session.id]
    assert ana.get_history(session.id) == []


def test_a_deleted_session_is_gone_everywhere_and_its_siblings_are_not(server: str, ana: Actor) -> None:
    first, second = ana.create_session(), ana.create_session()
    for session in (first, second):
        ana.send_message(session, "kept?")
    ana.delete_session(first.id)
    assert [row.id for row in ana.list_sessions()] == [second.id]
    assert len(ana.get_history(second.id)) == 2
    answers = [
        ask(server, "getHistory", first.id),
        ask(server, "deleteSession", first.id),
        ask(server, "sendMessage", json={"prompt": "hi", "session_id": first.id}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_many_clients_at_once_lose_double_and_mix_nothing(tmp_path: Path) -> None:
    with running(create_app(CONTRACT, database=tmp_path / "sessions.db")) as url:

        def work(person: int) -> bool:
            with client(url) as sender:
                own = actor(sender)
                kept, dropped = own.create_session(), own.create_session()
                turns = [own.send_message(kept, f"{person} says {number}") for number in range(5)]
                own.send_message(dropped, "forget me")
                own.delete_session(dropped.id)
                return [(line.role, line.content) for line in own.get_history(kept.id)] == said(turns)

        with ThreadPoolExecutor(25) as pool:
            assert all(pool.map(work, range(25)))
        with client(url) as sender:
            assert len(actor(sender).list_sessions()) == 25


def test_turns_of_one_session_at_the_same_time_stay_whole(server: str, ana: Actor) -> None:
    session = ana.create_session()

    def say(number: int) -> None:
        with client(server) as sender:
            actor(sender).send_message(session, f"p{number}")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(say, range(60)))
    lines = ana.get_history(session.id)
    pairs = list(zip(lines[::2], lines[1::2], strict=True))
    assert all(prompt.role == "user" and f": {prompt.content} (" in reply.content for prompt, reply in pairs)
    assert sorted(prompt.content for prompt, _ in pairs) == sorted(f"p{number}" for number in range(60))


def test_a_database_outlives_the_server_and_holds_no_token(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    for _ in range(2):
        with running(create_app(CONTRACT, tokens=["ana-token"], database=path)) as url:
            with client(url, "ana-token") as sender:
                actor(sender).create_session()
                found = len(actor(sender).list_sessions())
    assert found == 2
    assert not any(b"ana-token" in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize("name", ["none/sessions.db", "text.db"])
def test_a_database_that_cannot_be_used_is_wrong_use(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.db").write_text("this is no database, and is long enough to be seen as none " * 20)
    with pytest.raises(WrongUse, match=r"cannot use .* as --database"):
        create_app(CONTRACT, database=tmp_path / name)


# --- somebody's own copy of the contract


def test_an_edited_copy_moves_paths_names_methods_and_prefix_without_a_change_here(tmp_path: Path) -> None:
    text = default_path().read_text("utf-8")
    for old, new in (
        ("/api/v1/sessions/{session_id}/history", "/v2/talks/{talk-id}/lines"),
        ("/api/v1/sessions/{session_id}", "/v2/talks/{talk-id}"),
        ("/api/v1/sessions", "/v2/talks/all"),
        ("/api/v1/chat:", "/v2/say:"),
        ("name: session_id\n      in: path", "name: talk-id\n      in: path"),
        ("parameters: {session_id:", "parameters: {talk-id:"),
        ('url: "http://localhost:9090"', 'url: "http://localhost:9090/llm"'),
        ("post:\n      operationId: createSession", "put:\n      operationId: createSession"),
    ):
        assert old in text
        text = text.replace(old, new)
    copy = tmp_path / "mine.yaml"
    copy.write_text(text, encoding="utf-8")
    mine = Contract.load(copy)
    with running(create_app(mine)) as url, Client(Target(url + mine.prefix(SESSIONS))) as sender:
        own = Actor(verbs_for(SESSIONS, mine), sender.send)
        session = own.create_session()
        turn = own.send_message(session, "moved")
        assert [(line.role, line.content) for line in own.get_history(session.id)] == said([turn])
        own.delete_session(session.id)
        assert own.list_sessions() == []
        assert httpx.put(f"{url}/llm/v2/talks/all").status_code == 200
        assert httpx.get(f"{url}/api/v1/sessions").status_code == 404
