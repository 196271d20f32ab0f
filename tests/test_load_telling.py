"""What the socket told against what is stored: each difference by name, and each counted once."""

from __future__ import annotations

import pytest

from load.integrity import Said
from load.telling import Heard, compare_told, misheard
from seatrial.samples import HARMS
from seatrial.verbs import Message

MARKER, KEY = "seatrial-0a1b2c3d", "1-1"
MINE, THEIRS = f"[{MARKER}.{KEY}.1]", f"[{MARKER}.2-1.1]"
STORED = f"You said {MINE} why do ships float? (end of reply)"


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (STORED[:-5], "truncated"),
        (STORED[5:], "truncated"),
        (STORED.replace("do ships ", ""), "truncated"),
        ("", "truncated"),
        (STORED * 2, "doubled"),
        (STORED.replace("ships ", "ships ships "), "doubled"),
        (f"You said {THEIRS} hello", "foreign"),
        (f"Something else {MINE}", "altered"),
        (STORED.replace("ships", "boats"), "altered"),
        (STORED + " and more", ""),  # the stored one is cut
    ],
)
def test_what_went_wrong_on_the_way_has_its_name(told: str, name: str) -> None:
    assert misheard(told, STORED, MARKER, KEY) == name


def compared(*texts: str, stored: str = STORED, elsewhere: str = "", original: str | None = None) -> dict[str, int]:
    asked = f"{MINE} why do ships float?"
    reply = Message("assistant", stored, "a1", "u1", elsewhere=elsewhere, original=original)
    history = [Message("user", asked, "u1"), reply]
    found = compare_told([Said(asked, texts[0])], {1: Heard("a1", texts)}, history, MARKER, KEY)
    assert found.acknowledged == 2 == found.stored + found.lost + found.truncated + found.altered
    return {name: number for name in HARMS if (number := getattr(found, name))}


def test_a_reply_told_as_it_is_stored_is_whole_in_whichever_way_it_was_told() -> None:
    assert compared(STORED + "\n", STORED) == {}
    assert compared(STORED, stored="", elsewhere=STORED) == {}  # where 0.10 keeps it


def test_a_reply_told_before_an_outlet_filter_changed_it_is_whole() -> None:
    footed = f"{STORED} -- may be wrong"
    assert compared(STORED, footed, stored=footed, original=STORED) == {}
    assert compared(STORED[:-5], footed, stored=footed, original=STORED) == {"truncated": 1}


def test_each_difference_counts_once() -> None:
    assert compared(STORED[:-5]) == {"truncated": 1}
    assert compared(STORED, STORED[:-5]) == {"truncated": 1}
    assert compared(STORED * 2) == {"doubled": 1}
    assert compared(f"You said {THEIRS}") == {"foreign": 1}
    assert compared(STORED.replace("ships", "boats")) == {"altered": 1}
    assert compared(STORED, stored=STORED[:-9]) == {"truncated": 1}  # the store has lost it, and not the socket
    assert compared(STORED, stored="") == {"lost": 1}
    assert compared(STORED, stored=f"You said {THEIRS}") == {"lost": 1, "foreign": 1}


def test_a_difference_is_shown_where_it_is() -> None:
    told = STORED.replace("float", "sink")
    asked = f"{MINE} why do ships float?"
    history = [Message("user", asked, "u1"), Message("assistant", STORED, "a1", "u1")]
    found = compare_told([Said(asked, told)], {1: Heard("a1", (told,))}, history, MARKER, KEY)
    assert "the socket told" in found.detail
    assert "ships sink?" in found.detail
    assert "ships float?" in found.detail
