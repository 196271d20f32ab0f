"""report.html, read back by an HTML parser: it loads nothing, runs nothing foreign, and has its sections."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape
from page_reader import Page, text
from report_runs import KINDS, every_kind, finding, folder, many, under_load, verify_run

from reports import html
from seatrial.records import Check, Skip

LOADS = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "formaction"}
SUITE = ("latency", "coverage", "checks", "definitions")


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


def test_of_many_figures_that_of_damaged_messages_is_on_the_first_screen(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["both"])
    header = " ".join(Page(told[told.index("<header") : told.index("</header>")]).words)
    assert "What fails" in header
    assert "Messages damaged" in header
    assert "Skipped" not in header


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"doubled": 2}, 'class="bad"><dt><a class="def" href="#def-damaged">Messages damaged</a></dt><dd>2<'),
        ({}, 'class="good"><dt><a class="def" href="#def-damaged">Messages damaged</a></dt><dd>0<'),
        ({"verified": False}, '<div><dt><a class="def" href="#def-damaged">Messages damaged</a></dt><dd>–<'),
    ],
)
def test_the_figure_of_damage_counts_every_harm_and_knows_what_it_does_not(
    tmp_path: Path, changes: dict[str, int], told: str
) -> None:
    *rows, session = under_load(seconds=2)
    made = folder(tmp_path, verify_run(command="load"), samples=(*rows, replace(session, **changes)))
    assert told in text(made)


def test_a_curl_line_is_offered_whole_or_not_at_all(tmp_path: Path) -> None:
    left_out = ({"shows": True, "call": {"operation": "createChat", "left_out": 70_000}},)
    for number, (row, why) in enumerate(
        [
            (finding(curl=f"curl --data-raw '{'x' * 5_000}'"), "the body is too long for a line"),
            (finding(curl="", steps=left_out), "the body is too long for a line"),
            (finding(curl="curl --data-raw '\x1b'"), "it would hold characters that no line can show"),
        ]
    ):
        told = text(folder(tmp_path / f"{number}", verify_run(), row))
        assert f"There is no curl line: {why}." in told
        assert 'data-copy="curl-1"' not in told
        assert 'data-copy="replay-1"' in told


def test_a_server_that_went_with_its_run_gets_no_curl_line(tmp_path: Path) -> None:
    told = text(folder(tmp_path / "run", verify_run(settings={"embedded": True}), finding()))
    assert "There is no curl line: the server was started for this run, and ended with it." in told
    assert 'data-copy="replay-1"' in told


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


def test_a_load_held_against_an_earlier_one_says_which_is_which(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["before"])
    assert "<dt>A, the baseline</dt><dd>runs/before</dd>" in told
    assert "<dt>B, this load</dt>" in told
    assert "that the sessions do not rule out" in told


def test_lists_that_are_cut_say_so(tmp_path: Path) -> None:
    skips = [Skip(f"rule-{n}", f"Rule {n}", f"operation-{n}", f"reason {n % 70}") for n in range(140)]
    skips += [Skip(f"more-{n}", f"More {n}", "getChat", "reason 0") for n in range(50)]
    checks = [Check(f"rule-{n}", f"Rule {n}", "getChat", 1, 0) for n in range(1_200)]
    told = text(folder(tmp_path / "run", verify_run(notes=[f"note {n}" for n in range(60)]), *skips, *checks))
    for said in ("and 10 more reasons in", "and 12 more rules in", "And 200 more rows, in checks", "and 10 more notes"):
        assert said in told


def test_words_on_a_colour_can_be_read() -> None:
    """WCAG 2.1, 1.4.3: axe looks at no drawing. Each theme has its colours in one block."""
    style = (Path(html.__file__).parent / "page/style.css").read_text("utf-8")
    themes = [dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", part)) for part in style.split(":root")[1:]]
    assert len(themes) == 3  # light, dark, printed
    for theme in themes:
        for name in ("good", "warn", "soft"):
            assert contrast(theme["paper"], theme[name]) >= 4.5, (name, theme)
    assert not [rule for rule in re.findall(r"\.legend button[^}]*}", style) if "opacity" in rule]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
