"""The same seed sends the same requests; what may differ all the same, `sent_recorder` takes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from command_line import seatrial_command

from seatrial.settings import Settings

HERE = Path(__file__).parent


def sent(place: Path, hash_seed: str, *arguments: str, only: str = "", env: Mapping[str, str] | None = None) -> Any:
    """What a verification sends; the seed of Python's hashes decides about the order of its sets."""
    place.mkdir()
    more = dict(env or {}) | {
        "PYTHONPATH": str(HERE),
        "PYTHONHASHSEED": hash_seed,
        "PYTEST_ADDOPTS": "-p sent_recorder" + (f" -k '{only}'" if only else ""),
        "SENT_TO": str(place / "sent.jsonl"),
    }
    ended = seatrial_command(place, "verify", "--seed", "3", *arguments, "--out", "run", env=more, limit=400)
    assert ended.code == 0, ended
    return [json.loads(line) for line in (place / "sent.jsonl").read_text("utf-8").splitlines()]


def test_two_runs_of_a_seed_send_the_same_and_so_does_a_test_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(sent, tmp_path / "first", "1")
        second = pool.submit(sent, tmp_path / "second", "2")
        alone = pool.submit(sent, tmp_path / "alone", "3", only="any_sequence")
    calls = first.result()
    assert len(calls) > 300
    assert calls == second.result()
    sequence = [call for call in calls if call[0].startswith("test_state.py")]
    assert len(sequence) > 50
    assert alone.result() == sequence


def test_another_seed_sends_others(tmp_path: Path) -> None:
    one, other = (
        sent(tmp_path / str(seed), "0", "--seed", str(seed), only="any_sequence or sendMessage") for seed in (4, 5)
    )
    assert one != other


@pytest.mark.openwebui
def test_two_runs_of_a_seed_send_the_same_to_open_webui(deployment: Settings, admin_token: str, tmp_path: Path) -> None:
    url, env = deployment.url or "", {"SEATRIAL_ADMIN_TOKEN": admin_token}
    # On a busy machine a reply may be over before it can be stopped, and is asked for again: a kind of poll.
    only = "not pages and not test_tasks"
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(sent, tmp_path / seed, seed, url, only=only, env=env) for seed in ("1", "2"))
    assert len(first.result()) > 500
    assert first.result() == second.result()
