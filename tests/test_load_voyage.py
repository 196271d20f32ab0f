"""A load from within: that it cleans up, whatever it can still tell of it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from command_line import reference_server

from load.progress import Progress
from load.recorder import NOBODY
from load.share import Share
from load.voyage import Voyage
from seatrial.contract import Contract
from seatrial.records import DiskFull, RunFolder
from seatrial.settings import Settings

TOKEN = "somebody"


def left_on(url: str) -> int:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    listed = httpx.get(url + Contract.load().call("listSessions").path, headers=headers, trust_env=False)
    return len(listed.json()["sessions"])


def test_a_disk_that_is_full_keeps_nobody_from_cleaning_up(tmp_path: Path) -> None:
    told: list[Progress] = []
    full = False

    def tell(record: Progress) -> None:
        if full:
            raise DiskFull("cannot write: no room")
        told.append(record)

    with reference_server(TOKEN) as (url, _):
        settings = Settings(url=url, token=(TOKEN,), disposable=True, users=1, seed_chats=3, seed_messages=2)
        voyage = Voyage(settings, RunFolder.create(str(tmp_path / "run"), "load"), NOBODY, tell, Share())
        voyage.muster()
        assert left_on(url) == 3
        full = True
        with pytest.raises(DiskFull):
            voyage.pay_off()
        assert left_on(url) == 0
