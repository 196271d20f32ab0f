"""A real Open WebUI on loopback, with the scripted provider behind it.

    with provider_process(Script()) as provider, boot("0.12.4", provider_url=provider) as deployment:
        deployment.url, deployment.admin_email, deployment.admin_password

Its settings come from here and from nowhere else. It ends with the block, and so does its data unless `data_dir`
is given. Its database is SQLite, or a PostgreSQL that the lab starts for it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx

from seatrial.contract import Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab.children import child
from seatrial.lab.guard import guarded
from seatrial.lab.openwebui_install import add_driver, environment_folder, is_installed
from seatrial.lab.postgres import postgres, programs
from seatrial.lab.serving import LOOPBACK, bound, free_port

ADMIN_EMAIL = "admin@example.com"
START_SECONDS = 180.0
# Open WebUI reads some 500 names from its environment. These cannot be one of them, and a process needs them.
INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
# What keeps it local and quiet: no model downloads, no call to the outside.
LOCAL = {
    "ENABLE_OLLAMA_API": "false",
    "OFFLINE_MODE": "true",
    "HF_HUB_OFFLINE": "1",
    "RAG_EMBEDDING_ENGINE": "openai",
    "AUDIO_STT_ENGINE": "openai",
    "ENABLE_VERSION_UPDATE_CHECK": "false",
}
# Data that was used before holds settings, among them the port of a provider that is gone, or, in a copy of real data,
# a provider that costs money. This makes the environment win; sign-up stays closed, as after the first account.
USED_BEFORE = {"ENABLE_PERSISTENT_CONFIG": "false", "ENABLE_SIGNUP": "false"}
# What a new installation has otherwise: here ordinary users see the model, and a turn is one call of the provider.
OPENED = {
    "BYPASS_MODEL_ACCESS_CONTROL": "true",
    "ENABLE_API_KEYS": "true",
    "USER_PERMISSIONS_FEATURES_API_KEYS": "true",
    "ENABLE_TITLE_GENERATION": "false",
    "ENABLE_TAGS_GENERATION": "false",
    "ENABLE_FOLLOW_UP_GENERATION": "false",
}


Database = Literal["sqlite", "postgres"]


class ServerFailed(Inconclusive):
    """Open WebUI ended by itself, or never answered as it should; the last line of its log says most."""

    def __init__(self, what: str, log_path: Path) -> None:
        super().__init__(f"{what}: {_last_line(log_path)}")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running Open WebUI. `process_id` is the server's, `log_path` what it says."""

    url: str
    admin_email: str
    admin_password: str = field(repr=False)
    version: str
    process_id: int
    data_dir: Path
    log_path: Path
    exit_code: Callable[[], int | None] = field(repr=False)  # None while it runs
    database: Database = "sqlite"


@contextlib.contextmanager
def boot(
    version: str,
    *,
    provider_url: str,
    port: int = 0,
    defaults: bool = False,
    data_dir: Path | None = None,
    admin_email: str = ADMIN_EMAIL,
    admin_password: str | None = None,
    seconds: float = START_SECONDS,
    progress: Callable[[str], None] = lambda _: None,
    database: Database = "sqlite",
    more: Mapping[str, str] | None = None,
) -> Iterator[Deployment]:
    """Start an installed version and yield it once it answers; end it when the block is left.

    `defaults` leaves its settings as a new installation has them: ordinary users see no model, API keys are off.
    `more` are settings of Open WebUI's own, by the names of its environment.
    A given `data_dir` is kept, with its accounts and the key that signs their tokens; otherwise the data is removed.
    Raises `WrongUse` for what the caller can mend, `ServerFailed` when it dies or is not up within `seconds`.
    """
    folder = environment_folder(version)
    if not is_installed(version):
        raise WrongUse(
            f"Open WebUI {version} is not installed; run: seatrial lab openwebui --version {version} --install-only"
        )
    if database == "postgres":
        programs()
        add_driver(version, progress)
    bound(LOOPBACK, port).close()
    port = port or free_port()
    url = f"http://{LOOPBACK}:{port}"
    with _place(data_dir) as (home, kept), _database(database, home, data_dir) as (database_url, used_before):
        if used_before and admin_password is None:
            raise WrongUse(f"{kept} already holds accounts; name its admin with --admin EMAIL:PASSWORD")
        password = admin_password or secrets.token_urlsafe(12)
        log_path = home / "open-webui.log"
        env = environment(
            os.environ,
            data_dir=kept,
            secret_key=_secret_key(kept),
            provider_url=provider_url,
            admin=(admin_email, password),
            defaults=defaults,
            used_before=used_before,
            database_url=database_url,
            more=more,
        )
        command = [str(folder / "bin" / "python"), str(folder / "bin" / "open-webui"), "serve"]
        with (
            log_path.open("w", encoding="utf-8") as log,
            child([*command, "--host", LOOPBACK, "--port", str(port)], env=env, cwd=home, output=log) as process,
            guarded(process.pid, home),
        ):
            try:
                _wait(url, version, process, log_path, seconds, progress)
                if used_before:
                    _sign_in(url, admin_email, password, kept)
                yield Deployment(
                    url=url,
                    admin_email=admin_email,
                    admin_password=password,
                    version=version,
                    process_id=process.pid,
                    data_dir=kept,
                    log_path=log_path,
                    exit_code=process.poll,
                    database=database,
                )
            except ServerFailed as error:  # also the caller's, who saw it end
                shutil.copyfile(log_path, last := folder.with_name(f"{version}.failed.log"))
                raise Inconclusive(f"{error} (log: {last})") from None


