"""API keys as accounts, no WebSockets, other ways of signing in: what is not looked at is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_openwebui import KEY, OddOpenWebUI
from suite_alone import crew_of, found, looked

from contract_tests import test_access, test_errors, test_strangers, test_turns


def test_a_key_is_told_no_more_settings_than_a_stranger(tmp_path: Path) -> None:
    fake = OddOpenWebUI()
    fake.join("ana")
    with crew_of(fake, tmp_path, token=(KEY, "token-of-ana")) as crew:
        for owner, named in ((crew.people[0], [("valid-use", "getConfig")]), (crew.people[1], [])):
            log = looked(fake, crew, test_strangers.test_strangers_see_only_the_public_settings, owner=owner)
            assert (found(log), list(log.skips)) == ([], named)
            assert log.statuses["getConfig"][200] == (2 if named else 4)


@pytest.mark.parametrize("token", [None, KEY], ids=["polling", "a key"])
def test_a_turn_is_stored_though_nothing_is_heard_of_it(tmp_path: Path, token: str | None) -> None:
    fake = OddOpenWebUI(features={} if token else {"enable_websocket": False})
    with crew_of(fake, tmp_path, **({"token": (token,)} if token else {})) as crew:
        log = looked(fake, crew, test_turns.test_a_turn_told_over_the_socket_is_the_turn_that_is_stored)
    assert (found(log), list(log.skips)) == ([], [("turn-delivered", "createChatCompletion")])
    assert log.statuses["createChatCompletion"][200] == 2


@pytest.mark.parametrize("features", [{"auth_trusted_header": True}, {"auth": False}], ids=str)
def test_no_password_is_tried_where_none_is_asked_for(tmp_path: Path, features: dict[str, bool]) -> None:
    fake = OddOpenWebUI(features=features)
    with crew_of(fake, tmp_path) as crew:
        log = looked(fake, crew, test_access.test_an_account_can_sign_in_until_it_is_removed)
        assert (found(log), list(log.skips)) == ([], [("valid-use", "signIn")])
        assert log.statuses["listChats"][401] == 1  # the removed account's token was tried all the same
        log = looked(fake, crew, test_errors.test_a_wrong_password_is_refused)
        assert (found(log), list(log.skips)) == ([], [("bad-input-refused", "signIn")])
        assert log.statuses["signIn"] == {422: 1}
