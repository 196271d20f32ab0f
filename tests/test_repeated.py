"""A question that is refused now and then is asked again."""

from __future__ import annotations

import pytest

from seatrial.exchange import Call, Reply, Unexpected, repeated


@pytest.mark.parametrize(("refusals", "comes"), [(0, True), (2, True), (3, False)])
def test_what_is_refused_now_and_then_is_asked_again(refusals: int, comes: bool) -> None:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        if len(asked) <= refusals:
            raise Unexpected(Reply(Call("listSessions", "GET", "/sessions"), 502, {}, b""), "200", "502")
        return "a list"

    if comes:
        assert repeated(ask) == "a list"
    else:
        with pytest.raises(Unexpected):
            repeated(ask)
    assert len(asked) == min(refusals + 1, 3)
