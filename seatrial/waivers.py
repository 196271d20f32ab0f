"""Findings that are accepted until a day, as `seatrial.toml` names them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from seatrial.config_file import ConfigFile


@dataclass(frozen=True)
class Waiver:
    """One finding that is accepted until a day: rule, operation and instance all have to match."""

    rule: str
    operation: str
    where: str
    reason: str
    until: date


def waiver(file: ConfigFile, number: int, row: Any) -> Waiver:
    """One table of the file, the which-th. Raises `WrongUse` with its line."""
    wanted = {spec.name: str(spec.type) for spec in fields(Waiver)}
    if not isinstance(row, dict) or set(row) != set(wanted):
        raise file.wrong(f"waiver {number} needs exactly {', '.join(sorted(wanted))}", "", "waiver", number)
    for name, kind in wanted.items():
        if kind == "str" and not isinstance(row[name], str):
            raise file.wrong(f"waiver {number}: {name} must be text", name, "waiver", number)
    if type(row["until"]) is not date:
        raise file.wrong(f"waiver {number}: until is a date such as 2027-01-31", "until", "waiver", number)
    return Waiver(**row)
