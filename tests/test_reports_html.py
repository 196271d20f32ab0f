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
from report_runs import every_kind, finding, many

from reports import html
from reports.charts import exhibits
from reports.verdict import judge
from seatrial.records import RunFolder

LOADS = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "formaction"}
VOID = {"meta", "br", "hr", "img", "input", "link"}
SUITE = ("latency", "coverage", "checks", "definitions")
KINDS = ["passed", "failed", "both", "load", "streams", "capacity", "compare", "empty", "died", "baseline", "hostile"]


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
    "capacity": ["capacity-levels"],
    "compare": ["ratio-intervals"],
}
TABLES = ("stalls", "ends", "arrivals", "wrong-sessions")
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