def environment(
    shell: Mapping[str, str],
    *,
    data_dir: Path,
    secret_key: str,
    provider_url: str,
    admin: tuple[str, str],
    defaults: bool,
    used_before: bool = False,
    database_url: str | None = None,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The whole environment of the server: of the calling shell it gets only what is named in `INHERITED`."""
    return {
        **{name: shell[name] for name in INHERITED if name in shell},
        **LOCAL,
        **({} if defaults else OPENED),
        **(USED_BEFORE if used_before else {}),
        **({"DATABASE_URL": database_url} if database_url else {}),
        "DATA_DIR": str(data_dir),
        "WEBUI_SECRET_KEY": secret_key,
        "OPENAI_API_BASE_URL": f"{provider_url.rstrip('/')}/v1",
        "OPENAI_API_KEY": "x",
        "WEBUI_ADMIN_EMAIL": admin[0],
        "WEBUI_ADMIN_PASSWORD": admin[1],
        **(more or {}),
    }


def _last_line(log_path: Path) -> str:
    """The last line of a log that says something."""
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")


@contextlib.contextmanager
def _place(data_dir: Path | None) -> Iterator[tuple[Path, Path]]:
    """Where the server works, and where its data is."""
    with tempfile.TemporaryDirectory(prefix="seatrial-openwebui-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        data = data_dir.absolute() if data_dir else home / "data"
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WrongUse(f"cannot use {data} as --data-dir: {error.strerror}") from None
        yield home, data


@contextlib.contextmanager
def _database(kind: Database, home: Path, data_dir: Path | None) -> Iterator[tuple[str | None, bool]]:
    """The URL of a database of its own, None for the one that Open WebUI makes itself, and whether it held data before.

    PostgreSQL may run as somebody else, who cannot enter our temporary folder: without a `data_dir` it has another.
    """
    if kind == "sqlite":
        yield None, data_dir is not None and (data_dir / "webui.db").exists()
        return
    with contextlib.ExitStack() as stack:
        if data_dir is None:
            made = tempfile.TemporaryDirectory(prefix="seatrial-postgres-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            password = secrets.token_urlsafe(16)
        else:
            folder = data_dir.absolute() / "postgres"
            password = _kept_secret(data_dir.absolute() / ".postgres_password")
        used_before = (folder / "data" / "PG_VERSION").exists()
        running = postgres(folder, password, home / "postgresql.log", temporary=data_dir is None)
        yield stack.enter_context(running), used_before


def _secret_key(data_dir: Path) -> str:
    """The key that signs tokens, kept with the data so that tokens outlive a restart."""
    return _kept_secret(data_dir / ".webui_secret_key")


def _kept_secret(path: Path) -> str:
    """What a file holds, which is made where there is none."""
    try:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24), encoding="utf-8")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongUse(f"cannot use {path}: {error.strerror}") from None


def _wait(
    url: str,
    version: str,
    process: subprocess.Popen[str],
    log_path: Path,
    seconds: float,
    progress: Callable[[str], None],
) -> None:
    started = time.monotonic()
    contract = Contract.load()
    health, release = contract.call("getHealth").path, contract.call("getVersion").path
    with httpx.Client(base_url=url, timeout=5, trust_env=False) as client:
        while (waited := time.monotonic() - started) < seconds:
            if process.poll() is not None:
                raise ServerFailed(
                    f"Open WebUI {version} ended with code {process.returncode} while starting", log_path
                )
            progress(f"starting Open WebUI {version}, {waited:.0f} s")
            with contextlib.suppress(httpx.TransportError):
                if client.get(health).status_code == 200:
                    if version not in (served := client.get(release).text):
                        raise Inconclusive(
                            f"{url} is answered by something else than Open WebUI {version}: {served:.80}"
                        )
                    return
            time.sleep(0.25)
    raise ServerFailed(f"Open WebUI {version} was not up within {seconds:.0f} s", log_path)


def _sign_in(url: str, email: str, password: str, data_dir: Path) -> None:
    """Kept data has its admin already: find out here, and not in a run, that the password is another."""
    call = Contract.load().call("signIn", json={"email": email, "password": password})
    answer = httpx.post(url + call.path, json=call.json, timeout=30, trust_env=False)
    if answer.status_code != 200:
        raise WrongUse(f"the data in {data_dir} has no account {email} with this password (--admin)")
