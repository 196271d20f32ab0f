"""What a run is asked to do: from options, the environment and `seatrial.toml`, in that order.

Every setting has one name in all three: `--ca-file`, `SEATRIAL_CA_FILE`, `ca_file = ...`. The parts that
run as processes of their own (pytest, Locust) read the same environment variables, by hand or started
by the command line; that way secrets never stand on a command line of ours.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from seatrial.config_file import ConfigFile, seconds
from seatrial.errors import WrongUse
from seatrial.target import ANONYMOUS, Account, Login, Target, headers_of
from seatrial.waivers import Waiver, waiver

PREFIX = "SEATRIAL_"
WAIVERS = PREFIX + "WAIVERS"
_FROM_FILE = ("waivers", "source")
NOT_IN_FILE = ("master", "expect_workers", "worker")
"""What a process is among the workers of one load."""
_PATHS = ("contract", "ca_file", "out", "baseline")
SECRETS = ("token", "account", "admin", "admin_token", "header")
TIMES = ("timeout", "duration", "think")
TABLES = ("verify", "capacity", "compare")
"""Tables of the file: what only the command of that name knows stands in one (see `cli.options`)."""


MOST_WORKERS = 99
"""What two digits of their markers can tell apart."""

MEETING_PORT = 5557
"""Locust's own."""


@dataclass(frozen=True)
class Settings:
    """The settings of a run. Lists are given several times as options, one per line in the environment."""

    url: str | None = None
    api: str = "auto"
    token: tuple[str, ...] = field(default=(), repr=False)
    account: tuple[str, ...] = field(default=(), repr=False)
    admin: str | None = field(default=None, repr=False)
    admin_token: str | None = field(default=None, repr=False)
    disposable: bool = False
    header: tuple[str, ...] = field(default=(), repr=False)
    ca_file: str | None = None
    timeout: float = 30.0
    model: str | None = None
    contract: str | None = None
    out: str | None = None
    seed: int = 0
    depth: str = "quick"
    strict: bool = False
    baseline: str | None = None
    users: int = 10
    duration: float = 60.0
    turns: int = 3
    think: float = 1.0
    slo: tuple[str, ...] = ()
    mix: str = "session=1"
    rate: float | None = None
    stage: tuple[str, ...] = ()
    seed_chats: int = 0
    seed_messages: int = 20
    processes: int = 1
    master: str | None = None
    expect_workers: int = 1
    worker: str | None = None
    provider: str | None = None
    pairs: int = 40
    max_slowdown: str = "10%"
    floor: str = "5ms"
    waivers: tuple[Waiver, ...] = ()
    source: str | None = None

    def target(self) -> Target:
        if not self.url:
            raise WrongUse("no URL given; set SEATRIAL_URL or name the deployment")
        return Target(self.url, self.api, self.headers, self.ca_file, self.timeout)

    @property
    def meeting(self) -> tuple[str, int] | None:
        """Host and port where workers and master meet, None where there is one process or they are of one machine."""
        name, text = ("worker", self.worker) if self.worker is not None else ("master", self.master)
        if text is None:
            return None
        host, _, port = text.rpartition(":") if ":" in text else (text, "", str(MEETING_PORT))
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise WrongUse(f"--{name} {text}: write HOST or HOST:PORT")
        return host, int(port)

    @property
    def headers(self) -> dict[str, str]:
        return headers_of(self.header)

    @property
    def logins(self) -> list[Login]:
        return [Login.parse(text, "--account") for text in self.account]

    @property
    def admin_login(self) -> Login | None:
        return Login.parse(self.admin, "--admin") if self.admin else None

    @property
    def visitor(self) -> Account:
        """Who makes the first contact: somebody with a token, if there is one. What stands in front may want it."""
        return next((Account("visitor", token) for token in (*self.token, self.admin_token) if token), ANONYMOUS)

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for a process that Seatrial starts, wherever it works."""
        environ = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if spec.name in _FROM_FILE or not is_given(value):
                continue
            if spec.name in _PATHS:
                value = Path(value).resolve()
            text = "\n".join(value) if isinstance(value, tuple) else "1" if value is True else str(value)
            environ[PREFIX + spec.name.upper()] = text
        return environ


def gather(
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    config: str | None = None,
    ask: Callable[[str], str] | None = None,
    usual: Settings | None = None,
    not_of_file: Collection[str] = (),
) -> Settings:
    """Settings from the options given (None and () mean: not given), then the environment, the file, what is usual.

    Of the names `not_of_file` the file's values do not count.
    Raises `WrongUse` naming the option, variable or line at fault.
    """
    path = config or environ.get(PREFIX + "CONFIG")
    settings = usual or Settings()
    if path:
        settings = _from_file(Path(path), settings, not_of_file)
    known = {spec.name: spec for spec in fields(Settings) if spec.name not in _FROM_FILE}
    given = {
        name: _converted(known[name].type, environ[PREFIX + name.upper()], PREFIX + name.upper())
        for name in known
        if environ.get(PREFIX + name.upper())
    }
    given |= {name: value for name, value in options.items() if name in known and is_given(value)}
    settings = replace(settings, **given)
    return _checked(_secrets(settings, ask or getpass.getpass))


def is_given(value: object) -> bool:
    """None, () and False mean that nothing was said; a zero was said."""
    return value is not None and value is not False and value != ()


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Settings of a process that works for a command, or was started by hand.

    Whoever started it may name the file of its waivers, which have no room in a variable. All else that the file says
    is in the environment already, as it came out: with tokens in place of passwords.
    """
    settings, path = gather({}, environ), environ.get(WAIVERS)
    return replace(settings, waivers=_from_file(Path(path), Settings()).waivers) if path else settings


