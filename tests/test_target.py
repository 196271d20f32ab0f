"""Target: which URLs can be the base of a deployment, and which of them are this machine."""

from __future__ import annotations

import pytest

from seatrial.errors import WrongUse
from seatrial.settings import gather


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("chat.example.org", "is no http"),
        ("ftp://chat.example.org", "is no http"),
        ("https://", "is no http"),
        ("https://me:hush@chat.example.org", "no credentials into the URL"),
        ("ftp://me:hush@chat.example.org", "is no http"),
        ("https://me:hush@[::1", "is no URL"),
        ("https://chat..org", "is no URL"),
        ("https://me:hu/hush@chat.example.org", "is no URL"),
        ("https://me:hush/x@chat.example.org", "is no URL"),
        ("https://chat.example.org:eighty", "is no URL"),
        ("https://chat.example.org?x=1", "query or fragment"),
        (None, "no URL given"),
    ],
)
def test_a_url_that_cannot_be_a_base_is_refused(url: str | None, said: str) -> None:
    with pytest.raises(WrongUse, match=said) as error:
        gather({"url": url}, {}).target()
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:9090/", True),
        ("http://127.0.0.2", True),
        ("http://[::1]:80/x", True),
        ("http://10.0.0.1", False),
        ("https://localhost.example.org", False),
    ],
)
def test_loopback_is_told_from_what_may_be_somebodys_production(url: str, loopback: bool) -> None:
    assert gather({"url": url}, {}).target().is_loopback is loopback


@pytest.mark.parametrize(
    "url", ["HTTPS://Chat.example.org/Base", " https://Chat.example.org/Base/ ", "https://Chat.example.org/Base//"]
)
def test_a_url_is_taken_as_it_is_meant(url: str) -> None:
    assert gather({"url": url}, {}).target().url == "https://Chat.example.org/Base"
