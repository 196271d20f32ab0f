"""`seatrial.toml` as it was written: its values, and the line of each, so that a mistake can be pointed at.

What the file may say, `settings` knows, and of options that one command alone has, the command line.
"""

from __future__ import annotations

import contextlib
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.errors import WrongUse

NAME = "seatrial.toml"
_HEADER = re.compile(r"""\s*\[\[?\s*["']?([^\]"']+?)["']?\s*\]""")
_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*(?:\.[^=]*)?=""")
_KINDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}
_AT = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


def seconds(text: str) -> float:
    """A time such as 90, 90s, 5m or 1h. Raises `ValueError` that says so."""
    trimmed = text.strip().lower()
    unit = {"s": 1, "m": 60, "h": 3600}.get(trimmed[-1:], 0)
    with contextlib.suppress(ValueError):
        found = float(trimmed[:-1]) * unit if unit else float(trimmed)
        if 0 <= found < math.inf:
            return found
    raise ValueError(f"{text!r} is no time; write 90, 90s, 5m or 1h")


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file that is TOML; `table` is what it says."""

    path: Path
    text: str
    table: dict[str, Any]

    @classmethod
    def read(cls, path: str | Path) -> ConfigFile:
        """Raises `WrongUse`, with the line where the file is no TOML."""
        path = Path(path)
        text = ""
        try:
            text = path.read_text("utf-8-sig")  # editors on Windows write a mark first
            return cls(path, text, tomllib.loads(text))
        except OSError as error:
            raise WrongUse(f"{path}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise WrongUse(f"{path}: this is no UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            found = _AT.fullmatch(str(error))
            reason, line = (found[1], found[2]) if found else (str(error), None)
            raise WrongUse(f"{path}:{line or len(text.splitlines()) or 1}: {reason}") from None

    def typed(self, key: str, kind: str, *, time: bool = False, secret: bool = False) -> Any:
        """The value of a key at the top as a field of that type holds it. A secret is not quoted in the `WrongUse`."""
        value, kind = self.table[key], kind.removesuffix(" | None")
        if kind.startswith("tuple"):
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return tuple(value)
            raise self.wrong(f'{key} must be a list of texts, such as ["..."]', key)
        if time and isinstance(value, str):
            try:
                return seconds(value)
            except ValueError as error:
                raise self.wrong(f"{key}: {error}", key) from None
        wanted: Any = {"bool": bool, "int": int, "float": (int, float)}.get(kind, str)
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "bool"):
            raise self.wrong(f"{key} must be {_KINDS[kind]}" + ("" if secret else f", not {value!r}"), key)
        return float(value) if kind == "float" else value

    def wrong(self, reason: str, key: str, table: str = "", number: int = 1) -> WrongUse:
        """The error to raise about a key at the top, of a table, or of the table of that number of a list of tables."""
        return WrongUse(f"{self.path}:{self.line(key, table, number)}: {reason}")

    def line(self, key: str, table: str = "", number: int = 1) -> int:
        """The line of a key; of its table, where it has none (an empty key asks for that); 1 when it is not found."""
        inside, place = table == "", 1
        for index, line in enumerate(self.text.splitlines(), 1):
            header = _HEADER.match(line) if line.lstrip().startswith("[") else None
            if header:
                if inside and table:
                    break
                if header[1] == key and not table:
                    return index
                number -= header[1] == table
                inside = header[1] == table and number == 0
                place = index if inside else place
            elif inside and (found := _KEY.match(line)) and key in found.groups():
                return index
        return place
