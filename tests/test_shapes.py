"""Shapes: what is kept of answers, and that no value, nothing that was sent and nothing left open is among it."""

from __future__ import annotations

import json
from typing import Any

from seatrial.contract import NO_BODY, Contract
from seatrial.described import Described
from seatrial.exchange import Reply
from seatrial.shapes import BODY, Shape, Shapes

CONTRACT = Contract.load().at("0.12.4")
ID = "1a2b3c4d-0000-4000-8000-000000000000"
ROW = {
    "id": ID, "title": "A secret title", "created_at": 1, "updated_at": 2, "last_read_at": None, "snippet": None,
    "active": False, "archived": False,
}  # fmt: skip


def hear(shapes: Shapes, operation: str, document: Any, *values: str, status: int = 200, **more: Any) -> None:
    call = CONTRACT.call(operation, *values, json=more.pop("json", NO_BODY))
    media = more.pop("media", "application/json")
    shapes.hear(call, Reply(call, status, {"content-type": media}, json.dumps(document).encode()), **more)


def rows(shapes: Shapes) -> dict[tuple[str, int, str], Shape]:
    return {(row.operation, row.status, row.where): row for row in shapes.rows("openwebui")}


def chat(**changes: Any) -> dict[str, Any]:
    example = CONTRACT.document["components"]["examples"]["ChatWithATurn"]["value"]
    return {**json.loads(json.dumps(example)), **changes}


def test_a_field_is_told_with_its_types_and_how_often_it_was_there() -> None:
    shapes = Shapes(CONTRACT)
    hear(shapes, "listChats", [ROW, {**ROW, "last_read_at": 5}, {k: v for k, v in ROW.items() if k != "archived"}])
    found = rows(shapes)
    read, archived = found["listChats", 200, "$[*].last_read_at"], found["listChats", 200, "$[*].archived"]
    assert (read.types, read.present, read.looked, read.nulls) == (("integer",), 3, 3, 2)
    assert (archived.present, archived.looked, archived.required, archived.since) == (2, 3, True, "0.11.4")
    assert found["listChats", 200, BODY].types == ("array",)
    assert found["listChats", 0, ""].present == 1
    assert found["deleteMessage", 0, ""] == Shape("deleteMessage", 0, "", "", (), 0, 0, since="0.10.2")


def test_no_value_of_an_answer_is_kept() -> None:
    shapes = Shapes(CONTRACT)
    hear(shapes, "getChat", chat(title="A secret title"), ID)
    hear(shapes, "listChats", [{**ROW, "someone@example.org": 1, ID: 2, "1760000000": 3, "a secret key": 4}])
    told = json.dumps([vars(row) for row in shapes.rows("openwebui")])
    for value in ("secret", ID, "1760000", "example.org", "scripted", "Paris", "assistant"):
        assert value not in told
    found = rows(shapes)
    assert found["getChat", 200, "$.chat.history.messages.{*}.content"].present == 2
    assert found["listChats", 200, "$[*].{*}"].present == 4


def test_what_the_contract_leaves_free_is_not_looked_into() -> None:
    shapes = Shapes(CONTRACT)
    hear(shapes, "getChat", chat(meta={"tags": ["x"]}, context_usage={"used": 5}, extra={"inner": 1}), ID)
    places = {where for _, _, where in rows(shapes)}
    assert {"$.meta", "$.context_usage", "$.extra"} <= places
    assert not [where for where in places if where.startswith(("$.meta.", "$.context_usage.", "$.extra."))]


def test_a_field_that_comes_back_as_it_was_sent_is_none_of_the_target() -> None:
    shapes = Shapes(CONTRACT)
    sent = {"title": "T", "mine": 1, "history": {"messages": {ID: {"content": "c", "mine": 2}}, "currentId": ID}}
    answer = chat(chat=sent | {"theirs": 3}, model="where it was not sent")
    hear(shapes, "createChat", answer, json={"chat": sent, "model": "sent elsewhere"})
    places = {where for _, _, where in rows(shapes)}
    assert {"$.chat.title", "$.chat.theirs"} <= places
    assert not {"$.chat.mine", "$.chat.history.messages.{*}.mine", "$.model"} & places


def test_of_refusals_to_generated_requests_only_the_status_is_kept() -> None:
    shapes = Shapes(CONTRACT)
    wrong = {"detail": [{"type": "missing", "loc": ["body"], "msg": "m", "input": {"generated": 1}}]}
    hear(shapes, "createChat", wrong, status=422, generated=True)
    assert [where for operation, status, where in rows(shapes) if status] == [BODY]
    hear(shapes, "createChat", wrong, status=422)
    places = {row.where for row in shapes.rows("openwebui") if row.status and not row.generated}
    assert "$.detail[*].input" in places
    assert "$.detail[*].input.generated" not in places


def test_what_is_no_json_or_cut_or_deep_breaks_nothing() -> None:
    shapes, deep = Shapes(CONTRACT), {}
    for _ in range(500):
        deep = {"a": deep}
    hear(shapes, "createChat", "never read as JSON", media="text/html", json=deep)
    call = CONTRACT.call("getConfig")
    shapes.hear(call, Reply(call, 200, {"content-type": "application/json"}, b"{", cut="closed"))
    shapes.hear(call, Reply(call, 200, {"content-type": "application/json"}, b"{"))
    found = rows(shapes)
    assert (found["createChat", 200, BODY].media, found["createChat", 200, BODY].types) == ("text/html", ())
    assert found["getConfig", 200, BODY].present == 1


def test_alternatives_have_the_fields_of_all_and_demand_those_of_each() -> None:
    one = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {}}}
    other = {"type": ["object", "null"], "required": ["a"], "properties": {"a": {"const": 5}, "c": {"x-since": "1.0"}}}
    both = {"allOf": [one, {"required": ["c"], "properties": {"c": {"items": {"type": "number"}}}}]}
    document = {"parts": {"one": one}}
    either = Described.of(document, {"anyOf": [{"$ref": "#/parts/one"}, other]})
    assert (sorted(either.fields), either.required, either.types) == (["a", "b", "c"], {"a"}, ("null", "object"))
    assert either.fields["c"].since == "1.0"
    joined = Described.of(document, both)
    assert joined.required == {"a", "b", "c"}
    assert joined.fields["c"].types == ("array",)
    assert joined.fields["c"].entries is not None
    assert joined.fields["c"].entries.types == ("number",)
    assert Described.of(document, True).is_free
