"""Journeys: what a person does at a deployment, written once against an actor."""

from __future__ import annotations

from collections.abc import Callable

from load.journeys.browser import browser
from load.journeys.completions import completions
from load.journeys.reader import reader
from load.journeys.session import session
from load.part import Part
from seatrial.samples import Integrity

JOURNEYS: dict[str, Callable[[Part], Integrity]] = {
    "session": session,
    "browser": browser,
    "reader": reader,
    "completions": completions,
}
"""By the names that a mix gives them."""
