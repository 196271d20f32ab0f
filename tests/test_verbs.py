"""The six verbs read both APIs alike, and say exactly where an answer lacks what they need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.actor import Actor, verbs_for
from seatrial.completions import Form, completion
from seatrial.contract import OPENWEBUI, SESSIONS, Contract
from seatrial.exchange import NO_BODY, Call, Reply, Unexpected, perform
from seatrial.openwebui import PAGE, OpenWebUIVerbs
from seatrial.verbs import VERB_OPERATIONS, Message, Session, said

CONTRACT = Contract.load()


class Desk:
    """Answers calls in order from what it was given, and remembers them."""

    def __init__(self, *answers: Any) -> None:
        self.answers: Iterator[Any] = iter(answers)
        self.calls: list[Call] = []

    def send(self, call: Call) -> Reply:
        self.calls.append(call)
        answer = next(self.answers)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return Reply(call, status, {"content-type": "application/json"}, json.dumps(body).encode())


def actor(api: str, desk: Desk) -> Actor:
    return Actor(verbs_for(api, CONTRACT, "m"), desk.send, sleep=lambda _: None)


def message(message_id: str, parent: str | None, content: str = "text", **more: Any) -> dict[str, Any]:
    return {"id": message_id, "parentId": parent, "role": "user", "content": content, **more}


def chat(current: str | None, *messages: dict[str, Any]) -> dict[str, Any]:
    tree = {"messages": {row["id"]: row for row in messages}, "currentId": current}
    return {"id": "c1", "title": "t", "chat": {"history": tree}}


# --- how a verb is driven


def test_a_verb_waits_where_it_asks_to_and_goes_on_with_the_next_answer() -> None:
    desk, waits = Desk({"task_ids": ["t"]}, {"task_ids": ["t"]}, {"task_ids": []}), list[float]()
    perform(OpenWebUIVerbs(CONTRACT, "m").await_tasks("c1"), desk.send, waits.append)
    assert len(desk.calls) == 3
    assert len(waits) == 2


def test_what_sending_raises_ends_the_verb() -> None:
    def send(_: Call) -> Reply:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Actor(verbs_for(SESSIONS, CONTRACT), send).list_sessions()


def test_every_verb_shows_as_an_operation_of_the_contract() -> None:
    for operations in VERB_OPERATIONS.values():
        assert set(operations.values()) <= set(CONTRACT.operations)


# --- the Session API


def test_creating_a_session_sends_no_body_at_all_as_the_brief_says() -> None:
    desk = Desk({"id": "s1", "created_at": 5})
    assert actor(SESSIONS, desk).create_session("a title") == Session("s1", "", 5.0)
    assert desk.calls[0].json is NO_BODY
    assert desk.calls[0].body() is None


def test_a_prompt_alone_names_no_session_and_text_goes_out_as_utf8() -> None:
    desk = Desk({"reply": "Paris.", "model": "m"}, {"reply": "Roma.", "model": "m"})
    ana = actor(SESSIONS, desk)
    assert ana.send_message(None, "Qual é a capital da França?").session is None
    assert desk.calls[0].body() == '{"prompt": "Qual é a capital da França?"}'.encode()
    turn = ana.send_message(Session("s1"), "E da Itália?")
    assert desk.calls[1].json == {"prompt": "E da Itália?", "session_id": "s1"}
    assert said([turn]) == [("user", "E da Itália?"), ("assistant", "Roma.")]


def test_half_a_surrogate_pair_goes_out_escaped() -> None:
    call = CONTRACT.call("sendMessage", json={"prompt": "\ud83d"})
    assert call.body() == b'{"prompt": "\\ud83d"}'


def test_lists_and_histories_keep_the_servers_order() -> None:
    rows = [{"id": name, "created_at": 1} for name in ("s3", "s1", "s2")]
    lines = [{"role": role, "content": role, "created_at": 1} for role in ("user", "assistant")]
    ana = actor(SESSIONS, Desk({"sessions": rows}, {"session_id": "s1", "messages": lines}))
    assert [session.id for session in ana.list_sessions()] == ["s3", "s1", "s2"]
    assert [line.role for line in ana.get_history("s1")] == ["user", "assistant"]


# --- Open WebUI


def test_a_turn_in_a_chat_links_both_messages_to_the_last_one() -> None:
    desk = Desk({"choices": [{"message": {"content": "Roma."}}]})
    turn = actor(OPENWEBUI, desk).send_message(Session("c1", tip="a0"), "E da Itália?")
    body = desk.calls[0].json
    assert (body["chat_id"], body["stream"], body["model"]) == ("c1", False, "m")
    assert body["user_message"]["parentId"] == "a0"
    assert body["user_message"]["childrenIds"] == [body["id"]]
    assert body["parent_id"] == body["user_message"]["id"]
    assert turn.session is not None
    assert turn.session.tip == body["id"]


def test_a_prompt_alone_names_no_chat() -> None:
    desk = Desk({"choices": [{"message": {"content": "Paris."}}]})
    assert actor(OPENWEBUI, desk).send_message(None, "hi").reply == "Paris."
    assert set(desk.calls[0].json) == {"model", "messages", "stream"}


@pytest.mark.parametrize("form", [Form.BACKGROUND, Form.BLOCKING, Form.STORED_PLAIN])
def test_a_form_that_stores_needs_a_session(form: Form) -> None:
    with pytest.raises(ValueError, match="needs a session"):
        completion(form, "m", "hi")


def test_a_history_is_the_branch_that_the_web_app_shows() -> None:
    rows = [
        message("u1", None, "one"),
        message("a1", "u1", "two", role="assistant", timestamp=7),
        message("a2", "u1", "another branch"),
        message("u2", "a1", "three"),
    ]
    history = actor(OPENWEBUI, Desk(chat("u2", *rows))).get_history("c1")
    assert [line.content for line in history] == ["one", "two", "three"]
    assert history[1] == Message("assistant", "two", "a1", "u1", 7.0)


def test_a_stored_error_is_told_with_its_message() -> None:
    row = message("a1", None, "", error={"content": "no credit"})
    assert actor(OPENWEBUI, Desk(chat("a1", row))).get_history("c1")[0].error == "no credit"


@pytest.mark.parametrize("document", [chat(None), {"id": "c1", "chat": {}}, {"id": "c1", "chat": {"history": {}}}])
def test_a_chat_without_messages_has_an_empty_history(document: Any) -> None:
    assert actor(OPENWEBUI, Desk(document)).get_history("c1") == []


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (chat("gone"), "$.chat.history.messages.gone"),
        (chat("u2", message("u2", "lost")), "$.chat.history.messages.lost"),
        (chat("a", message("a", "b"), message("b", "a")), "$.chat.history.messages"),
        (chat("u2", message("u2", ["u1"])), "$.chat.history.messages.['u1']"),  # type: ignore[arg-type]
        (chat("a", {"id": "a", "parentId": None, "role": "user"}), "$.chat.history.messages.a.content"),
    ],
)
def test_a_broken_tree_is_named_and_never_walked_forever(document: Any, where: str) -> None:
    with pytest.raises(Unexpected) as error:
        actor(OPENWEBUI, Desk(document)).get_history("c1")
    assert error.value.where == where


def test_the_list_of_chats_is_read_page_by_page_to_its_end() -> None:
    rows = [{"id": f"c{number}"} for number in range(PAGE + 5)]
    desk = Desk(rows[:PAGE], rows[PAGE:])
    assert [session.id for session in actor(OPENWEBUI, desk).list_sessions()] == [row["id"] for row in rows]
    assert [call.params for call in desk.calls] == [(("page", "1"),), (("page", "2"),)]


def test_a_server_that_repeats_its_last_page_is_not_read_forever() -> None:
    page = [{"id": f"c{number}"} for number in range(PAGE)]
    desk = Desk(page, page, page)
    assert len(actor(OPENWEBUI, desk).list_sessions()) == PAGE
    assert len(desk.calls) == 2


def test_a_turn_in_the_background_is_read_from_the_history_when_its_tasks_have_ended() -> None:
    class Server(Desk):
        def send(self, call: Call) -> Reply:
            if call.operation == "createChatCompletion":
                user, assistant = call.json["user_message"]["id"], call.json["id"]
                rows = [message(user, None), message(assistant, user, "Roma.", role="assistant")]
                acknowledged = {"status": True, "task_ids": ["t"], "chat_id": "c1"}
                self.answers = iter([acknowledged, {"task_ids": ["t"]}, {"task_ids": []}, chat(assistant, *rows)])
            return super().send(call)

    desk = Server()
    steps = OpenWebUIVerbs(CONTRACT, "m").send_in_background(Session("c1"), "E da Itália?", "socket")
    turn = perform(steps, desk.send, lambda _: None)
    assert turn.reply == "Roma."
    assert desk.calls[0].json["session_id"] == "socket"
    assert desk.calls[0].json["stream"] is True


def test_an_acknowledged_turn_that_is_not_stored_is_lost_and_said_so() -> None:
    desk = Desk({"status": True, "task_ids": ["t"], "chat_id": "c1"}, {"task_ids": []}, chat(None))
    steps = OpenWebUIVerbs(CONTRACT, "m").send_in_background(Session("c1"), "hi", "socket")
    with pytest.raises(Unexpected, match="the acknowledged turn in the history"):
        perform(steps, desk.send, lambda _: None)


# --- answers that a verb cannot use


@pytest.mark.parametrize(
    ("api", "verb", "arguments", "answer", "where"),
    [
        (SESSIONS, "create_session", (), {"created_at": 1}, "$.id"),
        (SESSIONS, "create_session", (), {"id": 7}, "$.id"),
        (SESSIONS, "create_session", (), {"id": ""}, "$.id"),
        (SESSIONS, "create_session", (), {"id": ".."}, "$.id"),
        (SESSIONS, "create_session", (), (201, {"id": "s1"}), "status 201"),
        (SESSIONS, "create_session", (), [], "$.id"),
        (SESSIONS, "send_message", (None, "hi"), {"model": "m"}, "$.reply"),
        (SESSIONS, "send_message", (None, "hi"), {"reply": True}, "$.reply"),
        (SESSIONS, "get_model_info", (), {"name": "m"}, "$.version"),
        (SESSIONS, "list_sessions", (), [], "$.sessions"),
        (SESSIONS, "list_sessions", (), {"sessions": [{"id": "s1"}, {}]}, "$.sessions[1].id"),
        (SESSIONS, "list_sessions", (), {"sessions": ["s1"]}, "$.sessions[0].id"),
        (SESSIONS, "get_history", ("s1",), {"messages": [{"role": "user"}]}, "$.messages[0].content"),
        (SESSIONS, "get_history", ("s1",), {"messages": ["hi"]}, "$.messages[0].role"),
        (SESSIONS, "get_history", ("s1",), (404, {"detail": "no"}), "status 404"),
        (SESSIONS, "delete_session", ("s1",), (500, {"detail": "no"}), "status 500"),
        (OPENWEBUI, "create_session", (), {"id": ""}, "$.id"),
        (OPENWEBUI, "list_sessions", (), {"detail": "x"}, "$"),
        (OPENWEBUI, "list_sessions", (), [{"id": ""}], "$[0].id"),
        (OPENWEBUI, "list_sessions", (), ["c1"], "$[0].id"),
        (OPENWEBUI, "send_message", (None, "hi"), {"choices": []}, "$.choices"),
        (OPENWEBUI, "send_message", (None, "hi"), {"choices": [{"message": {}}]}, "$.choices[0].message.content"),
        (OPENWEBUI, "send_message", (None, "hi"), None, "$.choices"),
        (OPENWEBUI, "get_model_info", (), {"data": [{"name": "m"}]}, "$.data[0].id"),
        (OPENWEBUI, "get_model_info", (), {"data": ["m"]}, "$.data[0].id"),
        (OPENWEBUI, "delete_session", ("c1",), False, "$"),
        (OPENWEBUI, "get_history", ("c1",), {"id": "c1"}, "$.chat"),
        (OPENWEBUI, "get_history", ("c1",), (401, {"detail": "no"}), "status 401"),
    ],
)  # fmt: skip
def test_an_answer_without_what_the_verb_needs_says_where(
    api: str, verb: str, arguments: tuple[Any, ...], answer: Any, where: str
) -> None:
    with pytest.raises(Unexpected) as error:
        getattr(actor(api, Desk(answer)), verb)(*arguments)
    assert error.value.where == where
    assert error.value.reply.call.path in str(error.value)


def test_the_web_apps_page_with_200_is_no_success() -> None:
    def send(call: Call) -> Reply:
        return Reply(call, 200, {"content-type": "text/html; charset=utf-8"}, b"<!doctype html><html>")

    for verb in ("create_session", "list_sessions", "get_model_info"):
        with pytest.raises(Unexpected, match="an HTML page"):
            getattr(Actor(verbs_for(SESSIONS, CONTRACT), send), verb)()


def test_a_body_that_was_cut_is_no_success() -> None:
    def send(call: Call) -> Reply:
        return Reply(call, 200, {"content-type": "application/json"}, b'{"sessions": []}', cut="deadline")

    with pytest.raises(Unexpected, match="cut short"):
        Actor(verbs_for(SESSIONS, CONTRACT), send).list_sessions()


def test_an_error_shows_request_status_and_the_start_of_the_body() -> None:
    with pytest.raises(Unexpected) as error:
        actor(SESSIONS, Desk((503, {"detail": "x" * 5000}))).list_sessions()
    assert str(error.value).startswith("GET /api/v1/sessions: expected 200, received 503 ")
    assert len(str(error.value)) < 500
