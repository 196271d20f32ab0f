"""A certificate that does not verify, the authority that makes it verify, and files that are no authority.

And a socket over TLS that fails later: it is closed.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import uvicorn
from command_line import seatrial_command

from contract_tests.websocket import WebSocket, WebSocketRefused
from load.recorder import NOBODY
from load.share import Share
from load.voyage import Voyage
from seatrial.contract import Contract
from seatrial.lab.reference import create_app
from seatrial.lab.serving import LOOPBACK, bound
from seatrial.records import RunFolder
from seatrial.settings import Settings
from seatrial.target import Target

TOKEN = "s3cret-that-nobody-may-see"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that no authority has signed, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command here")
    place = tmp_path_factory.mktemp("certificate")
    made, key = place / "cert.pem", place / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lab"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


@pytest.fixture(scope="module")
def secure(certificate: tuple[Path, Path]) -> Iterator[str]:
    """The URL of the reference server behind that certificate, with one owner."""
    made, key = certificate
    app = create_app(Contract.load(), tokens=[TOKEN])
    config = uvicorn.Config(app, log_level="critical", ssl_certfile=made, ssl_keyfile=key, timeout_graceful_shutdown=1)
    server, sock = uvicorn.Server(config), bound(LOOPBACK, 0)
    thread = threading.Thread(target=lambda: server.run(sockets=[sock]), daemon=True)
    thread.start()
    yield f"https://{LOOPBACK}:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize("name", ["verify", "load"])
def test_a_certificate_that_does_not_verify_is_inconclusive(tmp_path: Path, secure: str, name: str) -> None:
    ended = seatrial_command(tmp_path, name, secure)
    ended.refused(3, f"the certificate of {secure} does not verify (self", "--ca-file")


def test_a_ca_file_that_holds_no_authority_is_wrong_use(tmp_path: Path, secure: str) -> None:
    (tmp_path / "ca.pem").write_text("nothing", "utf-8")
    seatrial_command(tmp_path, "load", secure, "--ca-file", "ca.pem").refused(2, "--ca-file ca.pem:")
    seatrial_command(tmp_path, "load", secure, "--ca-file", "none.pem").refused(2, "--ca-file none.pem: No such file")


@pytest.mark.parametrize(
    "arguments", [("verify",), ("load", "--users", "1", "--duration", "1s", "--think", "0")], ids=["verify", "load"]
)
def test_with_its_authority_named_it_works_and_the_token_stands_nowhere(
    tmp_path: Path, secure: str, certificate: tuple[Path, Path], arguments: tuple[str, ...]
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", "utf-8")
    options = ["--ca-file", str(certificate[0]), "--token", "@token", "--out", "run"]
    ended = seatrial_command(tmp_path, *arguments, secure, *options)
    assert ended.code == 0, ended
    assert TOKEN not in ended.out + ended.err
    assert [file for file in (tmp_path / "run").rglob("*") if file.is_file() and TOKEN in file.read_text("utf-8")] == []


def test_a_socket_over_tls_that_never_comes_about_is_closed(certificate: tuple[Path, Path]) -> None:
    made, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    read: list[bytes] = []

    def answer() -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as peer:
            peer.settimeout(10)
            peer.recv(65_536)
            peer.sendall(b"no HTTP at all\r\n\r\n")
            with suppress(OSError):  # a connection that is not closed says nothing more
                read.append(peer.recv(65_536))

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        target = Target(f"https://{LOOPBACK}:{listener.getsockname()[1]}", ca_file=str(made))
        with pytest.raises(WebSocketRefused) as refused:  # which keeps what was under way from going by itself
            WebSocket(target, "/ws", 5.0)
        thread.join(12)
    assert "it speaks something else" in str(refused.value)
    assert read == [b""]


def test_a_load_over_tls_checks_itself_without_the_kernels_stamps(
    tmp_path: Path, secure: str, certificate: tuple[Path, Path]
) -> None:
    settings = Settings(url=secure, ca_file=str(certificate[0]), token=(TOKEN,), users=1)
    voyage = Voyage(settings, RunFolder.create(str(tmp_path / "run"), "load"), NOBODY, lambda _: None, Share())
    try:
        voyage.muster()
        assert voyage.check is not None
        assert voyage.check.tls
    finally:
        voyage.pay_off()
