"""Settings: which source wins, and one line that names what is wrong without showing a secret."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest

from seatrial.cli import cli
from seatrial.cli.options import own_options
from seatrial.errors import WrongUse
from seatrial.settings import NOT_IN_FILE, TABLES, Settings, from_environment, gather
from seatrial.waivers import Waiver

ROOT = Path(__file__).resolve().parent.parent

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
        ("seed = 1\n\nusers = true\n", 3, "users must be a whole number, not True"),
        ("seed = 1.5\n", 1, "seed must be a whole number"),
        ("strict = 1\n", 1, "strict must be true or false"),
        ('rate = "2/s"\n', 1, "rate must be a number"),
        ('timeout = "soon"\n', 1, "timeout: 'soon' is no time; write 90, 90s, 5m or 1h"),
        ("slo = ['lost = 0', 3]\n", 1, "slo must be a list of texts"),
        ("\nout = ['run']\n", 2, "out must be text"),
        ('seed = 1\n\napi = "chat"\n', 3, "api is 'chat'; it is"),
        ("seed_chats = 5\nseed_messages = 0\n", 2, "seed_messages must be between"),
        ("[capcity]\nstart = 3\n", 1, "unknown setting 'capcity'"),
        ("seed = 1\n[verify]\nload = true\n[other]\nx = 1\n", 4, "unknown setting 'other'"),
        ('seed = 1\n"spare parts" = 3\n', 2, "unknown setting 'spare parts'"),
        ("\ncapacity = 5\n", 2, "unknown setting 'capacity'"),
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
    with pytest.raises(WrongUse, match=r"seatrial\.toml:2: Invalid value"):
        gather({}, {}, file(tmp_path, 'url = "http://x"\nseed = = 3\n'))
    with pytest.raises(WrongUse, match=r"seatrial\.toml:3: Cannot overwrite a value"):
        gather({}, {}, file(tmp_path, "seed = 1\nusers = 2\nseed = 3\n"))
    with pytest.raises(WrongUse, match=r"seatrial\.toml:2: Unclosed array"):
        gather({}, {}, file(tmp_path, 'seed = 1\nslo = ["x"'))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'model = "caf\xe9"\n')
    with pytest.raises(WrongUse, match=r"latin\.toml: this is no UTF-8 text"):
        gather({}, {}, str(tmp_path / "latin.toml"))


def test_times_in_the_file_and_the_environment_have_units_as_options_have(tmp_path: Path) -> None:
    settings = gather({}, {"SEATRIAL_THINK": "2s"}, file(tmp_path, 'duration = "5m"\ntimeout = 20\n'))
    assert (settings.duration, settings.timeout, settings.think) == (300.0, 20.0, 2.0)


def test_a_secret_of_the_wrong_type_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as error:
        gather({}, {}, file(tmp_path, "admin_token = 12345678\n"))
    assert "12345678" not in str(error.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"none\.toml: No such file"):
        gather({}, {}, str(tmp_path / "none.toml"))


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
    with pytest.raises(WrongUse, match=r"seatrial\.toml:\d+: .*waiver"):
        gather({}, {}, file(tmp_path, text))


def test_a_process_of_ours_takes_waivers_from_the_file_and_all_else_as_it_came_out(tmp_path: Path) -> None:
    """Passwords have become tokens by then: with both, an account would be there twice."""
    told = file(tmp_path, f'account = ["me@example.org:secret"]\nbaseline = "before"\nseed = 3\n{WAIVER}')
    settings = replace(gather({}, {}, told), account=(), token=("of-me",), baseline=None)
    got = from_environment(settings.environment() | {"SEATRIAL_WAIVERS": told})
    assert got == replace(settings, source=None)
    assert len(got.waivers) == 1


@pytest.mark.parametrize(
    ("second", "line"),
    [
        (WAIVER.replace('reason = "known"\n', ""), 9),
        (WAIVER.replace('"known"', "5"), 13),
        (WAIVER.replace("2027-01-31", "2027"), 14),
    ],
)
def test_of_several_waivers_the_line_of_the_wrong_one_is_named(tmp_path: Path, second: str, line: int) -> None:
    with pytest.raises(WrongUse, match=rf"seatrial\.toml:{line}: waiver 2"):
        gather({}, {}, file(tmp_path, f"seed = 1\n{WAIVER}\n{second}"))


def told_by(command: str, config: str) -> dict[str, Any]:
    """What a command would be called with, given this file."""
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    needed = ["x" for one in found.params if isinstance(one, click.Argument) and one.required]
    return found.make_context(command, ["--config", config, *needed]).params


def test_what_one_command_alone_knows_stands_in_its_table(tmp_path: Path) -> None:
    config = file(tmp_path, '[verify]\nload = true\n[capacity]\nstart = 8\nbudget = "5m"\n')
    assert told_by("verify", config)["with_load"] is True
    params = told_by("capacity", config)
    assert (params["start"], params["budget"], params["look"]) == (8, 300.0, 30.0)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[capacity]\nstart = 4\nstrat = 8\n", 3, "unknown setting 'strat' of [capacity]"),
        ("seed = 1\n[capacity]\nturns = 4\n", 3, "unknown setting 'turns' of [capacity]"),
        ("[capacity]\nyes = true\n", 2, "unknown setting 'yes' of [capacity]"),
        ("[capacity]\nstart = 0\n", 2, "start: 0 is not in the range x>=1"),
        ('[capacity]\nlook = "soon"\n', 2, "look: 'soon' is no time"),
        ("[capacity]\npeople = [1]\n", 2, "people: "),
    ],
)
def test_a_wrong_line_of_a_table_is_named(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(WrongUse) as error:
        told_by("capacity", file(tmp_path, text))
    assert str(error.value).partition("seatrial.toml")[2].startswith(f":{line}: {reason}")


def test_a_switch_in_a_table_is_true_or_false(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r":2: load must be true or false, not 'no'"):
        told_by("verify", file(tmp_path, '[verify]\nload = "no"\n'))


def commands_with_a_file() -> dict[str, click.Command]:
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return {name: one for name, one in commands.items() if one and any(p.name == "config" for p in one.params)}


def test_the_tables_are_those_of_the_commands_that_have_options_of_their_own() -> None:
    assert {name for name, one in commands_with_a_file().items() if own_options(one)} == set(TABLES)


def test_the_example_parses_as_it_is_and_says_nothing() -> None:
    example = (ROOT / "docs/seatrial.toml").read_text("utf-8")
    assert tomllib.loads(example) == {}


def test_the_example_names_every_setting_and_each_of_them_is_one(tmp_path: Path) -> None:
    example = (ROOT / "docs/seatrial.toml").read_text("utf-8")
    table = tomllib.loads(re.sub(r"^#(?=[a-z\[])", "", example, flags=re.MULTILINE))
    expected = {spec.name for spec in fields(Settings)} - {"waivers", "source", *NOT_IN_FILE} | {"waiver", *TABLES}
    assert set(table) == expected
    for name, command in commands_with_a_file().items():
        if name in TABLES:
            assert set(table[name]) == set(own_options(command))
    assert set(table["waiver"][0]) == {spec.name for spec in fields(Waiver)}


def test_the_example_can_be_switched_on_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = (ROOT / "docs/seatrial.toml").read_text("utf-8")
    (tmp_path / "company-ca.pem").touch()
    monkeypatch.chdir(tmp_path)
    text = re.sub(r"^#(?=[a-z\[])", "", example, flags=re.MULTILINE)
    for name, secret in (("admin", "a@example.org:x"), ("account", "b@example.org:x"), ("header", "X-Key: 1")):
        (tmp_path / name).write_text(secret, encoding="utf-8")
        text = text.replace(f'@/run/secrets/{name}"', f'@{tmp_path / name}"')
    (tmp_path / "token").write_text("sk-1", encoding="utf-8")
    text = re.sub(r"@/run/secrets/[\w-]*token[\w-]*", f"@{tmp_path / 'token'}", text)
    config = file(tmp_path, text)
    settings = gather({}, {}, config)
    assert (settings.url, settings.token, settings.duration) == ("https://chat.example.org", ("sk-1", "sk-1"), 60.0)
    for name in TABLES:
        assert told_by(name, config)


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
