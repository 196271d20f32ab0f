"""What the benchmarks keep between runs, one JSON line a trial: an interrupted matrix goes on where it was.

It is kept in benchmarks/results, and committed there: the pages of numbers are made of it, and whoever goes on with a
matrix on another machine has what was done.

    store = Store(folder / "trials.jsonl", Result)
    store.find(cell.key, fingerprint(...))      # None: to be done; also when the sources were others then
    store.add(result)

A fingerprint is a digest of the sources that a result depends on. `--accept-stale` takes what others gave.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from seatrial.errors import SeatrialError

ROOT = Path(__file__).resolve().parents[1]
SUITE = ("contract_tests/**/*", "openapi.yaml", "requirements.lock", "reports/verdict.py", "seatrial/*.py")
LAB = ("seatrial/lab/*.py", "seatrial/lab/faults/making.py")


class Row(Protocol):
    """What is stored: a frozen dataclass that says what it answers, and from which sources."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def key(self) -> str: ...


Kind = TypeVar("Kind", bound=Row)


class Store(Generic[Kind]):
    """The rows of one file, the newest for each key. A last line that was cut off is left out."""

    def __init__(self, path: Path, kind: type[Kind], *, accept_stale: bool = False) -> None:
        self.path, self._kind, self._accept_stale = path, kind, accept_stale
        self._lock = threading.Lock()
        self._rows: dict[str, Kind] = {}
        for document in _documents(path):
            self._keep(kind(**document))

    def find(self, key: str, fingerprint: str) -> Kind | None:
        """The result for a key, unless it is from other sources."""
        row = self._rows.get(key)
        return row if row and (self._accept_stale or row.fingerprint == fingerprint) else None

    def all(self) -> list[Kind]:
        return list(self._rows.values())

    def add(self, row: Kind) -> None:
        # One write of a whole line, so that two that append do not mix.
        line = json.dumps(asdict(row), ensure_ascii=False) + "\n"  # type: ignore[call-overload]
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(line)
            self._keep(row)

    def _keep(self, row: Kind) -> None:
        self._rows[row.key] = row


RESULTS = ROOT / "benchmarks" / "results"


class SourcesChanged(SeatrialError):
    """What is run is no longer what was there when the benchmark began; start it again."""


@functools.cache
def fingerprint(*patterns: str) -> str:
    """A digest of the files of this checkout that the patterns name, as they were when it was asked for first."""
    return _digest(patterns)


def unchanged(*patterns: str) -> str:
    """The same, and it holds now as well. Raises `SourcesChanged`."""
    if _digest(patterns) != fingerprint(*patterns):
        raise SourcesChanged("the sources changed while the benchmark ran; start it again")
    return fingerprint(*patterns)


def _digest(patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in _files(patterns):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _files(patterns: Iterable[str]) -> list[Path]:
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _documents(path: Path) -> Iterable[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document
