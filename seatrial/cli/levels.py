"""The loads of a search for a capacity: a run folder for each, and accounts that are made as the levels grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rich.console import Console

from load.progress import FILE, Mustered
from seatrial.cli.load import run_load
from seatrial.contract import OPENWEBUI
from seatrial.crew import Crew
from seatrial.lab.children import Stop
from seatrial.ledger import left_open
from seatrial.leftovers import forget
from seatrial.records import Run, RunFolder, now
from seatrial.settings import Settings

QUIET = Console(quiet=True)


class Levels:
    """`play` is one load. `notes` are what is to be said of all of them; `tell` hears each when it is known.

    Throwaway accounts are made once, as many as the highest level so far needs. `told` stands in the record of each.
    """

    def __init__(
        self, settings: Settings, folder: RunFolder, stop: Stop, tell: Callable[[str], None], told: Mapping[str, Any]
    ) -> None:
        self._told = dict(told)
        self._settings, self._folder, self._stop, self._tell = settings, folder, stop, tell
        self._crew: Crew | None = None
        self._left: list[str] = []
        self._crewed: list[RunFolder] = []
        """The loads that throwaway accounts played."""
        self.notes: list[str] = []

    def play(self, level: int, seconds: float) -> tuple[Run, RunFolder]:
        """So many users for so many seconds: the run, and its folder.

        Raises `KeyboardInterrupt` where somebody asked for the end meanwhile, and what `run_load` raises.
        """
        settings = self._manned(level)
        # Numbered on: a level that the budget cut short has a folder, and no place among those that were judged.
        number = len(list((self._folder.path / "levels").glob("*"))) + 1
        place = RunFolder.create(str(self._folder.path / "levels" / f"{number:03}-{level}-users"), "load")
        wanted = replace(settings, users=level, duration=seconds, rate=None, stage=(), out=None, slo=())
        accounts = self._accounts(level)
        begun = Run("load", settings.url or "", settings.api, accounts=accounts, started=now(), settings=self._told)
        place.save(begun)
        if self._crew is not None and wanted.disposable:
            self._crewed.append(place)
        run = run_load(wanted, place, QUIET, announced=True)
        run = replace(run, accounts=accounts or run.accounts, settings=run.settings | self._told)
        place.save(run)
        for mustered in place.rows(FILE, Mustered):
            self._note(mustered.notes)
        if self._crew is None or not wanted.disposable:  # throwaway accounts take their chats along
            self._left += run.left_behind
        if self._stop.fired:
            raise KeyboardInterrupt
        return run, place

    def pay_off(self) -> list[str]:
        """Remove the accounts that were made. Returns what is left of all levels, one line each."""
        if self._crew is None:
            return self._left
        left = self._crew.pay_off()
        if not any(entry.kind == "user" for entry in left_open(self._folder.path)):
            self._gone()
        return [*self._left, *left]

    def _gone(self) -> None:
        """The throwaway accounts are gone, and what their users could not delete went with them."""
        for place in self._crewed:
            forget(place)

    def _manned(self, level: int) -> Settings:
        """The settings with accounts that are ready for a level."""
        settings = self._settings
        if settings.admin_token is None or settings.api != OPENWEBUI:
            return settings
        if self._crew is None:
            self._crew = Crew.muster(settings, self._folder.path, people=level)
        crew = self._crew
        while len(crew.people) < level:
            crew.another()
        people = crew.speakers()[:level]
        self._note(crew.notes)
        tokens = tuple(person.account.token for person in people if person.account.token)
        return replace(settings, token=tokens, admin_token=None, disposable=people[0].account.throwaway)

    def _accounts(self, level: int) -> list[dict[str, Any]]:
        """Whose the tokens of a level are, for `clean`: to the load they are given ones, in this order."""
        people = [person.account for person in self._crew.speakers()[:level]] if self._crew is not None else []
        return [
            {"label": f"account {number}", "role": account.role, "throwaway": account.throwaway}
            | ({} if account.throwaway else {"as": account.label})
            for number, account in enumerate(people, 1)
        ]

    def _note(self, notes: list[str]) -> None:
        for note in notes:
            if note not in self.notes:
                self.notes.append(note)
                self._tell(note)
