"""Faults that were written without sight of the rules: from bug reports and by imagination, to find what is missed.

    from benchmarks.unseen import SOURCES, UNSEEN
    Proxy(url, Contract.load(), UNSEEN["stop-does-nothing"])

`THEMES` has them by theme, `SOURCES` where each comes from.
"""

from __future__ import annotations

from seatrial.lab.faults.making import Fault

from . import answers, auth, caching, conversations, data, encodings, proxies, replicas, searching, sockets, streams
from .noting import SOURCES

__all__ = ["SOURCES", "THEMES", "UNSEEN"]

THEMES: dict[str, list[Fault]] = {
    "caching": caching.FAULTS,
    "replicas": replicas.FAULTS,
    "encodings": encodings.FAULTS,
    "proxies": proxies.FAULTS,
    "data": data.FAULTS,
    "conversations": conversations.FAULTS,
    "auth": auth.FAULTS,
    "streams": streams.FAULTS,
    "sockets": sockets.FAULTS,
    "answers": answers.FAULTS,
    "searching": searching.FAULTS,
}

UNSEEN: dict[str, Fault] = {fault.name: fault for faults in THEMES.values() for fault in faults}
