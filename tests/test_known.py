"""Known defects: which requests show them."""

from __future__ import annotations

import pytest

from seatrial.known import CONDITIONS


@pytest.mark.parametrize(
    ("page", "odd"),
    [
        ("²", False),
        ("--5", False),
        ("9" * 5_000, True),
        ("-" + "9" * 19, True),
        ("0" * 5_000 + "7", False),
        ("5", False),
    ],
)
def test_a_page_is_enormous_or_not_whatever_it_holds(page: str, odd: bool) -> None:
    assert CONDITIONS["enormous"](page) is odd
