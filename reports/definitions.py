"""What each number of a report means: read from definitions.toml, for the page and for docs/measures.md.

python -m reports.definitions > docs/measures.md
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Measure:
    """`names` are what stands over the number in tables and on tiles; the first is its title."""

    id: str
    names: tuple[str, ...]
    text: str

    @property
    def title(self) -> str:
        first = self.names[0]
        return first if first[1:2].isdigit() else first[:1].upper() + first[1:]


@cache
def groups() -> dict[str, tuple[Measure, ...]]:
    """By the title of their group, in the order of the file."""
    document = tomllib.loads(files("reports").joinpath("definitions.toml").read_text("utf-8"))
    return {
        group["title"]: tuple(Measure(row["id"], tuple(row["names"]), row["text"]) for row in group["measure"])
        for group in document["group"]
    }


@cache
def _by_name() -> dict[str, Measure]:
    return {name: measure for measures in groups().values() for measure in measures for name in measure.names}


def defined(name: str) -> Measure | None:
    """What a column or a tile of this name shows."""
    return _by_name().get(name[:1].lower() + name[1:])


def document() -> str:
    """docs/measures.md."""
    where = (
        "The reports say these texts where their numbers stand. How they are measured: "
        "[journeys.md](journeys.md), [capacity.md](capacity.md), [comparing.md](comparing.md)."
    )
    parts = ["# What the numbers mean", where]
    for title, measures in groups().items():
        rows = [f"| {' · '.join(measure.names)} | {measure.text} |" for measure in measures]
        parts += [f"## {title}", "\n".join(["| name | meaning |", "|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(document(), end="")
