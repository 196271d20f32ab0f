"""Who was the limit where a load missed an objective: the deployment, or the model behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from load.limit import Limit, failed_besides, limit
from load.objectives import parse
from seatrial.contract import OPENWEBUI
from seatrial.evidence import Evidence
from seatrial.samples import Joined


def row(ms: float, model_ms: float | None, **more: object) -> Joined:
    asked = model_ms is not None
    base = Joined(1.0, "1-1", "session", "plain", "done", ms, int(asked), failed=False, model_ms=model_ms, due=90.0)
    return replace(base, **more)  # type: ignore[arg-type]


def is_said(found: Limit, who: str, said: str) -> None:
    assert found.who == who
    assert said in found.said


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
    is_said(limit(parse([objective])[0], OPENWEBUI, rows), who, said)


REFUSED = row(9, 9, ended="refused", failed=True)
SOCKET = row(2000, 1900, way="socket")


@pytest.mark.parametrize(
    ("objective", "others", "who", "said"),
    [
        ("errors < 1%", 500, "server", "no turns: 500; failed turns: 1"),
        ("errors < 1%", 1, "provider", "failed 1"),
        ("turn errors < 1%", 500, "provider", "failed 1"),
        ("createChatCompletion errors < 1%", 500, "provider", "failed 1"),
    ],
)
def test_a_turn_that_the_provider_failed_does_not_outweigh_the_requests_that_ask_no_model(
    objective: str, others: int, who: str, said: str
) -> None:
    is_said(limit(parse([objective])[0], OPENWEBUI, [REFUSED, row(9, 9)], others), who, said)


def test_failed_requests_that_are_no_turns_are_counted_by_operation() -> None:
    evidence = Evidence(failures={"createChatCompletion": 3, "getChat": 400, "listChats": 100})
    assert failed_besides(evidence, OPENWEBUI) == 503, "sockets that did not open: of three, no turn was made"
    evidence.turns, evidence.failing_turns = {"turn": 9}, {"turn": {"1-1": 2, "2-1": 1}}
    assert failed_besides(evidence, OPENWEBUI) == 500


@pytest.mark.parametrize(
    ("objective", "rows", "who", "said"),
    [
        ("createChatCompletion p95 < 1s", [SOCKET], "server", "the acknowledgement of createChatCompletion asks no"),
        ("createChatCompletion p95 < 1s", [SOCKET, row(3000, 90)], "server", "of 3 s that"),
        ("createChatCompletion p95 < 1s", [SOCKET, row(300, 290)], "server", "the acknowledgement of"),
        ("createChatCompletion p95 < 1s", [row(300, 290)], "", ""),
        ("turn p95 < 1s", [SOCKET], "provider", "of 2 s that"),
        ("turn socket p95 < 1s", [SOCKET], "provider", "of 2 s that"),
    ],
)
def test_the_request_of_a_turn_over_a_socket_is_not_taken_for_all_of_it(
    objective: str, rows: list[Joined], who: str, said: str
) -> None:
    is_said(limit(parse([objective])[0], OPENWEBUI, rows), who, said)
