"""The scripted provider behind the target, asked for what it recorded of a load.

    clock = meet(url)                 # before the load: is it one, and how far is its record?
    mark(clock, folder)
    fetch(url, folder)                # after it: `provider.jsonl` has what came between

Clocks of two machines are never compared: a provider says how long things took it, in its own milliseconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator

import httpx

from seatrial.errors import Inconclusive, WrongUse
from seatrial.records import DiskFull, Recorder, RunFolder
from seatrial.samples import ModelCall, ProviderClock
from seatrial.target import Target

FILE = "provider.jsonl"
PATIENCE = 30.0
"""Seconds that its whole record may take to come, and one answer when it is met."""

MOST_BYTES = 256 * 1024 * 1024
"""Of a record; the provider itself keeps a quarter of that."""

MOST_LINE = 8 * 1024 * 1024
"""Of one call: a line holds the gaps of a reply, a few bytes for each."""


def meet(url: str) -> ProviderClock:
    """Raises `WrongUse` where something else answers there, and `Inconclusive` where nothing does."""
    record = next(_asked(url, since=2**53), None)
    if not isinstance(record, ProviderClock):
        raise _stranger(url, "tells nothing of its clock")
    return record


def mark(clock: ProviderClock, folder: RunFolder) -> None:
    """Note in the run folder that what the provider has recorded so far is none of this load's."""
    recorder = Recorder(folder.path / FILE)
    recorder.write(clock)
    recorder.close()


def fetch(url: str, folder: RunFolder) -> str:
    """Add to the run folder what the provider recorded since the mark. Returns why that is not all of it, or ""."""
    before = next(folder.rows(FILE, ProviderClock), None)
    since = before.next if before else 0
    clock: ProviderClock | None = None
    recorder = Recorder(folder.path / FILE)
    try:
        for record in _asked(url, since):
            clock = record if isinstance(record, ProviderClock) else clock
            recorder.write(record)
    except DiskFull:
        raise
    except (Inconclusive, WrongUse) as error:
        return str(error)
    finally:
        recorder.close()
    if clock is None or clock.next < since:
        return f"the provider at {url} began anew during the load"
    return f"the provider has let go {clock.dropped - since} calls of this load" if clock.dropped > since else ""


def _asked(url: str, since: int) -> Iterator[ProviderClock | ModelCall]:
    try:  # `seatrial lab openwebui` tells the address that deployments are given, which ends in /v1
        base = Target(url).url.removesuffix("/v1")
    except WrongUse as error:
        raise WrongUse(f"--provider: {error}") from None
    try:
        with (
            httpx.Client(timeout=10.0, trust_env=False, headers={"Accept-Encoding": "identity"}) as client,
            client.stream("GET", f"{base}/records", params={"since": since}) as answer,
        ):
            kind = answer.headers.get("content-type", "no content type").partition(";")[0]
            if answer.status_code != 200 or kind != "application/x-ndjson":
                raise _stranger(url, f"answers GET /records with {answer.status_code} and {kind:.40}")
            for line in _lines(url, answer.iter_raw()):
                yield _read(url, line)
    except httpx.HTTPError as error:
        raise Inconclusive(f"the provider at {url} does not answer: {error or type(error).__name__}") from None


def _lines(url: str, pieces: Iterable[bytes]) -> Iterator[str]:
    """Whole lines, within limits that also hold for a line without end."""
    size, until, rest = 0, time.monotonic() + PATIENCE, bytearray()
    for piece in pieces:
        size += len(piece)
        rest += piece
        *lines, rest = rest.split(b"\n") if b"\n" in piece else (rest,)
        if size > MOST_BYTES or len(rest) > MOST_LINE or time.monotonic() > until:
            raise Inconclusive(f"the record of the provider at {url} does not end")
        for line in lines:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def _read(url: str, line: str) -> ProviderClock | ModelCall:
    try:
        document = json.loads(line)
        kind = {"ProviderClock": ProviderClock, "ModelCall": ModelCall}[document.pop("type")]
        record: ProviderClock | ModelCall = kind(**document)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise _stranger(url, f"has another record: {line:.80}") from None
    return record


def _stranger(url: str, why: str) -> WrongUse:
    return WrongUse(f"--provider {url} is no scripted provider of this Seatrial (seatrial lab provider): it {why}")
