"""Expected beside received: what differs is marked, and nothing in it becomes markup."""

from __future__ import annotations

import pytest

from reports.differences import MOST, marked


@pytest.mark.parametrize(
    ("expected", "received", "left", "right"),
    [
        ("22 entries, known", "21 entries, known", "<mark>22</mark> entries, known", "<mark>21</mark> entries, known"),
        ("the same", "the same", "the same", "the same"),
        ("a b c", "a c", "a <mark>b </mark>c", "a c"),
        # What has nothing in common differs everywhere, and marking all of it shows nothing; but for the statuses.
        ("200", '400 {"detail": "no"}', "<mark>200</mark>", "<mark>400</mark> {&#34;detail&#34;: &#34;no&#34;}"),
        ("a 4xx", "GET /x -> 500", "a 4xx", "GET /x -&gt; 500"),
        ("", "something", "", "something"),
    ],
)  # fmt: skip
def test_what_the_other_has_not_is_marked(expected: str, received: str, left: str, right: str) -> None:
    told = marked(expected, received)
    assert [str(part) for part in told] == [left, right]


def test_hostile_texts_are_escaped_within_and_without_marks() -> None:
    left, right = marked("<b>one</b> & <i>two</i> same", "<b>one</b> & <script>x</script> same")
    assert "<script" not in right
    assert "&lt;b&gt;one" in left
    assert "<mark>" in right


def test_long_texts_are_compared_as_far_as_they_are_bounded() -> None:
    text = "word " * MOST
    left, right = marked(text + "a", text + "b")
    assert (str(left).endswith("a"), str(right).endswith("b")) == (True, True)
