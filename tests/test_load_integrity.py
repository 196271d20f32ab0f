"""What was said against what a history holds: each way of going wrong is counted under its own name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from load.integrity import Comparison, Said, compare
from load.prompts import Nonce, nonces, prompt
from seatrial.samples import HARMS
from seatrial.verbs import Message

MARKER, SESSION = "seatrial-0a1b2c3d", "4-2"


def words(turn: int, session: str = SESSION) -> str:
    return prompt(Nonce(MARKER, session, turn))


def answered(turn: int) -> Said:
    return Said(words(turn), f"You said: {words(turn)} (end of reply)")


def refused(turn: int) -> Said:
    return Said(words(turn))


def stored(said: Sequence[Said]) -> list[Message]:
    return [
        message
        for one in said
        if one.reply is not None
        for message in (Message("user", one.prompt), Message("assistant", one.reply))
    ]


def held(said: Sequence[Said], history: Sequence[Message]) -> Comparison:
    result = compare(said, history, MARKER, SESSION)
    assert result.acknowledged == result.stored + result.truncated + result.altered + result.lost
    return result


def counts(result: Comparison) -> dict[str, int]:
    names = (*HARMS, "kept")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


TALK = [answered(1), answered(2), answered(3)]


def test_a_history_that_holds_all_is_whole() -> None:
    result = held(TALK, stored(TALK))
    assert result.is_whole
    assert (result.acknowledged, result.stored, result.detail) == (6, 6, "")


def test_a_reply_that_an_outlet_filter_changed_is_whole() -> None:
    footed = [replace(one, content=f"{one.content} -- may be wrong", original=one.content) for one in stored(TALK)]
    assert held(TALK, footed).is_whole
    assert counts(held(TALK, [replace(one, original="another text") for one in footed])) == {"altered": 6}


def test_nothing_said_and_nothing_there_is_whole() -> None:
    assert held([], []).is_whole


@pytest.mark.parametrize("gone", range(6))
def test_a_missing_message_is_lost_whichever_it_is(gone: int) -> None:
    history = stored(TALK)
    del history[gone]
    result = held(TALK, history)
    assert counts(result) == {"lost": 1}
    assert result.detail == f"lost: the {'reply' if gone % 2 else 'prompt'} of turn {gone // 2 + 1}"


def test_an_empty_history_has_lost_everything() -> None:
    assert counts(held(TALK, [])) == {"lost": 6}


@pytest.mark.parametrize("twice", range(6))
def test_a_message_that_is_there_twice_is_doubled(twice: int) -> None:
    history = stored(TALK)
    assert counts(held(TALK, [*history, history[twice]])) == {"doubled": 1}
    assert counts(held(TALK, [*history[:twice], history[twice], *history[twice:]])) == {"doubled": 1}


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("keep", [slice(0, -5), slice(0, 40), slice(5, None), slice(0, 3)])
def test_a_message_that_lost_an_end_is_truncated_and_not_lost(place: int, keep: slice) -> None:
    history = stored(TALK)
    history[place] = Message(history[place].role, history[place].content[keep])
    assert counts(held(TALK, history)) == {"truncated": 1}


def test_a_reply_without_a_nonce_that_changed_is_altered() -> None:
    said = [Said(words(1), "Aye."), Said(words(2), "No.")]
    history = stored(said)
    history[1] = Message("assistant", "Perhaps.")
    assert counts(held(said, history)) == {"altered": 1}


@pytest.mark.parametrize("place", [1, 3, 5])
def test_an_emptied_reply_is_lost(place: int) -> None:
    history = stored(TALK)
    history[place] = Message("assistant", " ")
    result = held(TALK, history)
    assert counts(result) == {"lost": 1}
    assert result.detail.endswith("(an empty one stands there)")


def test_an_empty_message_beside_the_reply_is_foreign() -> None:
    assert counts(held(TALK, [*stored(TALK), Message("assistant", "")])) == {"foreign": 1}


def test_a_message_of_another_session_is_foreign() -> None:
    strange = Message("user", words(1, session="9-9"))
    assert counts(held(TALK, [*stored(TALK), strange])) == {"foreign": 1}


def test_a_message_of_another_run_is_foreign() -> None:
    strange = Message("user", prompt(Nonce("seatrial-ffffffff", SESSION, 1)))
    assert counts(held(TALK, [strange, *stored(TALK)])) == {"foreign": 1}


def test_a_message_that_nobody_said_is_foreign() -> None:
    assert counts(held(TALK, [*stored(TALK), Message("user", "where is my parcel?")])) == {"foreign": 1}


def test_another_sessions_message_in_place_of_ours_is_foreign_and_ours_lost() -> None:
    history = stored(TALK)
    history[2] = Message("user", words(2, session="9-9"))
    assert counts(held(TALK, history)) == {"foreign": 1, "lost": 1}


def test_a_reply_meant_for_another_session_is_foreign_though_it_is_stored_as_delivered() -> None:
    said = [Said(words(1), f"You said: {words(1, session='9-9')}")]
    result = held(said, stored(said))
    assert counts(result) == {"foreign": 1}
    assert result.detail == "foreign: the reply of turn 1 was meant for session 9-9"


def test_messages_in_another_order_are_reordered() -> None:
    history = stored(TALK)
    assert counts(held(TALK, [*history[2:4], *history[:2], *history[4:]])) == {"reordered": 2}
    assert counts(held(TALK, [history[1], history[0], *history[2:]])) == {"reordered": 1}


def test_newest_first_is_reordered() -> None:
    assert held(TALK, stored(TALK)[::-1]).reordered == 5


def test_equal_replies_are_told_apart_by_their_place() -> None:
    said = [Said(words(turn), "Aye.") for turn in (1, 2, 3)]
    history = stored(said)
    assert held(said, history).is_whole
    del history[1]
    assert counts(held(said, history)) == {"lost": 1}


def test_a_refused_turn_that_is_absent_is_accounted_for() -> None:
    said = [answered(1), refused(2), answered(3)]
    result = held(said, stored(said))
    assert result.is_whole
    assert result.acknowledged == 4


def test_a_refused_turn_may_be_there_all_the_same() -> None:
    said = [answered(1), refused(2), answered(3)]
    history = [*stored(said[:1]), Message("user", words(2)), *stored(said[2:])]
    result = held(said, history)
    assert result.is_whole
    assert counts(result) == {"kept": 1}


@pytest.mark.parametrize("reply", ["", f"You said: {words(2)}", "Aye."])
def test_a_refused_turn_may_be_there_with_a_reply(reply: str) -> None:
    said = [answered(1), refused(2)]
    history = [*stored(said), Message("user", words(2)), Message("assistant", reply)]
    result = held(said, history)
    assert result.is_whole
    assert counts(result) == {"kept": 2}


def test_a_refused_turn_does_not_excuse_the_loss_of_another() -> None:
    said = [answered(1), refused(2), answered(3)]
    history = [*stored(said[:1]), Message("user", words(2)), Message("assistant", "")]
    assert counts(held(said, history)) == {"kept": 2, "lost": 2}


def test_a_refused_prompt_that_is_there_twice_is_doubled() -> None:
    said = [refused(1)]
    history = [Message("user", words(1)), Message("user", words(1))]
    assert counts(held(said, history)) == {"kept": 1, "doubled": 1}


def test_white_space_at_the_end_of_a_reply_does_not_count_and_in_a_prompt_does() -> None:
    said = [Said(words(1), "Aye. \n")]
    assert held(said, [Message("user", words(1)), Message("assistant", "Aye.")]).is_whole
    assert counts(held(said, [Message("user", words(1) + " "), Message("assistant", "Aye.")])) == {"altered": 1}


def test_the_first_departures_are_told_and_all_are_counted() -> None:
    result = held(TALK, [])
    assert result.detail.count(";") == 2
    assert result.lost == 6


def test_a_nonce_is_found_again_in_what_carries_it() -> None:
    nonce = Nonce(MARKER, "12-34", 5)
    assert nonces(f"He said {nonce} and {prompt(nonce)}") == [nonce, nonce]
    assert nonces("[seatrial-xyz.1-1.1] [seatrial-0a.1.1]") == []
