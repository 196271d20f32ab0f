"""Objectives: how they are written, and when they are held, missed or unsupported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from load.objectives import Held, judge, parse, with_defaults
from seatrial.errors import WrongUse


@dataclass
class Measured:
    """What a load would have measured: `ttft` of so many sessions, failures by operation, harms."""

    ttft: Sequence[float] = ()
    failures: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    harms: Mapping[str, int] = field(default_factory=dict)
    together: float = 1.0

    def times(self, subject: str) -> tuple[Sequence[float], Sequence[str]] | None:
        return (self.ttft, [str(number // 2) for number in range(len(self.ttft))]) if subject == "ttft" else None

    def failed(self, subject: str) -> tuple[int, int]:
        return self.failures.get(subject, (0, 0))

    def clustering(self, subject: str) -> float:
        return self.together


def one(text: str, measured: Measured) -> Held:
    (held,) = judge(parse([text]), measured)
    return held


@pytest.mark.parametrize(
    ("text", "subject", "what", "limit"),
    [
        ("ttft p95 < 1s", "ttft", "p95", 1000),
        ("turn p99 <= 20s", "turn", "p99", 20_000),
        ("ttft  socket p95 < 1s", "ttft socket", "p95", 1000),
        ("getChat p99.9 < 300ms", "getChat", "p99.9", 300),
        ("errors < 0.1%", "", "errors", 0.001),
        ("createChat errors<1%", "createChat", "errors", 0.01),
        ("turn errors < 1%", "turn", "errors", 0.01),
        ("turn sse  errors < 1%", "turn sse", "errors", 0.01),
        ("lost = 0", "", "lost", 0),
    ],
)
def test_objectives_are_read_from_text(text: str, subject: str, what: str, limit: float) -> None:
    (objective,) = parse([text])
    assert (objective.subject, objective.what) == (subject, what)
    assert objective.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fast", "is no objective"),
        ("ttft p95 > 1s", "is no objective"),
        ("ttft p95 < 1", "is no objective"),
        ("p95 < 1s", "of what"),
        ("ttft p95 < 1%", "a share"),
        ("errors < 1s", "a share"),
        ("ttft p100 < 1s", "between p0 and p100"),
        ("gone = 0", "counted are"),
        ("errors < 0%", "nothing lies below 0"),
        ("ttft errors < 1%", "write 'turn errors'"),
        ("gap sse errors < 1%", "write 'turn sse errors'"),
        ("stall errors < 1%", "it is a turn that fails, and not its stall"),
        ("ttft plain p95 < 1s", "comes at once"),
    ],
)
def test_what_is_no_objective_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(WrongUse, match=words):
        parse([text])


def test_a_percentile_is_held_proved_or_not_and_missed() -> None:
    slow = Measured(ttft=[float(number) for number in range(1, 1001)])  # p95 is 950
    held, doubtful, missed = (one(f"ttft p95 < {limit}ms", slow) for limit in (1000, 951, 900))
    assert (held.verdict, held.proved) == ("held", True)
    assert (doubtful.verdict, doubtful.proved) == ("held", False)
    assert (missed.verdict, missed.proved, missed.value) == ("missed", True, 950)
    assert "between" in missed.said


def test_the_limit_itself_is_within_only_where_it_says_so() -> None:
    even = Measured(ttft=[100.0] * 100)
    assert one("ttft p95 < 100ms", even).verdict == "missed"
    assert one("ttft p95 <= 100ms", even).verdict == "held"


def test_too_few_samples_support_nothing() -> None:
    few = one("ttft p99 < 1s", Measured(ttft=[1.0] * 100))
    assert (few.verdict, few.value) == ("unsupported", None)
    assert "368" in few.said
    assert one("errors < 1%", Measured()).verdict == "unsupported"


def test_a_share_of_errors_says_what_so_few_tries_support() -> None:
    none = one("errors < 0.1%", Measured(failures={"": (0, 500)}))
    assert (none.verdict, none.proved) == ("held", False)
    assert "under 0.60%" in none.said
    assert one("errors < 0.1%", Measured(failures={"": (0, 5_000)})).proved
    assert one("errors < 1%", Measured(failures={"": (5, 500)})).verdict == "missed"
    assert one("createChat errors < 1%", Measured(failures={"": (0, 9), "createChat": (3, 9)})).verdict == "missed"


def test_turns_have_a_share_of_errors_of_their_own() -> None:
    measured = Measured(failures={"": (0, 900), "turn": (3, 300), "turn sse": (3, 100)})
    assert one("turn errors <= 1%", measured).verdict == "held"
    missed = one("turn sse errors <= 1%", measured)
    assert (missed.verdict, missed.value) == ("missed", 0.03)
    assert one("turn socket errors < 1%", measured).said == "no turn"


def test_failures_that_come_together_prove_less() -> None:
    apart, together = (one("errors < 1%", Measured(failures={"": (20, 1000)}, together=effect)) for effect in (1, 5))
    assert (apart.verdict, apart.proved) == ("missed", True)
    assert (together.verdict, together.proved) == ("missed", False)
    assert together.value == apart.value == 0.02
    assert together.low is not None
    assert together.high is not None
    assert together.low < 0.01 < 0.02 < together.high


def test_messages_are_counted_by_name() -> None:
    harmed = Measured(harms={"lost": 2, "truncated": 1})
    assert [one(f"{name} = 0", harmed).verdict for name in ("lost", "doubled", "damaged")] == [
        "missed",
        "held",
        "missed",
    ]
    assert one("damaged = 0", harmed).said == "2 messages lost, 1 truncated"
    assert one("damaged = 0", Measured(harms={"reordered": 1})).said == "1 message reordered"
    assert one("damaged = 0", Measured()).said == "no messages harmed"


def test_an_operation_that_nobody_has_heard_of_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="nothing here is called getCat"):
        one("getCat p95 < 1s", Measured())


def test_a_load_is_always_held_to_losing_nothing_and_to_few_errors() -> None:
    def texts(*given: str) -> list[str]:
        return [objective.text for objective in with_defaults(parse(given))]

    assert texts() == ["damaged = 0", "errors < 1%"]
    assert texts("errors < 5%") == ["damaged = 0", "errors < 5%"]
    assert texts("createChat errors < 5%") == ["damaged = 0", "errors < 1%", "createChat errors < 5%"]
    assert texts("damaged = 2", "ttft p95 < 1s") == ["errors < 1%", "damaged = 2", "ttft p95 < 1s"]
    assert "lost = 0" not in texts("lost = 3")
    assert {"doubled = 0", "truncated = 0", "foreign = 0", "lost = 3"} <= set(texts("lost = 3"))
