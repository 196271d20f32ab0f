"""The configuration file: the line of what is wrong, tables of commands, waivers, and the example in the docs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
from config_files import file

from seatrial.cli import cli
from seatrial.cli.options import own_options, settings_from
from seatrial.errors import WrongUse
from seatrial.settings import NOT_IN_FILE, TABLES, Settings, from_environment, gather
from seatrial.waivers import Waiver

ROOT = Path(__file__).resolve().parent.parent

WAIVER = '[[waiver]]\nrule = "R1"\noperation = "getChat"\nwhere = "$.id"\nreason = "known"\nuntil = 2027-01-31\n'


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
        ('seed = 1\nmax_slowdown = "fast"\n', 2, "max_slowdown fast: a share above 0 is needed"),
        ('floor = "5"\n', 1, "floor 5: a time is needed"),
        ('\nmix = "sleeper=1"\n', 2, "mix: 'sleeper=1' is no journey"),
        ('slo = ["turn p95 < fast"]\n', 1, "slo 'turn p95 < fast'"),
        ('seed = 1\n\nstage = ["10"]\n', 3, "stage '10': a stage is LEVEL:TIME"),
        ('url = "chat.example.org"\n', 1, "url: 'chat.example.org' is no http:// or https:// URL"),
        ('header = ["X-Way"]\n', 1, "header wants 'Name: value'"),
        ('admin = "@nowhere"\n', 1, "admin @nowhere: No such file"),
        ('ca_file = "nowhere.pem"\n', 1, "ca_file nowhere.pem: No such file"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(WrongUse) as error:
        settings_from({"config": (config := file(tmp_path, text))}, environ={})
    assert str(error.value).startswith(f"{config}:{line}: {reason}")


def test_what_an_option_or_a_variable_says_is_not_laid_to_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, 'mix = "session=1"\nfloor = "5ms"\nheader = ["A: b"]\n')
    for options, environ, reason in (
        ({"header": ("X-Way",)}, {}, "--header wants"),
        ({}, {"SEATRIAL_HEADER": "X-Way"}, "--header wants"),
    ):
        with pytest.raises(WrongUse, match=f"^{reason}"):
            settings_from({"config": path, **options}, environ=environ)
    wrong = file(tmp_path, 'mix = "sleeper=1"\n')
    assert settings_from({"config": wrong, "mix": "session=2"}, environ={}).mix == "session=2"


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


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"none\.toml: No such file"):
        gather({}, {}, str(tmp_path / "none.toml"))


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
