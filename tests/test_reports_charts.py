"""What was measured, on the report page: every chart with its numbers as a table, and what is said beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from page_reader import Page, text, told_in
from report_runs import CHECKED, COMPARED, OBJECTIVES, every_kind, folder, joined, streamed, under_load, verify_run

from load.validity import validity
from reports.charts import exhibits
from reports.verdict import judge
from seatrial.records import Recorder, Seen
from seatrial.samples import Arrival, Known, Pulse

LOAD = ["throughput", "latency-time", "life-length", "life-slowest", "message-counts"]
CHARTS = {
    "both": ["latency-spread", "stream-spread", "ends", *LOAD, "wrong-sessions", "coverage-map"],
    "streams": [
        *("objective-shares", "latency-spread", "stream-spread", "stalls", "ends"),
        *(*LOAD, "known-streams", "lateness", "arrivals"),
    ],
    "overhead": [
        *("objective-shares", "limits", "latency-spread", "stream-spread", "stalls", "ends"),
        *("overhead-parts", "overhead-spread", "model-calls", *LOAD, "known-streams", "lateness", "arrivals"),
    ],
    "capacity": ["capacity-levels"],
    "compare": ["ratio-intervals", "failed-requests", "what-informs", "not-judged"],
}
TABLES = ("stalls", "ends", "arrivals", "wrong-sessions", "limits", "model-calls", "failed-requests", "not-judged")
"""What has nothing to draw."""

VOID = verify_run(command="load", cause="void", problem="the load generator was the limit, and not the target")


@pytest.mark.parametrize("kind", CHARTS)
def test_charts_have_their_numbers_in_a_table_and_the_colours_of_the_page(tmp_path: Path, kind: str) -> None:
    made = every_kind(tmp_path)[kind]
    run = made.load()
    drawn = [chart for exhibit in exhibits(run, judge(run, made).digest) for chart in exhibit.charts]
    assert [chart.id for chart in drawn] == CHARTS[kind]
    for chart in drawn:
        assert chart.svg.startswith("<svg") or (chart.id in TABLES and not chart.svg)
        assert "var(--" in chart.svg or not chart.svg
        assert "#0000" not in chart.svg
        assert all(len(row) == len(chart.head) for row in chart.rows)
        assert chart.rows


def test_a_run_without_numbers_has_no_chart(tmp_path: Path) -> None:
    made = every_kind(tmp_path)["empty"]
    run = made.load()
    assert exhibits(run, judge(run, made).digest) == []


def test_the_knee_stands_between_what_holds_and_what_fails(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["capacity"])
    assert "The knee, shaded, lies between 8 users, which holds, and 10, which fails." in told
    assert 'data-tip="the knee: holds 8 users, fails at 10"' in told
    header = " ".join(" ".join(Page(told[: told.index("<nav")]).words).split())
    assert "Open WebUI 0.12.4 at http://localhost:8080 holds 8 users, fails at 10" in header


def test_what_the_deployment_adds_to_its_model_is_told_apart(tmp_path: Path) -> None:
    made = every_kind(tmp_path)["overhead"]
    words = told_in(made, "overhead")
    assert "On average over 40 turns that asked the model once. The other 2 were not done" in words
    # Of 100 ms of the model 10 are beyond its script; per token the deployment adds next to nothing.
    assert re.search(r"whole turn, SSE 40 139 ms 100 ms 10 ms 39 ms 28\.\d % 2\.0 ms", words)
    assert re.search(r"gap between tokens, SSE 40 20 ms 20 ms 0\.0 ms 0\.1 ms", words)
    assert "chat 40 1 title 20 0.5" in words
    assert "1.5 for each turn that was answered" in words
    page = text(made)
    assert 'data-tip="whole turn, SSE: the model, later than that, 10 ms of 139 ms"' in page
    assert re.search(r"Overhead p50</a></dt><dd>\d\d ms</dd>", page)


def test_a_turn_counts_for_the_overhead_when_it_counts_for_times(tmp_path: Path) -> None:
    run = verify_run(command="load", settings={"times_from": 2.0, "times_until": 5.0})
    made = folder(tmp_path, run, *joined(40), samples=streamed())
    assert "On average over 12 turns that asked the model once." in told_in(made, "overhead")


def test_who_was_the_limit_is_said_where_a_load_missed_an_objective(tmp_path: Path) -> None:
    words = told_in(every_kind(tmp_path)["overhead"], "objectives")
    assert "turn p95 < 1s provider of 2 s that the slow ones took on average, the provider had 1.9 s" in words


def test_who_was_the_limit_of_a_level_is_said_where_it_is_known(tmp_path: Path) -> None:
    made = every_kind(tmp_path)
    words = told_in(made["limited"], "capacity")
    assert "and 10, which fails. There the server was the limit." in words
    assert "Limited by Why" in words
    assert "Limited by" not in told_in(made["capacity"], "capacity")
    assert re.search(r"Limited by</a></dt><dd>server</dd>", text(made["limited"]))


def test_what_is_not_judged_of_a_comparison_is_shown_and_said_to_be_none(tmp_path: Path) -> None:
    words = told_in(every_kind(tmp_path)["compare"], "compared")
    assert "all requests 0 % 0.4 % +0.40 points +1 point more 40 pass" in words
    assert "listSessions p50 4.0 ms 4.1 ms 1.020 0.990 – 1.050 40" in words
    assert "first token 40 ms 52 ms 1.300 – 40" in words
    assert "getModel p95 inconclusive 12.0 good answers in a block" in words


def test_a_comparison_that_judged_no_time_still_shows_what_it_has(tmp_path: Path) -> None:
    made = folder(tmp_path, verify_run(command="compare", verdict="inconclusive"), *COMPARED[3:5])
    assert "Requests that failed" in told_in(made, "compared")


def test_without_a_load_the_times_are_those_of_the_usual_success(tmp_path: Path) -> None:
    rows = [Seen("getChat", 404, 900, True, "", 0.2, 0.4), Seen("listChats", 401, 80, True, "", 1.0, 1.0)]
    made = folder(tmp_path, verify_run(), *CHECKED, *rows)
    words = told_in(made, "latency")
    assert "Operation Number p50 p95 p99 Longest getChat 30 12 ms 32 ms" in words
    assert "listChats" not in words
    assert "Errors" not in words


def test_times_of_a_void_load_are_shown_as_none(tmp_path: Path) -> None:
    void = "(void: the load process was the limit)"
    for run, doubt in ((VOID, void), (replace(VOID, cause="", problem=None), "")):
        made = folder(tmp_path / (run.cause or "good"), run, *OBJECTIVES, *joined(), samples=streamed())
        for section in ("latency", "streams", "time", "overhead"):
            assert (void in told_in(made, section)) == bool(doubt)
        page = text(made)
        header = page[page.index("<header") : page.index("</header>")]
        assert ("Turn p50" in header) == ("Overhead p50" in header) == (not doubt)
        words = told_in(made, "objectives")
        assert ("turn p95 < 1s void 640 ms" in words) == bool(doubt)
        assert "errors < 1% missed" in words
        assert ("times void" in judge(run, made).sentence) == bool(doubt)


def test_each_process_stands_beside_what_it_is_judged_by(tmp_path: Path) -> None:
    made = folder(tmp_path, verify_run(command="load"), samples=under_load())
    slow = [Known(1.0, "during", 40.0, (0.1, -26.0)), *(Pulse(float(at), 1.0, 300.0, 0.9) for at in range(9))]
    well = [Known(float(at), "during", 0.5, (0.1, 0.2)) for at in range(5000)]
    well += [Pulse(float(at), 0.5, 6_000.0 if at == 50 else 4.0, 0.1) for at in range(100)]
    late = [*(Arrival(float(at), 150.0, True, 2) for at in range(20)), Arrival(21.0, 1.0, False, 2)]
    for name, rows in (("well", well), ("slow", [*slow, *late])):
        recorder = Recorder(made.path / "samples" / f"{name}.jsonl")
        for row in rows:
            recorder.write(row)
        recorder.close()
    judged = validity(made)
    for words in (
        "first tokens by 40 ms, gaps by 26 ms",
        "woke 300 ms late",
        "began sessions 150 ms late",
        "well woke 6000",
    ):
        assert words in judged.void
    words = told_in(made, "selfcheck")
    assert "slow 1 40 ms 26 ms well 5,000 0.5 ms 0.2 ms" in words
    assert "slow 300 ms 300 ms 90 % well 6.0 s 6.0 s 10 %" in words
    assert "slow 21 95.2 % 150 ms" in words
    assert re.search(r"at 49\d\d\.0 s: wrong by", text(made))  # dots are chosen evenly from all of them


def test_a_stall_is_named_with_its_session(tmp_path: Path) -> None:
    words = " ".join(" ".join(Page(text(every_kind(tmp_path)["streams"])).words).split())
    assert re.search(r"Longest gaps .* 1 socket 2\.2 s .* 700 ms", words)