def _converted(kind: Any, text: str, name: str) -> Any:
    kind = str(kind).removesuffix(" | None")
    if kind.startswith("tuple"):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    if kind == "bool":
        return text.strip().lower() not in ("0", "no", "false", "off")
    if name.removeprefix(PREFIX).lower() in TIMES:
        try:
            return seconds(text)
        except ValueError as error:
            raise WrongUse(f"{name}: {error}") from None
    try:
        return int(text) if kind == "int" else float(text) if kind == "float" else text
    except ValueError:
        raise WrongUse(f"{name}: {text!r} is no number") from None


def _problems(settings: Settings) -> Iterator[tuple[str, str]]:
    """The name of each setting whose value cannot be, and why."""
    if settings.api not in ("auto", "sessions", "openwebui"):
        yield "api", f"api is {settings.api!r}; it is auto, sessions or openwebui"
    if settings.depth not in ("quick", "full"):
        yield "depth", f"depth is {settings.depth!r}; it is quick or full"
    for name in ("timeout", "duration"):
        if not 0 < getattr(settings, name) <= 86_400:
            yield name, f"{name} must be between 0 and 86400 seconds"
    for name in ("users", "turns", "processes", "expect_workers"):
        if getattr(settings, name) < 1:
            yield name, f"{name} must be at least 1"
    if sum((settings.processes > 1, settings.master is not None, settings.worker is not None)) > 1:
        yield "processes", "processes, master and worker exclude each other; give one of them"
    for name in ("processes", "expect_workers"):
        if getattr(settings, name) > MOST_WORKERS:
            yield name, f"there can be at most {MOST_WORKERS} workers"
    if settings.rate is not None and not 0 < settings.rate <= 10_000:
        yield "rate", "rate must be between 0 and 10000 sessions per second"
    if not 0 <= settings.seed_chats <= 100_000:
        yield "seed_chats", "seed_chats must be at most 100000"
    if not 1 <= settings.seed_messages <= 10_000:
        yield "seed_messages", "seed_messages must be between 1 and 10000"
    if not 20 <= settings.pairs <= 2_000 or settings.pairs % 2:
        yield "pairs", "pairs must be an even number from 20 to 2000: fewer prove nothing"
    if not 0 <= settings.think <= 86_400:
        yield "think", "think must be between 0 and 86400 seconds"


def _checked(settings: Settings) -> Settings:
    for _, problem in _problems(settings):
        raise WrongUse(problem)
    for option, token in [*(("--token", token) for token in settings.token), ("--admin-token", settings.admin_token)]:
        # Said here and without the secret: an HTTP library would refuse it later, and quote it.
        if token is not None and not (token.isascii() and token.isprintable() and token.split() == [token]):
            raise WrongUse(f"{option}: a token is one word of ASCII characters; this one is empty or holds others")
    if settings.ca_file is not None:
        try:
            Path(settings.ca_file).read_bytes()
        except OSError as error:
            raise WrongUse(f"--ca-file {settings.ca_file}: {error.strerror or error}") from None
    _ = settings.headers, settings.logins, settings.admin_login, settings.meeting
    return settings


def _secrets(settings: Settings, ask: Callable[[str], str]) -> Settings:
    """Replace `@FILE` by what the file holds (of tokens one a line), and ask for a password that was left out."""

    def value(text: str, option: str) -> str:
        if text.startswith("@"):
            try:
                return Path(text[1:]).read_text("utf-8-sig").strip()  # editors on Windows write a mark first
            except (OSError, UnicodeDecodeError) as error:
                raise WrongUse(f"{option} {text}: {getattr(error, 'strerror', None) or error}") from None
        return text

    def tokens(text: str) -> list[str]:
        if not text.startswith("@"):
            return [text]
        return [line.strip() for line in value(text, "--token").split("\n") if line.strip()] or [""]

    def login(given: str, option: str) -> str:
        text = value(given, option)
        if ":" in text:
            return text
        # What is no address may be the password alone, or a token.
        shown = text if "@" in text[1:] and text == given else "(it is not shown: it may be a secret)"
        if not sys.stdin.isatty() or text != shown:
            variable = PREFIX + option[2:].upper()
            raise WrongUse(f"{option} {shown} has no password; give EMAIL:PASSWORD, @FILE, or {variable}")
        return f"{text}:{ask(f'Password of {text}: ')}"

    return replace(
        settings,
        token=tuple(token for text in settings.token for token in tokens(text)),
        account=tuple(login(text, "--account") for text in settings.account),
        admin=login(settings.admin, "--admin") if settings.admin else None,
        admin_token=value(settings.admin_token, "--admin-token") if settings.admin_token else None,
        header=tuple(value(text, "--header") for text in settings.header),
    )


def _from_file(path: Path, usual: Settings, ignored: Collection[str] = ()) -> Settings:
    file = ConfigFile.read(path)
    known = {spec.name: str(spec.type) for spec in fields(Settings)}
    values: dict[str, Any] = {}
    for name, value in file.table.items():
        if name == "waiver":
            if not isinstance(value, list):
                raise file.wrong("every waiver begins with [[waiver]]", name)
            values["waivers"] = tuple(waiver(file, number, row) for number, row in enumerate(value, 1))
        elif name in TABLES and isinstance(value, dict):
            continue  # the command of that name reads it
        elif name not in known or name in (*_FROM_FILE, *NOT_IN_FILE):
            raise file.wrong(f"unknown setting {name!r}", name)
        else:
            value = file.typed(name, known[name], time=name in TIMES, secret=name in SECRETS)
            values |= {name: value} if name not in ignored else {}
    settings = replace(usual, **values, source=str(path.resolve()))
    for name, problem in _problems(settings):
        if name in values:
            raise file.wrong(problem, name)
    return settings
