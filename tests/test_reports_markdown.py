"""report.md, read back by a Markdown parser: nothing that a target answers changes its structure."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from report_runs import HOSTILE, OBJECTIVES, every_kind, folder, many, under_load, verify_run

from reports import markdown
from reports.verdict import judge
from seatrial.records import RunFolder


def text(made: RunFolder) -> str:
    run = made.load()
    return markdown.document(run, judge(run, made), made)


def test_the_verdict_stands_first(tmp_path: Path) -> None:
    lines = text(every_kind(tmp_path)["failed"]).splitlines()
    assert lines[0] == "## ❌ Fail"
    assert lines[2].startswith("Open WebUI 0.12.4 at http")
    assert "1 break in 1 operation" in lines[2]


def test_a_finding_comes_with_the_line_that_replays_it(tmp_path: Path) -> None:
    assert "again: `seatrial replay failed 'valid-use:createChatCompletion:status 400'`" in text(
        every_kind(tmp_path)["failed"]
    )


def test_each_part_has_its_section(tmp_path: Path) -> None:
    made = every_kind(tmp_path)
    for heading in ("Known defects of this release (1)", "Waived (1)", "Drift, reported only (1)", "Not checked (1)"):
        assert f"### {heading}" in text(made["passed"])
    assert "### Coverage of documented statuses" in text(made["passed"])
    assert "| getChat | 200 | 401 | 418 |" in text(made["passed"])
    assert "### Latency under load" in text(made["both"])
    assert "| lost | 2 |" in text(made["load"])
    assert "### Left on the target" in text(made["died"])


def test_the_overhead_the_limits_and_what_informs_have_theirs(tmp_path: Path) -> None:
    made = every_kind(tmp_path)
    overhead = text(made["overhead"])
    assert "### Overhead of the deployment" in overhead
    assert "| whole turn, SSE | 40 | 139 ms | 100 ms | 39 ms |" in overhead
    assert "Model calls per answered turn: 1.5 (chat 1, title 0.5)." in overhead
    assert "- `turn p95 < 1s`: the provider; of 2 s that the slow ones took" in overhead.replace(
        "<code>turn p95 &lt; 1s</code>", "`turn p95 < 1s`"
    )
    assert "| Errors | Limited by | Why |" in text(made["limited"])
    assert "Limited by" not in text(made["capacity"])
    compared = text(made["compare"])
    assert "| listSessions p50 | 4.0 ms | 4.1 ms | 1.020 | 0.990 – 1.050 |" in compared
    assert "| first token | 40 ms | 52 ms | 1.300 | – |" in compared
    assert "- Requests that failed: 0 % on A, 0.4 % on B: pass" in compared
    assert "- getModel p95, inconclusive: 12.0 good answers in a block" in compared


@pytest.mark.parametrize("kind", ["passed", "failed", "both", "load", "overhead", "empty", "died"])
def test_an_ordinary_run_is_short(tmp_path: Path, kind: str) -> None:
    assert len(text(every_kind(tmp_path)[kind])) < 8_000


def test_ten_thousand_findings_fit_into_a_comment(tmp_path: Path) -> None:
    told = text(many(tmp_path, 10_000))
    assert len(told) <= 65_536
    assert "more findings in report.html" in told


def test_hostile_text_is_no_markup(tmp_path: Path) -> None:
    told = text(every_kind(tmp_path)["hostile"])
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    kinds, columns = set(), set()
    width = 0
    for token in parser.parse(told):
        kinds.add(token.type)
        if token.type == "tr_open":
            width = 0
        elif token.type in ("td_open", "th_open"):
            width += 1
        elif token.type == "tr_close":
            columns.add(width)
        for child in token.children or []:
            kinds.add(child.type)
            if child.type == "html_inline":
                assert child.content in ("<code>", "</code>")
    assert not kinds & {"html_block", "image", "link_open", "fence", "code_block", "em_open", "s_open"}
    assert columns == {2, 4, 5, 6, 7, 9}
    assert "<script" not in told
    assert "@someone" not in told
    assert told.encode()


def test_hostile_text_reads_as_it_was(tmp_path: Path) -> None:
    rendered = MarkdownIt("commonmark").render(markdown.prose(HOSTILE, 1000) + " " + markdown.code(HOSTILE, 1000))
    assert rendered.count("&lt;script&gt;alert(1)&lt;/script&gt;|`*_[x](javascript:alert)![i](y)") == 2
    assert rendered.count(r"\x00\x1b[31m\u202eesrever\ud800") == 2


def test_times_without_a_load_are_of_successes_and_those_of_a_void_one_prove_nothing(tmp_path: Path) -> None:
    alone = text(every_kind(tmp_path)["passed"])
    assert "### Latency without load, of the usual successes" in alone
    assert "| Operation | Number | p50 | p95 | p99 |" in alone
    assert "| getChat | 30 | 12 ms | 32 ms | – |" in alone
    run = verify_run(command="load", cause="void", problem="the load generator was the limit, and not the target")
    void = text(folder(tmp_path / "void", run, *OBJECTIVES, samples=under_load()))
    assert "### Latency under load (void: the load process was the limit)" in void
    assert "| <code>turn p95 &lt; 1s</code> | void | no |" in void
