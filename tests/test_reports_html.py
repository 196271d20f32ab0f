"""report.html, read back by an HTML parser: it loads nothing, runs nothing foreign, and has its sections."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import escape
from report_runs import COMPARED, every_kind, finding, folder, joined, many, streamed, verify_run

from reports import html
from reports.charts import exhibits
from reports.verdict import judge
from seatrial.records import RunFolder

LOADS = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "formaction"}
VOID = {"meta", "br", "hr", "img", "input", "link"}
SUITE = ("latency", "coverage", "checks", "definitions")
KINDS = [
    "passed",
    "failed",
    "both",
    "load",
    "streams",
    "overhead",
    "capacity",
    "limited",
    "compare",
    "empty",
    "died",
    "baseline",
    "hostile",
]


class Page(HTMLParser):
    """What a browser would see of it: tags with attributes, texts, and whether all that opens closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]


def text(made: RunFolder) -> str:
    run = made.load()
    return html.page(run, judge(run, made), made)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_whole_and_loads_nothing(tmp_path: Path, kind: str) -> None:
    told = text(every_kind(tmp_path)[kind])
    page = Page(told)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    for tag, attributes in page.tags:
        assert tag not in ("img", "iframe", "link", "object", "embed", "base")
        assert not any(name.startswith("on") for name in attributes)
        for name in LOADS & attributes.keys():
            assert str(attributes[name]).startswith("#")
            assert str(attributes[name])[1:] in page.ids
    assert not re.search(r"url\((?!#)|@import", told)
    assert told.encode()


@pytest.mark.parametrize("kind", KINDS)
def test_the_only_script_is_the_one_that_the_page_allows(tmp_path: Path, kind: str) -> None:
    told = text(every_kind(tmp_path)[kind])
    scripts = re.findall(r"<script>(.*?)</script>", told, re.DOTALL)
    assert scripts == [html.script()]
    digest = base64.b64encode(hashlib.sha256(html.script().encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in told


def test_hostile_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["hostile"])
    words = " ".join(Page(told).words)
    assert "<script>alert(1)</script>" in words
    assert r"\x00\x1b[31m\u202eesrever\ud800" in words
    assert "{{ 7*7 }}" in words
    assert not set("\x00\x1b\u202e") & set(told)


def test_the_first_screen_says_verdict_target_and_what_to_do(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["failed"])
    header = told[told.index("<header") : told.index("</header>")]
    words = " ".join(" ".join(Page(header).words).split())
    for part in (
        "Open WebUI 0.12.4 at http://localhost:8080 fails: 1 break in 1 operation",
        "Completions are broken: createChatCompletion answers 400 (Model not found) to a valid request",
        "What to do next",
        "curl ",
        "2026-01-05 10:00:00 UTC",
    ):
        assert part in words


def test_of_many_figures_that_of_lost_messages_is_on_the_first_screen(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["both"])
    header = " ".join(Page(told[told.index("<header") : told.index("</header>")]).words)
    assert "What fails" in header
    assert "Messages lost" in header
    assert "Skipped" not in header


def test_notes_and_tools_have_a_section(tmp_path: Path) -> None:
    assert "about" in Page(text(every_kind(tmp_path)["hostile"])).ids


@pytest.mark.parametrize(
    ("kind", "sections"),
    [
        ("passed", {"known", "waived", "drift", "skipped", *SUITE}),
        ("failed", {"fails", "known", "waived", "drift", *SUITE}),
        ("both", {"fails", "streams", "time", "life", "messages", "errors", *SUITE}),
        ("load", {"latency", "streams", "time", "life", "messages", "errors", "definitions"}),
        (
            "streams",
            {"objectives", "latency", "streams", "time", "life", "messages", "selfcheck", "definitions"},
        ),
        (
            "overhead",
            {
                "objectives",
                "latency",
                "streams",
                "overhead",
                "time",
                "life",
                "messages",
                "selfcheck",
                "about",
                "definitions",
            },
        ),
        ("capacity", {"capacity", "about", "definitions"}),
        ("compare", {"compared", "definitions"}),
        ("empty", {"definitions"}),
        ("died", {"left", *SUITE}),
    ],
)
def test_each_run_has_its_sections(tmp_path: Path, kind: str, sections: set[str]) -> None:
    page = Page(text(every_kind(tmp_path)[kind]))
    assert {str(attributes["id"]) for tag, attributes in page.tags if tag == "section"} == sections


def test_a_finding_shows_expected_beside_received_and_a_curl_line(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["failed"])
    assert "<pre><mark>400</mark> {&#34;detail&#34;:&#34;Model not found&#34;}</pre>" in told
    assert '<pre id="curl-1">curl -sS -i' in told
    assert 'data-copy="curl-1"' in told


def test_a_finding_shows_the_line_that_replays_it(tmp_path: Path) -> None:
    made = every_kind(tmp_path)
    line = f"seatrial replay failed {escape(shlex.quote(finding().id))}"
    assert f'<pre id="replay-1">{line}</pre>' in text(made["failed"])
    # An id that cannot be typed as it is shown is named by its number.
    assert '<pre id="replay-1">seatrial replay hostile 1</pre>' in text(made["hostile"])


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


def told_in(made: RunFolder, name: str) -> str:
    """The words of one section."""
    page = text(made)
    part = page[page.index(f'<section id="{name}"') :]
    return " ".join(" ".join(Page(part[: part.index("</section>") + len("</section>")]).words).split())


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
    assert "all requests 0 % 0.4 % +0.40 % +1 % 40 pass" in words
    assert "listSessions p50 4.0 ms 4.1 ms 1.020 0.990 – 1.050 40" in words
    assert "first token 40 ms 52 ms 1.300 – 40" in words
    assert "getModel p95 inconclusive 12.0 good answers in a block" in words


def test_a_comparison_that_judged_no_time_still_shows_what_it_has(tmp_path: Path) -> None:
    made = folder(tmp_path, verify_run(command="compare", verdict="inconclusive"), *COMPARED[3:5])
    assert "Requests that failed" in told_in(made, "compared")


def test_a_stall_is_named_with_its_session(tmp_path: Path) -> None:
    words = " ".join(" ".join(Page(text(every_kind(tmp_path)["streams"])).words).split())
    assert re.search(r"Longest gaps .* 1 socket 2\.2 s .* 700 ms", words)


def test_every_number_is_one_click_from_its_definition(tmp_path: Path) -> None:
    page = Page(text(every_kind(tmp_path)["both"]))
    links = [str(given["href"]) for tag, given in page.tags if tag == "a" and given.get("class") == "def"]
    assert {"#def-p95", "#def-errors", "#def-checks", "#def-lost"} <= set(links)
    assert {link[1:] for link in links} <= set(page.ids)


def test_ten_thousand_findings_make_a_page_under_two_megabytes(tmp_path: Path) -> None:
    told = text(many(tmp_path, 10_000))
    assert len(told.encode()) < 2_000_000
    assert "in findings.jsonl." in told
    shown = told.count('class="finding"')
    assert shown >= 30
    assert Page(told).open == []
