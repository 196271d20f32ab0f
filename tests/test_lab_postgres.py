"""The lab's PostgreSQL: what is started, what is said where it is missing, and that nothing of it stays.

Where this system has no PostgreSQL server, the tests that start one are skipped.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from click.testing import CliRunner
from command_line import seatrial_command, until
from test_lab_openwebui import STAND_IN, VERSION

import seatrial
from seatrial.cli.lab import lab
from seatrial.contract import Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab import openwebui_install as releases
from seatrial.lab import postgres as module
from seatrial.lab.children import child
from seatrial.lab.guard import guarded
from seatrial.lab.openwebui import boot, environment
from seatrial.lab.postgres import initialisation, postgres, programs, server
from seatrial.lab.provider import Script, create_app
from seatrial.lab.serving import running


def _missing() -> str:
    try:
        programs()
    except WrongUse as error:
        return str(error)
    return ""


needs_postgres = pytest.mark.skipif(bool(_missing()), reason=_missing())
LOADED = "import sys\nfrom pathlib import Path\nfrom seatrial.lab.postgres import postgres\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that PostgreSQL can enter, whoever runs it: pytest's own are for its user alone."""
    with tempfile.TemporaryDirectory(prefix="seatrial-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def installed(places: Path, *versions: str) -> None:
    for version in versions:
        (places / version / "bin").mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (places / version / "bin" / name).touch(mode=0o755)


def test_the_newest_server_is_taken_and_path_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path / "lib", "9.6", "15", "17")
    installed(tmp_path / "other", "18")
    monkeypatch.setenv("PATH", str(tmp_path / "other" / "18" / "bin"))
    monkeypatch.setattr(module, "PLACES", tmp_path / "lib")
    assert programs() == tmp_path / "lib" / "17" / "bin"
    monkeypatch.setattr(module, "PLACES", tmp_path / "none")
    assert programs() == tmp_path / "other" / "18" / "bin"


def test_without_a_server_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(lab, ["openwebui", "--database", "postgres"])
    assert isinstance(result.exception, WrongUse)
    assert "apt-get install postgresql" in str(result.exception)
    assert "\n" not in str(result.exception)


def test_it_listens_on_loopback_alone_and_wants_a_password() -> None:
    command = server(Path("/bin"), Path("/data"), 5433)
    assert command[:3] == ["/bin/postgres", "-D", "/data"]
    assert {"listen_addresses=127.0.0.1", "port=5433", "unix_socket_directories="} <= set(command)
    made = initialisation(Path("/bin"), Path("/data"), Path("/password"))
    assert "--auth" in made
    assert made[made.index("--auth") + 1] == "scram-sha-256"


def test_open_webui_gets_the_database_by_its_environment(tmp_path: Path) -> None:
    given = {"data_dir": tmp_path, "secret_key": "s", "provider_url": "http://127.0.0.1:9", "admin": ("a@b.c", "p")}
    assert "DATABASE_URL" not in environment({}, **given, defaults=False)  # type: ignore[arg-type]
    env = environment({}, **given, defaults=False, database_url="postgresql://u:p@127.0.0.1:1/d")  # type: ignore[arg-type]
    assert env["DATABASE_URL"] == "postgresql://u:p@127.0.0.1:1/d"


@needs_postgres
def test_it_answers_while_the_block_lasts_keeps_its_data_and_is_gone_after(place: Path) -> None:
    for _ in range(2):  # the second time on the data of the first
        with postgres(place / "kept", "secret", place / "log") as url:
            parts = urlsplit(url)
            assert (parts.hostname, parts.username, parts.password) == ("127.0.0.1", "openwebui", "secret")
            with socket.create_connection((parts.hostname, parts.port or 0), timeout=5):
                pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((parts.hostname, parts.port or 0), timeout=5)
    assert (place / "kept" / "data" / "PG_VERSION").exists()
    assert not (place / "kept" / "password").exists()


@needs_postgres
def test_a_server_that_cannot_start_says_its_last_line(place: Path) -> None:
    with postgres(place / "kept", "secret", place / "log"):
        pass
    (place / "kept" / "data" / "PG_VERSION").write_text("8.1\n")
    with pytest.raises(Inconclusive, match=r"PostgreSQL ended with code 1: .*8\.1"):
        with postgres(place / "kept", "secret", place / "log"):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@needs_postgres
def test_a_folder_that_its_user_cannot_enter_is_one_line(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(WrongUse, match="cannot be entered"), postgres(closed / "kept", "secret", place / "log"):
        pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path / "lib", "17")
    monkeypatch.setattr(module, "PLACES", tmp_path / "lib")
    (tmp_path / "file").touch()
    with pytest.raises(WrongUse, match="for PostgreSQL"), postgres(tmp_path / "file" / "kept", "s", tmp_path / "log"):
        pass


@needs_postgres
def test_nothing_of_it_stays_when_its_starter_is_killed(place: Path) -> None:
    code = LOADED + (
        "import time\n"
        "with postgres(Path(sys.argv[1]), 'secret', Path(sys.argv[2]), temporary=True) as url:\n"
        "    print(url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(place / "made"), str(place / "log")]
    env = {**os.environ, "PYTHONPATH": str(Path(seatrial.__file__).parents[1])}
    with child(command, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql://")
        started = psutil.Process(process.pid).children(recursive=True)
        assert any(one.name().startswith("postgres") for one in started)
        process.send_signal(signal.SIGKILL)
        until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in started))
        until(lambda: not (place / "made").exists())


