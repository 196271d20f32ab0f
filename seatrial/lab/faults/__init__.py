"""The catalogue of faults: what can be wrong with a deployment, one thing each, by name.

`CATALOGUE` holds them all; `named("message-lost")` finds one. Each names the rules that should turn red.
"""

from __future__ import annotations

import difflib

from seatrial.errors import WrongUse
from seatrial.lab.faults import (
    access,
    answers,
    chances,
    changes,
    credentials,
    histories,
    leaks,
    lists,
    mistakes,
    races,
    replicas,
    streams,
    times,
    turns,
)
from seatrial.lab.faults.making import Fault

__all__ = ["CATALOGUE", "Fault", "named"]

CATALOGUE: dict[str, Fault] = {
    fault.name: fault
    for module in (
        answers,
        histories,
        changes,
        lists,
        races,
        streams,
        turns,
        access,
        credentials,
        replicas,
        times,
        mistakes,
        leaks,
        chances,
    )
    for fault in module.FAULTS
}


def named(name: str) -> Fault:
    """Raises `WrongUse` for a name that the catalogue does not have, with one that it does."""
    try:
        return CATALOGUE[name]
    except KeyError:
        near = difflib.get_close_matches(name, CATALOGUE, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise WrongUse(f"no fault named {name}{hint} (seatrial lab proxy --list shows all)") from None
