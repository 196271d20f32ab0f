"""What a run leaves behind: typed lines in JSON Lines files, and `run.json` over them. A report is a fold over these.

run folder
  run.json         what was run against what, how it ended
  findings.jsonl   Finding, one a line
  checks.jsonl     Check: what each rule looked at; Skip: what it could not; Seen: statuses that came
  shapes.jsonl     Shape: what the answers of each operation looked like (see `shapes`)
  baseline.jsonl   Gone: what failed in the run's baseline and was not met again (see `baseline`)
  provider.jsonl   ProviderClock and ModelCall: what a scripted provider behind the target recorded
  overhead.jsonl   Joined, Overhead and Asked: the deployment's own share of each turn (see `samples`)
  answers/         what a load kept to hold to the contract; gone when that is done
  samples/         Sample, Turned and Integrity of a load, one file per worker (see `samples`)
  objectives.jsonl Judged: what became of each objective of a load (see `samples`)
  ledger.jsonl     what was made on the target (see `ledger`)
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import orjson

from seatrial.errors import Inconclusive, WrongUse
from seatrial.rows import made

SCHEMA = 1
RUNS = Path("seatrial-runs")
OUTSIDE = "outside"  # in place of a test: what a run meets at its start. What its end meets counts to the last test
Severity = Literal["break", "defect", "drift"]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Finding:
    """One way in which the target departs from what its users need. docs/rules.md says what the severities mean.

    `where` is the instance: a JSON path, or "status 500". `known`, `waived` and `before` (the run to which this one
    is compared had it too) say why it does not fail the run. `steps` are the calls that led to it, oldest first (what
    they hold, `contract_tests.trail` says); `form` says what kind of request it was, where an operation has several
    contracts; `test` is what found it. It was first seen at the time `at`, when the run had sent `after_requests`
    requests.
    """

    rule: str
    severity: Severity
    operation: str
    title: str
    expected: str
    received: str
    where: str
    curl: str
    notice: str = ""
    known: str | None = None
    waived: str | None = None
    count: int = 1
    account: str = ""
    steps: tuple[Mapping[str, Any], ...] = ()
    at: str = ""
    id: str = ""
    form: str = ""
    before: str | None = None
    test: str = ""
    after_requests: int = 0

    @property
    def accepted(self) -> str | None:
        """Why it does not fail the run, whatever its severity."""
        return self.known or self.waived or self.before

    @property
    def fails(self) -> bool:
        return self.severity != "drift" and not self.accepted


@dataclass(frozen=True)
class Check:
    """A rule held an operation to something, `count` times, `failed` of them in vain."""

    rule: str
    title: str
    operation: str
    count: int
    failed: int


@dataclass(frozen=True)
class Skip:
    """Something that was not checked, and why."""

    rule: str
    title: str
    operation: str
    reason: str


@dataclass(frozen=True)
class Seen:
    """A status that an operation answered with, or a documented one that it did not (`count` 0) and why."""

    operation: str
    status: int
    count: int
    documented: bool
    reason: str = ""
    p50_ms: float | None = None
    p95_ms: float | None = None


@dataclass
class Run:
    """`run.json`: enough to know what was measured, and nothing secret.

    `problem` says why there is no result, to people. `cause` says it to programs, of a load: "interrupted", "died" (the
    target stopped answering), "void" (the generator was the limit), or "" for anything else. `machine` is where it was
    generated; of a load that is its first process, and under "workers" are the machines of all its processes, in the
    order of their numbers: one of each, so that there are as many (missing in older records).
    """

    command: str
    target: str
    api: str
    id: str = ""
    schema: int = SCHEMA
    target_version: str | None = None
    target_name: str | None = None
    contract: str = ""
    accounts: list[dict[str, Any]] = field(default_factory=list)
    model: str | None = None
    tools: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    depth: str = "quick"
    strict: bool = False
    started: str = ""
    ended: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str | None = None
    cause: str = ""
    left_behind: list[str] = field(default_factory=list)
    verdict: str = ""
    sentence: str = ""
    exit_code: int | None = None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunFolder:
    """A run's directory. Writing raises `Inconclusive` when the disk is full; nothing half-written is read back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, out: str | None, command: str) -> RunFolder:
        """Raises `WrongUse` when `out` cannot be written or holds something already."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        path = Path(out) if out else RUNS / f"{stamp}-{command}-{secrets.token_hex(2)}"
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise WrongUse(f"--out {path} exists and is not an empty folder; name a new one")
            path.mkdir(parents=True, exist_ok=True)
            (path / "ledger.jsonl").touch(exist_ok=False)  # of two runs that begin together one has the folder
        except OSError as error:
            raise WrongUse(f"cannot write the run folder {path}: {error.strerror}") from None
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Raises `WrongUse` when the path is no run folder."""
        folder = cls(Path(path))
        if not folder.path.exists() and (RUNS / path).exists():  # reports name it as it is called there
            folder = cls(RUNS / path)
        if not (folder.path / "run.json").is_file():
            raise WrongUse(f"{path} is not a run folder: it holds no run.json")
        folder.load()
        return folder

    def load(self) -> Run:
        try:
            document = json.loads((self.path / "run.json").read_text("utf-8"))
            if document.get("schema") != SCHEMA:
                raise WrongUse(f"{self.path} was written by another Seatrial (schema {document.get('schema')})")
            run: Run = made(Run, document)
            return run
        except RecursionError:
            raise WrongUse(f"{self.path / 'run.json'} cannot be read: it is nested too deep") from None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise WrongUse(f"{self.path / 'run.json'} cannot be read: {error}") from None

    def save(self, run: Run) -> None:
        """Whole or not at all: a reader never sees half of it."""
        self.write("run.json", json.dumps(asdict(run), indent=2, ensure_ascii=False) + "\n")

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        draft = path.with_name(f".{path.name}.part")
        try:
            draft.unlink(missing_ok=True)  # left by a kill, or a link that leads out of a folder from elsewhere
            with draft.open("x", encoding="utf-8", errors="backslashreplace") as file:  # half a character as an escape
                file.write(text)
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise full(path, error) from None
        return path

    def rows(self, name: str, *kinds: type[Row]) -> Iterator[Row]:
        """The records of these types in a file, or in every file that the pattern names, in their order.

        A cut last line is left out.
        """
        by_name = {kind.__name__: kind for kind in kinds}
        for path in sorted(self.path.glob(name)):
            with path.open(encoding="utf-8", errors="replace") as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        document = json.loads(line)
                    except (ValueError, RecursionError):
                        continue
                    try:
                        if kind := by_name.get(document.pop("type", None)):
                            yield made(kind, document)
                    except (AttributeError, TypeError) as error:
                        raise WrongUse(f"{path}:{number} is no record of this Seatrial: {error}") from None


