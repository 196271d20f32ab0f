"""What stops a run, and the exit code it ends with.

    SeatrialError
      WrongUse        2   the command, its options, a file or a credential is wrong
        ContractError     the contract cannot be read: file, line, reason
      Inconclusive    3   nothing is proved: unreachable, another API, died, void

Each message is one line that says what happened and what to do about it.
"""

from __future__ import annotations

EXIT_PASS, EXIT_FAIL, EXIT_WRONG_USE, EXIT_INCONCLUSIVE = 0, 1, 2, 3
EXIT_CODES = {"pass": EXIT_PASS, "fail": EXIT_FAIL, "inconclusive": EXIT_INCONCLUSIVE}
"""By verdict."""


class SeatrialError(Exception):
    """Ends a run with one line on standard error and `exit_code`."""

    exit_code = EXIT_INCONCLUSIVE
    cause = ""
    """What it is to programs; see `seatrial.records.Run`."""


class WrongUse(SeatrialError):
    """The user can mend it: a bad option, file, credential or name."""

    exit_code = EXIT_WRONG_USE


class ContractError(WrongUse):
    """A contract that cannot be used, with the place in the file."""

    def __init__(self, source: str, line: int | None, reason: str) -> None:
        self.source, self.line, self.reason = source, line, reason
        place = f"{source}:{line}" if line else source
        super().__init__(f"{place}: {reason}")


class Inconclusive(SeatrialError):
    """The run cannot say whether the target is good or bad."""

    exit_code = EXIT_INCONCLUSIVE
