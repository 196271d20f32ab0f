"""Who works in a run: each on a connection of their own, and none is left open behind it."""

from __future__ import annotations

from pathlib import Path

from seatrial.contract import Contract
from seatrial.crew import Crew
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running
from seatrial.settings import Settings


def test_every_connection_is_closed_when_the_crew_is_paid_off(tmp_path: Path) -> None:
    with running(create_app(Contract.load())) as url:
        with Crew.muster(Settings(url=url), tmp_path, people=1) as crew:
            somebody = crew.people[0]
            beside = crew.person(somebody.account)
            beside.actor.list_sessions()
        assert [person.client._http.is_closed for person in (somebody, beside)] == [True, True]
