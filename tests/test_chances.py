"""Faults that show now and then: in the share of requests that they claim, by a seed, and counted."""

from __future__ import annotations

import httpx

from seatrial.contract import Contract
from seatrial.lab.faults import CATALOGUE, named
from seatrial.lab.proxy import Proxy
from seatrial.lab.reference import create_app
from seatrial.lab.serving import running

CONTRACT = Contract.load()
REQUESTS = 100


def failed(seed: int) -> tuple[list[int], Proxy]:
    """Which of so many requests failed."""
    with running(create_app(CONTRACT)) as url:
        proxy = Proxy(url, CONTRACT, named("one-in-fifty-fails"), seed)
        with running(proxy) as address, httpx.Client(base_url=address, headers={"Authorization": "Bearer x"}) as client:
            path = CONTRACT.call("listSessions").path
            return [number for number in range(REQUESTS) if client.get(path).status_code == 500], proxy


def test_a_seed_decides_which_requests_fail_and_all_are_counted() -> None:
    (first, proxy), (again, _), (other, _) = failed(3), failed(3), failed(4)
    assert first == again != other
    assert proxy.dice is not None
    assert (proxy.dice.calls, proxy.dice.struck) == (REQUESTS, len(first))


def test_every_fault_with_a_chance_says_of_which_operations() -> None:
    chances = [fault for fault in CATALOGUE.values() if fault.chance is not None]
    assert len(chances) >= 4
    for fault in chances:
        assert fault.chance is not None
        assert 0 < fault.chance < 1
        assert fault.of is not None
        assert fault.make is not None