def test_a_guard_ends_with_its_block_and_does_nothing(tmp_path: Path) -> None:
    with child([sys.executable, "-c", "input()"], env=dict(os.environ), output=subprocess.DEVNULL) as process:
        pass
    with child([sys.executable, "-c", "import time; time.sleep(60)"], env=dict(os.environ)) as process:
        with guarded(process.pid, tmp_path):
            pass
        assert process.poll() is None
        assert tmp_path.exists()


def test_a_release_that_names_no_driver_is_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    packages = tmp_path / "seatrial" / "openwebui" / "1.2.3" / "lib" / "python3.11" / "site-packages"
    (packages / "open_webui-1.2.3.dist-info").mkdir(parents=True)
    (packages / "open_webui-1.2.3.dist-info" / "METADATA").write_text("Requires-Dist: httpx\n")
    with pytest.raises(WrongUse, match="names no driver"):
        releases.add_driver("1.2.3", lambda _: None)
    (packages / "psycopg2").mkdir()
    releases.add_driver("1.2.3", lambda _: None)  # it is there


@pytest.fixture
def stand_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An Open WebUI that looks installed, driver included; see `test_lab_openwebui`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("LANG", VERSION)
    folder = place / "cache" / "seatrial" / "openwebui" / VERSION
    (folder / "lib" / "python3.11" / "site-packages" / "psycopg2").mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (folder / "bin" / "open-webui").write_text(textwrap.dedent(STAND_IN), encoding="utf-8")
    (folder / ".complete").touch()
    return folder


@needs_postgres
def test_data_in_postgresql_is_kept_with_its_password_and_needs_its_admin(stand_in: Path, place: Path) -> None:
    kept = place / "kept"
    urls = []
    for password in (None, "right"):
        with boot(
            VERSION, provider_url="http://127.0.0.1:9", data_dir=kept, database="postgres", admin_password=password
        ):
            given = json.loads((kept / "environment.json").read_text(encoding="utf-8"))
            urls.append(urlsplit(given["DATABASE_URL"]))
    assert urls[0].password == urls[1].password
    assert given["ENABLE_PERSISTENT_CONFIG"] == "false"
    with pytest.raises(WrongUse, match="--admin"):
        with boot(VERSION, provider_url="http://127.0.0.1:9", data_dir=kept, database="postgres"):
            pass


@needs_postgres
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_the_command_ends_its_database_too(stand_in: Path, place: Path, end: signal.Signals) -> None:
    if signal.getsignal(end) is signal.SIG_IGN:
        pytest.skip(f"{end.name} is ignored here, under nohup for one, and so it is by what is started")
    ready = place / "ready.json"
    command = [sys.executable, "-c", "from seatrial.cli.lab import lab; lab()", "openwebui", "--version", VERSION]
    env = {**os.environ, "PYTHONPATH": str(Path(seatrial.__file__).parents[1])}
    with child([*command, "--database", "postgres", "--ready-file", str(ready)], env=env) as process:
        until(ready.exists)
        assert json.loads(ready.read_text(encoding="utf-8"))["database"] == "postgres"
        (given,) = place.glob("seatrial-openwebui-*/data/environment.json")
        parts = urlsplit(json.loads(given.read_text(encoding="utf-8"))["DATABASE_URL"])
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(end)
        assert process.wait(20) == (0 if end == signal.SIGINT else -end)
        until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in started))
        until(lambda: not list(place.glob("seatrial-*")))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5)


@pytest.mark.openwebui
@needs_postgres
def test_a_real_open_webui_keeps_a_turn_in_postgresql() -> None:
    if not releases.is_installed(releases.DEFAULT_VERSION):
        pytest.skip(f"Open WebUI {releases.DEFAULT_VERSION} is not installed: seatrial lab openwebui --install-only")
    script, contract = Script(first_token=0, gap=0), Contract.load()
    with (
        running(create_app(script)) as provider,
        boot(releases.DEFAULT_VERSION, provider_url=provider, database="postgres") as deployment,
        httpx.Client(base_url=deployment.url, timeout=30) as client,
    ):
        account = {"email": deployment.admin_email, "password": deployment.admin_password}
        token = client.post(contract.call("signIn").path, json=account).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        chat = {"title": "here", "models": [script.models[0]], "history": {"messages": {}, "currentId": None}}
        made = client.post(contract.call("createChat").path, json={"chat": chat}).json()
        assert client.get(contract.call("getChat", made["id"]).path).json()["title"] == "here"
        body = {"model": script.models[0], "messages": [{"role": "user", "content": "ping"}]}
        answer = client.post(contract.call("createChatCompletion").path, json=body).json()
        assert answer["choices"][0]["message"]["content"] == script.reply("ping")
        assert not (deployment.data_dir / "webui.db").exists()


@pytest.mark.openwebui
@needs_postgres
def test_a_real_open_webui_on_postgresql_holds_its_contract(tmp_path: Path) -> None:
    """What SQLite shrugs off PostgreSQL refuses, such as a page before the first."""
    if not releases.is_installed(releases.DEFAULT_VERSION):
        pytest.skip(f"Open WebUI {releases.DEFAULT_VERSION} is not installed: seatrial lab openwebui --install-only")
    with (
        running(create_app(Script(first_token=0, gap=0))) as provider,
        boot(releases.DEFAULT_VERSION, provider_url=provider, database="postgres") as deployment,
    ):
        admin = {"SEATRIAL_ADMIN": f"{deployment.admin_email}:{deployment.admin_password}"}
        ended = seatrial_command(tmp_path, "verify", deployment.url, "--out", "run", env=admin, limit=300)
    assert ended.code == 0, ended
