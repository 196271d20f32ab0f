"""One reply, told in the ways of several releases."""

from __future__ import annotations

from typing import Any

from seatrial.delivered import Delivered, spoken

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
