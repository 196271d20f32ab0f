"""Who was the limit where a load missed an objective: the deployment, or the model behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from load.limit import limit
from load.objectives import parse
from seatrial.contract import OPENWEBUI
from seatrial.samples import Joined


def row(ms: float, model_ms: float | None, **more: object) -> Joined:
    asked = model_ms is not None
    base = Joined(1.0, "1-1", "session", "plain", "done", ms, int(asked), failed=False, model_ms=model_ms, due=90.0)
    return replace(base, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("objective", "rows", "who", "said"),
    [
        ("turn p95 < 1s", [row(2000, 1900)], "provider", "1.81 s of it beyond its script"),
        ("turn p95 < 1s", [row(2000, 90), row(900, 890)], "server", "the provider had 90 ms"),
        ("createChatCompletion p95 < 1s", [row(2000, 90)], "server", "of 2 s"),
        ("ttft p95 < 1s", [row(9, 9, first=1500.0, model_first=1400.0, due_first=50.0)], "provider", "1.35 s"),
        (
            "ttft sse p95 < 1s",
            [
                row(9, 9, way="sse", first=1500.0, model_first=1400.0, due_first=50.0),
                row(9, 9, way="socket", first=9000.0, model_first=50.0, due_first=50.0),
            ],
            "provider",
            "of 1.5 s that",
        ),
        ("stall p95 < 1s", [row(9, 9, stall=1500.0, model_stall=30.0)], "server", "30 ms"),
        ("getChat p95 < 1s", [row(2000, 1900)], "server", "getChat asks no model"),
        ("errors < 1%", [row(9, 9, ended="refused", failed=True), row(9, 9)], "provider", "failed 1"),
        ("turn errors < 1%", [row(9, 9, ended="refused", failed=True), row(9, 9)], "provider", "failed 1"),
        ("errors < 1%", [row(9, 2, ended="refused"), row(9, 9)], "server", "failed 0 and held up 0"),
        # Too slow for whoever waited: still at it when the time was up, or left by whoever had asked.
        ("errors < 1%", [row(5000, 9000, ended="refused")], "provider", "held up 1"),
        ("errors < 1%", [row(5000, 4990, ended="refused", model_left=True)], "provider", "held up 1"),
        ("errors < 1%", [row(5000, 4000, ended="deadline")], "provider", "held up 1"),
        ("errors < 1%", [row(5000, 2000, ended="deadline")], "server", "held up 0"),
        ("errors < 1%", [row(5000, 2000, ended="deadline", seen_late=900.0)], "provider", "held up 1"),
        # It had answered, and then it could not be stored; or the stream was broken off on its way.
        ("errors < 1%", [row(400, 370, ended="refused")], "server", "held up 0"),
        ("errors < 1%", [row(400, 399, ended="aborted", model_left=True)], "server", "held up 0"),
        # What never came to the model counts to neither.
        ("errors < 1%", [row(9, None, ended="refused"), row(9, 9)], "", ""),
        ("errors < 1%", [row(9, None, ended="refused"), row(9, 2, ended="refused")], "server", "1 never came to it"),
        (
            "turn sse errors < 1%",
            [row(9, 9, ended="refused", failed=True), row(9, 2, ended="cut", way="sse")],
            "server",
            "of 1 turns",
        ),
        ("errors < 1%", [row(9, 9)], "server", "other requests"),
        ("lost = 0", [row(9, 9)], "server", "harm"),
        ("turn p95 < 1s", [row(2000, 90, seen_late=1500.0)], "provider", "1.5 s of it beyond its script"),
        ("turn p95 < 1s", [row(2000, None)], "", ""),
        ("turn p95 < 1s", [row(20, 10)], "", ""),
    ],
)
def test_the_limit_is_whoever_took_most_of_what_was_too_slow_or_failed_first(
    objective: str, rows: list[Joined], who: str, said: str
) -> None:
    found = limit(parse([objective])[0], OPENWEBUI, rows)
    assert found.who == who
    assert said in found.said
