"""One reply, told in the ways of several releases."""

from __future__ import annotations

from typing import Any

from seatrial.delivered import Delivered, spoken, without_thoughts

THOUGHT = '<details type="reasoning" done="{}">\n<summary>Thinking…</summary>\n&gt; a ship\nfloats\n</details>\n'


def delivered(*events: tuple[str, dict[str, Any]]) -> tuple[Delivered, list[bool]]:
    it = Delivered()
    return it, [it.take({"type": kind, "data": data}) for kind, data in events]


def output(text: str) -> list[dict[str, Any]]:
    return [{"type": "message", "content": [{"type": "output_text", "text": text}]}]


def test_pieces_are_put_together_and_the_end_brings_no_text() -> None:
    piece = {"type": "response.output_text.delta"}
    it, brought = delivered(
        ("chat:active", {"active": True}),
        ("response:completion", {"choices": [{"delta": {"role": "assistant", "content": ""}}]}),
        ("response:completion", piece | {"delta": "Ships "}),
        ("response:completion", piece | {"delta": "float."}),
        ("response:completion", {"type": "response.reasoning_summary_text.delta", "delta": "hm"}),
        ("chat:completion", {"done": True, "output": output("Ships float.")}),
    )
    assert brought == [False, False, True, True, False, False]
    assert (it.texts, it.done) == (("Ships float.", "Ships float."), True)


def test_where_all_of_it_is_told_each_time_growth_is_what_counts() -> None:
    it, brought = delivered(
        ("chat:completion", {"output": output("Ships ")}),
        ("chat:completion", {"output": output("Ships ")}),
        ("chat:completion", {"output": output("Ships float.")}),
        ("chat:completion", {"done": True, "output": output("Ships float.")}),
    )
    assert brought == [True, False, True, False]
    assert (it.texts, it.done) == (("Ships float.",), True)


def test_thoughts_inside_a_text_are_no_part_of_the_reply() -> None:
    it, brought = delivered(
        ("chat:completion", {"content": THOUGHT.format("false").removesuffix("</details>\n")}),
        ("chat:completion", {"content": THOUGHT.format("false")}),
        ("chat:completion", {"content": THOUGHT.format("true") + "Ships"}),
        ("chat:completion", {"content": THOUGHT.format("true") + "Ships float."}),
    )
    assert brought == [False, False, True, True]
    assert it.texts == ("Ships float.",)
    assert spoken("<details>kept</details>") == "<details>kept</details>"


def test_errors_are_told_in_several_ways() -> None:
    it, _ = delivered(
        ("chat:message:error", {"error": {"content": "away"}}),
        ("chat:completion", {"error": {"content": "gone"}}),
        ("chat:tasks:cancel", {}),
    )
    assert len(it.errors) == 3
    assert it.texts == ()


def delta(text: str, item: str = "m1") -> tuple[str, dict[str, Any]]:
    return "response:completion", {"type": "response.output_text.delta", "item_id": item, "delta": text}


def item(text: str, name: str = "m1", kind: str = "message") -> dict[str, Any]:
    return {"type": kind, "id": name, "content": [{"type": "output_text", "text": text}]}


def test_pieces_of_a_tag_of_thought_give_way_to_the_whole_that_replaces_them() -> None:
    """As 0.12 tells a model that writes `<think>` into its text, the tag in two tokens."""
    told, brought = delivered(
        delta("<th"),
        ("chat:completion", {"output": [item("", "r1", "reasoning")]}),
        ("response:completion", {"type": "response.reasoning_text.delta", "item_id": "r1", "delta": "a ship"}),
        ("chat:completion", {"output": [item("a ship", "r1", "reasoning"), item("Ships", "m2")]}),
        delta(" float.", "m2"),
        ("chat:completion", {"done": True, "output": [item("a ship", "r1", "reasoning"), item("Ships float.", "m2")]}),
    )
    assert brought == [True, False, False, True, True, False]
    assert told.texts == ("Ships float.", "Ships float.")


def test_what_is_lost_on_the_way_is_not_mended_by_the_whole_at_the_end() -> None:
    told, _ = delivered(delta("Ships "), ("chat:completion", {"done": True, "output": [item("Ships float.")]}))
    assert (told.pieces, told.whole) == ("Ships ", "Ships float.")


def test_texts_between_calls_of_tools_are_joined_as_they_are_stored() -> None:
    call = {"type": "function_call", "id": "c1", "name": "look"}
    told, _ = delivered(
        delta("\n", "m0"),
        delta("Let me look. \n", "m1"),
        ("response:completion", {"type": "response.output_item.done", "output_index": 1, "item": item("Let me look.")}),
        ("response:completion", {"type": "response.output_item.done", "output_index": 2, "item": call}),
        delta("It ", "m2"),
        delta("floats.", "m2"),
        ("chat:completion", {"done": True, "output": [item("Let me look."), call, item("It floats.", "m2")]}),
    )
    assert told.texts == ("Let me look.\nIt floats.",) * 2


def test_an_item_that_ends_with_other_text_than_was_told_stays_as_it_was_told() -> None:
    told, _ = delivered(
        delta("Let me "),
        ("response:completion", {"type": "response.output_item.done", "item": item("Let me look.")}),
    )
    assert told.pieces == "Let me "


def test_what_a_filter_makes_of_a_reply_is_the_last_word() -> None:
    told, brought = delivered(
        delta("Ships float."),
        ("chat:completion", {"done": True, "output": [item("Ships float.")]}),
        ("chat:outlet", {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "S. f."}]}),
        ("chat:outlet", {"messages": 5}),
        ("chat:outlet", {"messages": [5, {"role": "user", "content": "?"}]}),
    )
    assert brought == [True, False, False, False, False]
    assert (told.pieces, told.whole, told.outlet, told.texts) == ("Ships float.", "S. f.", "S. f.", ("S. f.",))


def test_thoughts_that_a_model_writes_into_its_text_are_no_part_of_the_reply() -> None:
    assert without_thoughts("<think>a ship\n</think>Ships float.") == "Ships float."
    assert without_thoughts("<|begin_of_thought|>hm<|end_of_thought|>Ships <b>float</b>.") == "Ships <b>float</b>."
    assert without_thoughts("<think>for ever") == ""
