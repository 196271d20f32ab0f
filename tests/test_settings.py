"""Settings: which source wins, and one line that names what is wrong without showing a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from config_files import file

from seatrial.errors import WrongUse
from seatrial.settings import Settings, from_environment, gather


def test_options_win_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    config = file(tmp_path, 'url = "http://file"\nmodel = "file"\nseed = 3\ntoken = ["from-file"]\n')
    environ = {"SEATRIAL_MODEL": "environ", "SEATRIAL_SEED": "5"}
    settings = gather({"seed": 7, "model": None, "token": (), "strict": False}, environ, config)
    assert (settings.url, settings.model, settings.seed, settings.token) == (
        "http://file",
        "environ",
        7,
        ("from-file",),
    )


@pytest.mark.parametrize(("name", "zero"), [("seed", 0), ("think", 0.0)])
def test_an_option_of_zero_was_given_and_wins(name: str, zero: float) -> None:
    assert getattr(gather({name: zero}, {f"SEATRIAL_{name.upper()}": "9"}), name) == zero


def test_the_environment_names_the_file_when_no_option_does(tmp_path: Path) -> None:
    assert gather({}, {"SEATRIAL_CONFIG": file(tmp_path, "users = 4\n")}).users == 4


def test_what_is_handed_to_a_process_of_ours_arrives_as_it_was() -> None:
    settings = Settings(
        url="https://chat.example.org/base",
        token=("sk-one", "sk-two"),
        account=("a@example.org:pass:word",),
        admin="root@example.org:x",
        disposable=True,
        header=("X-One: 1", "X-Two: 2"),
        seed=0,
        think=0.0,
        turns=5,
    )
    assert from_environment(settings.environment()) == settings


def test_lists_in_the_environment_have_one_entry_per_line() -> None:
    assert gather({}, {"SEATRIAL_TOKEN": " one \n\ntwo\n"}).token == ("one", "two")


@pytest.mark.parametrize(("text", "on"), [("1", True), ("yes", True), ("0", False), ("no", False), ("False", False)])
def test_a_switch_in_the_environment_can_be_off(text: str, on: bool) -> None:
    assert gather({}, {"SEATRIAL_STRICT": text}).strict is on


def test_times_in_the_file_and_the_environment_have_units_as_options_have(tmp_path: Path) -> None:
    settings = gather({}, {"SEATRIAL_THINK": "2s"}, file(tmp_path, 'duration = "5m"\ntimeout = 20\n'))
    assert (settings.duration, settings.timeout, settings.think) == (300.0, 20.0, 2.0)


def test_a_secret_of_the_wrong_type_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as error:
        gather({}, {}, file(tmp_path, "admin_token = 12345678\n"))
    assert "12345678" not in str(error.value)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SEATRIAL_USERS": "many"}, "SEATRIAL_USERS: 'many' is no number"),
        ({"SEATRIAL_USERS": "0"}, "users must be at least 1"),
        ({"SEATRIAL_TIMEOUT": "nan"}, "'nan' is no time"),
        ({"SEATRIAL_TIMEOUT": "0"}, "timeout must be between"),
        ({"SEATRIAL_THINK": "-1"}, "'-1' is no time"),
        ({"SEATRIAL_API": "chat"}, "api is 'chat'"),
        ({"SEATRIAL_DEPTH": "deep"}, "depth is 'deep'"),
        ({"SEATRIAL_HEADER": "no colon here"}, "--header wants 'Name: value'"),
    ],
)
def test_a_wrong_value_is_one_line(environ: dict[str, str], said: str) -> None:
    with pytest.raises(WrongUse) as error:
        gather({}, environ)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"token": ("hush\nhush",)},
        {"token": ("hush é",)},
        {"token": ("ok", "hush hush")},
        {"admin_token": "hush\u201d"},
        {"header": ("X-Key: hush\r\nX-Other: 1",)},
        {"header": ("X-Key: hush\x00",)},
        {"account": ("hush-without-colon:",)},
        {"admin": ":hush"},
    ],
)
def test_a_secret_that_cannot_be_sent_is_refused_without_showing_it(options: dict[str, Any]) -> None:
    with pytest.raises(WrongUse) as error:
        gather(options, {})
    assert "hush" not in str(error.value)


def test_secrets_are_not_in_the_text_of_settings() -> None:
    secret = "hush-1234"
    settings = gather(
        {"token": (secret,), "account": (f"a@b:{secret}",), "admin": f"r@b:{secret}", "header": (f"X: {secret}",)}, {}
    )
    assert secret not in repr(settings)
    assert secret not in repr(settings.logins)
    assert secret not in repr(settings.admin_login)


@pytest.mark.parametrize("text", ["sk-secret\n", "\ufeffsk-secret\r\n"])
def test_a_secret_can_stand_in_a_file_whatever_wrote_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8", newline="")
    assert gather({"token": (f"@{path}",)}, {}).token == ("sk-secret",)


def test_a_file_of_a_secret_that_is_missing_is_named() -> None:
    with pytest.raises(WrongUse, match="--token @/no/such/file: No such file"):
        gather({"token": ("@/no/such/file",)}, {})


def test_without_a_terminal_a_password_that_was_left_out_is_not_waited_for() -> None:
    with pytest.raises(WrongUse, match="SEATRIAL_ADMIN"):
        gather({"admin": "root@example.org"}, {}, ask=lambda _: pytest.fail("asked"))


def test_a_file_holds_one_token_a_line(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("sk-one\r\n\n  sk-two\n")
    assert gather({"token": (f"@{path}", "sk-three")}, {}).token == ("sk-one", "sk-two", "sk-three")
    path.write_text("\n")
    with pytest.raises(WrongUse, match="empty"):
        gather({"token": (f"@{path}",)}, {})


@pytest.mark.parametrize("secret", ["sk-0123456789abcdef", "@h0rse"])
@pytest.mark.parametrize("from_file", [True, False])
def test_a_secret_in_the_place_of_an_address_is_not_shown(tmp_path: Path, secret: str, from_file: bool) -> None:
    (tmp_path / "secret").write_text(secret)
    given = f"@{tmp_path / 'secret'}" if from_file or secret.startswith("@") else secret
    for name in ("admin", "account"):
        with pytest.raises(WrongUse, match="has no password") as error:
            gather({name: given if name == "admin" else (given,)}, {}, ask=lambda _: pytest.fail("asked"))
        assert secret not in str(error.value)
