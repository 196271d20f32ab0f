"""Booting an Open WebUI, and the command that does it.

All but one test work with a stand-in environment in a cache of its own: its `open-webui` answers as the real one does
while it starts, dies on request, and writes down what environment it was given.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

import seatrial
from seatrial.cli.lab import lab
from seatrial.contract import Contract
from seatrial.errors import Inconclusive, WrongUse
from seatrial.lab import openwebui_install as releases
from seatrial.lab.openwebui import boot, environment
from seatrial.lab.provider import Script, create_app
from seatrial.lab.serving import LOOPBACK, bound, running

VERSION = "1.2.3"
STAND_IN = """
    import http.server, json, os, pathlib, sys

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": True, "version": os.environ.get("LANG")}).encode())

        def do_POST(self):
            known = json.loads(self.rfile.read(int(self.headers["content-length"])))["password"] == "right"
            self.send_response(200 if known else 400)
            self.end_headers()

        def log_message(self, *_):
            pass

    data = pathlib.Path(os.environ["DATA_DIR"])
    (data / "environment.json").write_text(json.dumps(dict(os.environ)))
    (data / "webui.db").touch()
    if os.environ.get("TZ") == "DIE":
        sys.exit("the database is locked\\n")
    http.server.HTTPServer((sys.argv[3], int(sys.argv[5])), Handler).serve_forever()
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "cache" / "seatrial" / "openwebui"


