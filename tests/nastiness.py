"""What a hostile server can do with an answer: each a way to write to whoever asked, by what it is called.

ENDLESS never comes to an end, BIG is more than anybody needs, ODD is no JSON that one expects, BROKEN is no HTTP or
leads elsewhere. EVERY is all of them.
"""

from __future__ import annotations

import zlib
from itertools import count

from hostile_server import LONGEST, Peer, Writes

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


def body(content: bytes, kind: bytes = b"application/json", more: bytes = b"") -> Writes:
    """A whole answer with this body."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n" % (kind, more, len(content))
    return lambda peer: peer.say(head, content)


def steps(*done: Writes) -> Writes:
    """One after the other."""

    def act(peer: Peer) -> None:
        for one in done:
            one(peer)

    return act


def in_turn(*ways: Writes) -> Writes:
    """Another one each time, from the first again after the last."""
    counter = count()

    def act(peer: Peer) -> None:
        ways[next(counter) % len(ways)](peer)

    return act


def late(seconds: float) -> Writes:
    """No answer for so long, then an empty one."""

    def act(peer: Peer) -> None:
        peer.wait(seconds)
        body(b"{}")(peer)

    return act


def said(*pieces: bytes) -> Writes:
    return lambda peer: peer.say(*pieces)


def silent(peer: Peer) -> None:
    peer.wait(LONGEST)


def bomb(megabytes: int = 1_024) -> bytes:
    """So many megabytes of white space, as gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(b" " * 1_048_576) for _ in range(megabytes)) + packer.flush()


def redirect(peer: Peer) -> None:
    place = peer.server.elsewhere.encode()
    peer.say(b"HTTP/1.1 307 Elsewhere\r\nLocation: " + place + b"/stolen\r\nContent-Length: 0\r\n\r\n")


ENDLESS: dict[str, Writes] = {
    "a body without end": lambda peer: peer.flood(CHUNK, CHUNKED),
    "a body without end or length": lambda peer: peer.flood(b"[" * 65_536, OK + b"\r\n"),
    "a byte now and then": lambda peer: peer.drip(b"1\r\n[\r\n", CHUNKED),
    "headers without end": lambda peer: peer.flood(b"X-More: and more\r\n" * 100, OK),
    "one header without end": lambda peer: peer.flood(b"x" * 65_536, OK + b"X-Long: "),
    "a header byte now and then": lambda peer: peer.drip(b"X-Slow: 1\r\n", OK),
    "a status line that never ends": lambda peer: peer.drip(b"x", b"HTTP/1.1 200 "),
    "interim answers without end": lambda peer: peer.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "a trailer without end": lambda peer: peer.drip(b"X-T: 1\r\n", CHUNKED + b"2\r\n{}\r\n0\r\n"),
    "silence": silent,
    "silence in the body": steps(said(CHUNKED + b"1\r\n[\r\n"), silent),
    "events without end": lambda peer: peer.flood(
        b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n' * 50,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    ),
}

BIG: dict[str, Writes] = {
    "100 MB": lambda peer: peer.flood(b'"x",' * 16_384, OK + b"Content-Length: 104857600\r\n\r\n"),
    "a million rows": body(b'{"sessions": [' + b'{"id": "a"},' * 1_000_000 + b'{"id": "a"}]}'),
    "rows that just fit": body(b'{"sessions": [' + b'{"id":"a","created_at":1},' * 80_000 + b'{"id": "a"}]}'),
    "a huge header block": said(OK, b"X-A: " + b"a" * 5_000_000 + b"\r\n\r\n{}"),
    "many headers": said(OK, b"".join(b"X-%d: a\r\n" % n for n in range(200_000)), b"\r\n{}"),
    "one long text": body(b'{"id": "' + "é".encode() * 7_000_000 + b'"}'),
}

ODD: dict[str, Writes] = {
    "nested arrays": body(b"[" * 100_000 + b"]" * 100_000),
    "nested objects": body(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "nested, but not too deep for Python": body(b'{"id": ' + b"[" * 600 + b"]" * 600 + b"}"),
    "a huge integer": body(b'{"id": "a", "created_at": ' + b"9" * 10_000 + b"}"),
    "an integer that is no float": body(
        b'{"id": "a", "created_at": ' + b"9" * 400 + b', "messages": [], "sessions": []}'
    ),
    "NaN": body(b'{"id": "a", "created_at": NaN, "messages": [], "sessions": []}'),
    "Infinity": body(b'{"id": "a", "created_at": -Infinity}'),
    "half a character": body(
        b'{"id": "\\ud800", "name": "\\udfff", "version": "\\ud800", "model": "\\ud800", "reply": "\\ud800",'
        b' "messages": [{"role": "user", "content": "\\ud800", "created_at": 1}], "created_at": 1}'
    ),
    "the same key twice": body(b'{"id": "a", "id": "b", "created_at": 1, "created_at": 2}'),
    "no UTF-8": body(b'{"id": "\xff\xfe", "reply": "\xc3("}'),
    "UTF-16": body('{"id": "a"}'.encode("utf-16"), b"application/json; charset=utf-8"),
    "another charset": body('{"id": "\xe9"}'.encode("latin-1"), b"application/json; charset=nonsense"),
    "null": body(b"null"),
    "a list of nothing": body(b"[null, 1, [], {}]"),
    "an object of nothing": body(b'{"id": null, "sessions": [null], "messages": [[]], "reply": {}, "name": 1}'),
    "an id that is a path": body(b'{"id": "../../api/v1/chats", "created_at": 1}'),
    "control characters": body(
        b'{"id": "a\\u0000\\u001b[2J\\r\\nX: y", "created_at": 1, "reply": "\\u0000\\u001b[31m"}'
    ),
}

BROKEN: dict[str, Writes] = {
    "no answer": lambda _peer: None,
    "a reset before the answer": Peer.reset,
    "a reset in the headers": steps(said(OK), Peer.reset),
    "a reset in the body": steps(said(CHUNKED + b"5\r\n[1,2,\r\n"), Peer.reset),
    "an end in the body": said(OK + b"Content-Length: 100\r\n\r\n{"),
    "no HTTP": said(b"SSH-2.0-OpenSSH_9.6\r\n\x00\xff"),
    "a status that is none": said(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "two lengths": said(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a length below zero": said(OK + b"Content-Length: -1\r\n\r\n{}"),
    "a chunk of a length that is none": said(CHUNKED + b"zz\r\n{}\r\n"),
    "a switch of protocols": lambda peer: peer.say(
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    ),
    "another place": redirect,
    "cookies": body(b"{}", more=b"Set-Cookie: token=stolen; Path=/\r\n" * 500),
    "a bomb": body(bomb(), more=b"Content-Encoding: gzip\r\n"),
    "a bomb in a bomb": body(bomb(64), more=b"Content-Encoding: gzip, gzip\r\n"),
    "an encoding that it is not": body(b"plain", more=b"Content-Encoding: gzip\r\n"),
    "an encoding that nobody knows": body(b"plain", more=b"Content-Encoding: zstd\r\n"),
    "half of a gzip": body(bomb(1)[:500], more=b"Content-Encoding: gzip\r\n"),
}

EVERY = ENDLESS | BIG | ODD | BROKEN
