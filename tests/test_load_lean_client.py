"""The bytes of a request are those that geventhttpclient would send, made faster."""

from __future__ import annotations

import pytest
from geventhttpclient.client import HTTPClient

from load.lean_client import LeanClient

HEADERS = {"User-Agent": "seatrial", "Authorization": "Bearer x", "Content-Type": "application/json"}


class Noting(LeanClient):
    """Sends nothing, and keeps what it would have sent."""

    def request(self, method: str, request_uri: str, body: bytes | None = b"", headers: object = None) -> str:
        return self._build_request(method, request_uri, body or b"")


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("DELETE", None), ("POST", b"{}"), ("POST", None)])
def test_a_request_reads_as_it_would_otherwise(method: str, body: bytes | None) -> None:
    lean, plain = Noting("localhost", 9090), HTTPClient("localhost", 9090)
    for path in ("/api/chat?x=1", "/api/sessions/%C3%A9"):
        wanted = plain._build_request(method, path, body or b"", HEADERS)
        assert sorted(lean.ask(method, path, body, HEADERS).split("\r\n")) == sorted(wanted.split("\r\n"))


def test_what_cannot_stand_in_a_request_is_refused() -> None:
    lean = Noting("localhost", 9090)
    for path in ("/a b", "//evil/path", "chats", "/a\r\nX: y"):
        with pytest.raises(ValueError, match="invalid"):
            lean.ask("GET", path, None, HEADERS)
    with pytest.raises(ValueError, match="invalid"):
        lean.ask("GET", "/", None, {"X": "a\r\nY: b"})