@pytest.fixture
def stand_in(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that looks installed; it serves the version that `LANG` says, and dies if `TZ` says so."""
    monkeypatch.setenv("LANG", VERSION)
    monkeypatch.delenv("SEATRIAL_ADMIN", raising=False)
    monkeypatch.delenv("TZ", raising=False)
    folder = cache / VERSION
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    (folder / "bin" / "open-webui").write_text(textwrap.dedent(STAND_IN), encoding="utf-8")
    (folder / ".complete").touch()
    return folder


def gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_server_inherits_no_setting_from_the_shell(tmp_path: Path) -> None:
    shell = {"PATH": "/bin", "OPENAI_API_BASE_URL": "https://costs.example", "ENABLE_SIGNUP": "x", "http_proxy": "x"}
    built = {
        defaults: environment(
            shell,
            data_dir=tmp_path,
            secret_key="s",
            provider_url="http://127.0.0.1:9",
            admin=("a@b.c", "p"),
            defaults=defaults,
        )
        for defaults in (False, True)
    }
    for env in built.values():
        assert env["OPENAI_API_BASE_URL"] == "http://127.0.0.1:9/v1"
        assert not {"ENABLE_SIGNUP", "http_proxy"} & env.keys()
    assert built[False]["BYPASS_MODEL_ACCESS_CONTROL"] == "true"
    assert not {"BYPASS_MODEL_ACCESS_CONTROL", "ENABLE_API_KEYS"} & built[True].keys()


def test_a_deployment_and_its_data_are_gone_after_the_block(stand_in: Path) -> None:
    with boot(VERSION, provider_url="http://127.0.0.1:9") as deployment:
        assert httpx.get(f"{deployment.url}/health").status_code == 200
        assert deployment.url.startswith(f"http://{LOOPBACK}:")
        assert deployment.exit_code() is None
        given = json.loads((deployment.data_dir / "environment.json").read_text(encoding="utf-8"))
        assert given["WEBUI_ADMIN_PASSWORD"] == deployment.admin_password
        assert deployment.admin_password not in repr(deployment)
        command = Path(f"/proc/{deployment.process_id}/cmdline")
        if command.exists():
            assert deployment.admin_password not in command.read_text(encoding="utf-8")
    assert gone(deployment.process_id)
    assert not deployment.data_dir.exists()
    assert not deployment.log_path.exists()


def test_given_data_is_kept_with_its_key_and_needs_its_admin(stand_in: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with boot(VERSION, provider_url="http://127.0.0.1:9", data_dir=kept):
        first = json.loads((kept / "environment.json").read_text(encoding="utf-8"))
    with pytest.raises(WrongUse, match="--admin"), boot(VERSION, provider_url="http://127.0.0.1:9", data_dir=kept):
        pass
    again = {"provider_url": "http://127.0.0.1:10", "data_dir": kept}
    with pytest.raises(WrongUse, match="this password"), boot(VERSION, **again, admin_password="wrong"):  # type: ignore[arg-type]
        pass
    with boot(VERSION, **again, admin_password="right"):  # type: ignore[arg-type]
        second = json.loads((kept / "environment.json").read_text(encoding="utf-8"))
    assert first["WEBUI_SECRET_KEY"] == second["WEBUI_SECRET_KEY"]
    assert "ENABLE_PERSISTENT_CONFIG" not in first
    assert second["ENABLE_PERSISTENT_CONFIG"] == "false"


def test_a_server_that_dies_while_starting_says_its_last_line(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "DIE")
    with pytest.raises(Inconclusive) as error, boot(VERSION, provider_url="http://127.0.0.1:9"):
        pass
    kept_log = stand_in.with_name(f"{VERSION}.failed.log")
    assert str(error.value) == (
        f"Open WebUI {VERSION} ended with code 1 while starting: the database is locked (log: {kept_log})"
    )
    assert "database is locked" in kept_log.read_text(encoding="utf-8")


def test_a_server_of_another_version_is_not_taken_for_this_one(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "1.2.4")
    with pytest.raises(Inconclusive, match=r"something else than Open WebUI 1\.2\.3"), boot(VERSION, provider_url="x"):
        pass


def test_a_version_that_is_not_installed_is_wrong_use(cache: Path) -> None:
    with pytest.raises(WrongUse, match="--install-only"), boot("0.0.1", provider_url="x"):
        pass


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_says_when_it_is_ready_and_leaves_nothing_behind(
    stand_in: Path, tmp_path: Path, end: signal.Signals
) -> None:
    if signal.getsignal(end) is signal.SIG_IGN:
        pytest.skip(f"{end.name} is ignored here, under nohup for one, and so it is by what is started")
    ready = tmp_path / "ready.json"
    ready.write_text("of a run that was killed", encoding="utf-8")
    command = [sys.executable, "-c", "from seatrial.cli.lab import lab; lab()", "openwebui", "--version", VERSION]
    env = {**os.environ, "PYTHONPATH": str(Path(seatrial.__file__).parents[1]), "OPENAI_API_KEY": "sk-mine"}
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "--ready-file", str(ready)], env=env, stdout=pipe, stderr=pipe, text=True) as it:
        assert it.stdout is not None
        assert it.stderr is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("ready ")):
            lines.append(it.stdout.readline())
            assert lines[-1], it.stderr.read()
        told = json.loads(ready.read_text(encoding="utf-8"))
        assert ready.stat().st_mode & 0o777 == 0o600
        assert lines[-1] == f"ready {told['url']}\n"
        admin = f"{told['admin_email']}:{told['admin_password']}"
        assert any(line.strip() == f"verify    seatrial verify {told['url']} --admin {admin}" for line in lines)
        assert [model["id"] for model in httpx.get(f"{told['provider_url']}/v1/models").json()["data"]]
        assert told["lab_pid"] == it.pid
        os.kill(it.pid, end)
        assert it.wait(10) == 0
    assert gone(told["pid"])
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{told['provider_url']}/v1/models")
    assert not ready.exists()
    assert not list(tmp_path.glob("seatrial-openwebui-*"))


def test_a_server_that_dies_ends_the_command_as_inconclusive(stand_in: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    code = (
        "from seatrial.cli.lab import lab\ntry: lab()\nexcept Exception as e: print(e); raise SystemExit(e.exit_code)"
    )
    command = [sys.executable, "-c", code, "openwebui", "--version", VERSION, "--ready-file", str(ready)]
    env = {**os.environ, "PYTHONPATH": str(Path(seatrial.__file__).parents[1])}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as it:
        until = time.monotonic() + 20
        while not ready.exists() and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(json.loads(ready.read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
        assert it.wait(10) == 3
        assert it.stdout is not None
        assert f"Open WebUI {VERSION} ended with code -9" in it.stdout.read()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["openwebui", "--version", "nonsense"], "is not a version"),
        (["openwebui", "--version", VERSION, "--admin", "admin@example.com"], "has no password"),
        (["openwebui", "--version", VERSION, "--record", "/missing/calls.jsonl"], "cannot write the record"),
        (["openwebui", "--version", VERSION, "--ready-file", "/missing/ready.json"], "no such folder"),
        (["openwebui", "--version", VERSION, "--data-dir", "/dev/null/data"], "as --data-dir"),
        (["provider", "--record", "/missing/calls.jsonl"], "cannot write the record"),
        (["provider", "--port", "70000"], "cannot listen"),
    ],
)
def test_a_mistake_of_the_user_is_one_line(stand_in: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(lab, arguments)
    assert isinstance(result.exception, WrongUse), result.output
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


@pytest.mark.parametrize(
    ("command", "option"), [("provider", "--port"), ("openwebui", "--port"), ("openwebui", "--provider-port")]
)
def test_an_occupied_port_is_known_before_anything_starts(stand_in: Path, command: str, option: str) -> None:
    with bound(LOOPBACK, 0) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(lab, [command, option, port])
    assert f"port {port} on 127.0.0.1 is in use; choose another with {option}" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [["openwebui", "--port", "http"], ["provider", "--first-token", "-1"], ["provider", "--error-status", "200"]],
)
def test_a_bad_option_exits_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(lab, arguments).exit_code == 2


@pytest.mark.openwebui
def test_a_real_open_webui_passes_on_what_the_provider_says() -> None:
    if not releases.is_installed(releases.DEFAULT_VERSION):
        pytest.skip(f"Open WebUI {releases.DEFAULT_VERSION} is not installed: seatrial lab openwebui --install-only")
    script, contract = Script(first_token=0, gap=0), Contract.load()
    with (
        running(create_app(script)) as provider,
        boot(releases.DEFAULT_VERSION, provider_url=provider) as deployment,
        httpx.Client(base_url=deployment.url, timeout=30) as client,
    ):
        account = {"email": deployment.admin_email, "password": deployment.admin_password}
        token = client.post(contract.call("signIn").path, json=account).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        text = "nonce 7f3a 👩‍🚀 שלום\nline two"
        body = {"model": script.models[0], "messages": [{"role": "user", "content": text}]}
        answer = client.post(contract.call("createChatCompletion").path, json=body).json()
        assert answer["choices"][0]["message"]["content"] == script.reply(text)
