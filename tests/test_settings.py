"""Settings: which source wins, and one line that names what is wrong without showing a secret."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seatrial.errors import WrongUse
from seatrial.settings import Settings, from_environment, gather

WAIVER = '[[waiver]]\nrule = "R1"\noperation = "getChat"\nwhere = "$.id"\nreason = "known"\nuntil = 2027-01-31\n'


def file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "seatrial.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


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


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('url = "http://x"\nusrs = 3\n', 2, "unknown setting 'usrs'"),
        ("seed = 1\n\nusers = true\n", 3, "users must be int"),
        ('timeout = "30"\n', 1, "timeout must be float"),
        ('token = "one"\n', 1, "token must be a list of texts"),
        ("admin = 5\n", 1, "admin must be"),
        ('waivers = "all"\n', 1, "unknown setting 'waivers'"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(WrongUse) as error:
        gather({}, {}, config := file(tmp_path, text))
    assert str(error.value).startswith(f"{config}:{line}: ")
    assert reason in str(error.value)


def test_a_file_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="line 2"):
        gather({}, {}, file(tmp_path, 'url = "http://x"\nseed = = 3\n'))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"none\.toml: No such file"):
        gather({}, {}, str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SEATRIAL_USERS": "many"}, "SEATRIAL_USERS: 'many' is no number"),
        ({"SEATRIAL_USERS": "0"}, "users must be at least 1"),
        ({"SEATRIAL_TIMEOUT": "nan"}, "timeout must be between"),
        ({"SEATRIAL_TIMEOUT": "0"}, "timeout must be between"),
        ({"SEATRIAL_THINK": "-1"}, "think must be between"),
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


def test_a_waiver_has_all_its_parts_and_a_day(tmp_path: Path) -> None:
    (waiver,) = gather({}, {}, file(tmp_path, WAIVER)).waivers
    assert (waiver.rule, waiver.where, waiver.until) == ("R1", "$.id", date(2027, 1, 31))


@pytest.mark.parametrize(
    "text",
    [
        WAIVER.replace('where = "$.id"\n', ""),
        WAIVER + 'owner = "me"\n',
        WAIVER.replace("2027-01-31", '"2027-01-31"'),
        WAIVER.replace("2027-01-31", "2027-01-31T00:00:00"),
        WAIVER.replace("[[waiver]]", "[waiver]"),
        "waiver = 5\n",
    ],
)
def test_a_waiver_that_leaves_something_open_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(WrongUse, match="waiver"):
        gather({}, {}, file(tmp_path, text))


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