def line_of(record: Any) -> bytes:
    """A record as a line of JSON, its type first."""
    kind = b'{"type":"%s",' % type(record).__name__.encode()
    try:
        return kind + orjson.dumps(record)[1:] + b"\n"
    except TypeError:  # half a surrogate pair, or a number beyond 64 bits: from a target that sends such
        return kind + json.dumps(asdict(record), ensure_ascii=False).encode("utf-8", "backslashreplace")[1:] + b"\n"


def ends_inside_a_line(path: Path) -> bool:
    """Whether a kill or a full disk cut its last line."""
    try:
        with path.open("rb") as file:
            return file.seek(0, 2) > 0 and file.seek(-1, 2) >= 0 and file.read(1) != b"\n"
    except FileNotFoundError:
        return False


class Recorder:
    """Appends records to one file, each flushed, so that a reader follows and a killed run keeps what it had."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._cut = ends_inside_a_line(path)
            self._file = appended(path)
        except OSError as error:
            raise full(path, error) from None

    def write(self, record: Any) -> None:
        whole = line_of(record)
        if self._cut:  # what comes next must not be glued to it and lost with it
            whole = b"\n" + whole
        try:
            # One call of the system, which appends: lines of several threads do not mix, and want no lock.
            self._cut = self._file.write(whole) < len(whole)
            if self._cut:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise full(self.path, error) from None

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the line that met a full disk has said so already
            self._file.close()


def appended(path: Path) -> BinaryIO:
    """A file to append to, and no link (see `RunFolder.write`)."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666), "ab", buffering=0)


class DiskFull(Inconclusive):
    """A record could not be written: there is no room, or no right to."""


def full(path: Path, error: OSError) -> DiskFull:
    return DiskFull(f"cannot write {path}: {error.strerror or error}; the run ends here")
