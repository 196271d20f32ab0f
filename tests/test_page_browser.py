"""report.html in a real browser: Debian's chromium, driven by Playwright, and looked over by axe-core.

`make browser` installs what is needed; what is not there is skipped by name.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from report_runs import KINDS, every_kind, many

from reports import html
from reports.verdict import judge
from seatrial.records import RunFolder

AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
OPENED = (*KINDS, "many")
FOCUSABLE = "a[href], button, input, select, summary, [tabindex='0']"
Shown = Callable[..., Any]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each kind of run."""
    folder = tmp_path_factory.mktemp("pages")
    made = every_kind(folder) | {"many": many(folder / "many", 10_000)}

    def write(run: RunFolder) -> Path:
        loaded = run.load()
        return run.write("report.html", html.page(loaded, judge(loaded, run), run))

    return {kind: write(made[kind]) for kind in OPENED}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def shown(browser: Any, pages: dict[str, Path]) -> Iterator[Shown]:
    """Opens the page of a kind of run. In the end: it asked for nothing, and nothing went wrong in it."""
    opened, wrong = [], []

    def show(kind: str, scheme: str = "light", width: int = 1200, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        opened.append(context)
        page = context.new_page()
        address = pages[kind].as_uri()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: wrong.append(request.url) if request.url.split("#")[0] != address else None)
        page.goto(address)
        return page

    yield show
    for context in opened:
        context.close()
    assert wrong == []


@contextmanager
def printing(page: Any) -> Iterator[None]:
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    yield
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")


@pytest.mark.parametrize("kind", OPENED)
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_its_window_and_its_charts_are_drawn(shown: Shown, kind: str, width: int) -> None:
    page = shown(kind, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    drawings = page.locator(".drawing svg")
    for number in range(drawings.count()):
        box = drawings.nth(number).bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert box["height"] > 20
        assert drawings.nth(number).locator("path, line").count() > 2


@pytest.mark.parametrize("kind", OPENED)
def test_a_page_is_under_two_megabytes(pages: dict[str, Path], kind: str) -> None:
    assert pages[kind].stat().st_size < 2_000_000


@pytest.mark.parametrize(
    ("kind", "scheme", "width"),
    [
        *((kind, "light", 1200) for kind in OPENED),
        *((kind, "dark", 1200) for kind in KINDS),
        *((kind, "light", 360) for kind in KINDS),
    ],
)
def test_axe_finds_no_violation(shown: Shown, kind: str, scheme: str, width: int) -> None:
    if not AXE.is_file():
        pytest.skip("needs axe-core: make browser")
    page = shown(kind, scheme, width, bypass_csp=True)
    page.evaluate("for (const one of [...document.querySelectorAll('details')].slice(0, 40)) one.open = true")
    page.evaluate(AXE.read_text("utf-8"))
    # A drawing is one image to a reader; what is in it stands in the table.
    found = page.evaluate("axe.run({exclude: ['.drawing svg > *']})")
    told = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found["violations"]]
    assert told == []
    assert found["passes"]


def test_a_filter_leaves_what_fits_and_says_how_many(shown: Shown) -> None:
    page = shown("failed")
    rest = page.locator("details.finding:visible")
    assert rest.count() == 4
    page.select_option("#f-severity", "defect")
    assert rest.count() == 2
    assert page.locator("#how-many").inner_text() == "2 of 4 shown"
    page.fill("#f-words", "updatechat")
    assert rest.count() == 1
    assert page.locator("#known .none").is_visible()
    page.click("#filter button[type=reset]")
    page.wait_for_function("document.getElementById('how-many').textContent === '4 of 4 shown'")
    page.select_option("#f-operation", "listChats")
    assert rest.count() == 1


def test_a_filter_of_ten_thousand_findings(shown: Shown) -> None:
    page = shown("many")
    assert "in findings.jsonl" in page.locator("#fails").inner_text()
    page.fill("#f-words", "no such words anywhere")
    assert page.locator("details.finding:visible").count() == 0
    page.fill("#f-words", "")
    assert page.locator("details.finding:visible").count() > 30


def test_rows_of_a_long_table_are_filtered(shown: Shown) -> None:
    page = shown("streams")
    page.click("#throughput details > summary")
    page.fill("#rows-throughput", "no such row")
    assert page.locator("#throughput tbody tr:visible").count() == 0
    page.fill("#rows-throughput", "12 s")
    assert page.locator("#throughput tbody tr:visible").count() == 1


def test_a_copy_button_copies(shown: Shown) -> None:
    page = shown("failed", permissions=["clipboard-read", "clipboard-write"])
    page.click("[data-copy=curl-1]")
    page.get_by_text("Copied").first.wait_for()
    page.focus("#f-words")
    page.keyboard.press("Control+V")
    assert page.input_value("#f-words") == page.locator("#curl-1").inner_text()


def test_what_a_number_means_is_one_click_away(shown: Shown) -> None:
    page = shown("both")
    link = page.locator("#latency a.def", has_text="p95")
    link.focus()
    page.keyboard.press("Enter")
    card = page.locator("#card")
    assert card.is_visible()
    assert "one in twenty was longer" in card.inner_text()
    assert "one in twenty was longer" in page.locator("#" + str(card.get_attribute("aria-describedby"))).inner_text()
    assert link.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert not card.is_visible()
    assert page.evaluate("document.activeElement.textContent") == "p95"


def test_marks_speak_to_the_pointer_and_to_the_keyboard(shown: Shown) -> None:
    page = shown("capacity")
    page.locator(".drawing [data-tip^='8 users: holds']").first.hover()
    assert page.locator("#tip").inner_text().startswith("8 users: holds, 4 turns a second")
    page.locator(".drawing").focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#said").inner_text()
    assert first
    page.keyboard.press("ArrowRight")
    assert page.locator("#said").inner_text() not in ("", first)
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()


def test_a_legend_puts_a_series_out_and_in_again(shown: Shown) -> None:
    page = shown("capacity")
    marks = page.locator(".drawing [data-series='0']:visible")
    before = marks.count()
    assert before
    button = page.locator(".legend button", has_text="holds")
    button.click()
    assert marks.count() == 0
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert marks.count() == before


@pytest.mark.parametrize("kind", ["failed", "both"])
def test_all_that_does_something_is_reached_by_the_keyboard(shown: Shown, kind: str) -> None:
    page = shown(kind)
    wanted = page.evaluate(
        f"""[...document.querySelectorAll("{FOCUSABLE}")].filter((one) => one.checkVisibility())
            .map((one, number) => one.dataset.number = number).length"""
    )
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.number ?? ''"))
    assert len(reached - {""}) == wanted
    page.focus("details.finding summary")
    was = page.evaluate("document.activeElement.parentElement.open")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is not was


def test_paper_shows_what_a_screen_folds_away(shown: Shown) -> None:
    page = shown("failed")
    folded = page.locator("details.finding:not([open])").count()
    assert folded
    with printing(page):
        assert page.locator("details.finding:not([open])").count() == 0
        assert not page.locator("#filter").is_visible()
        assert not page.locator("[data-copy]").first.is_visible()
        assert len(page.pdf(format="A4")) > 10_000
    assert page.locator("details.finding:not([open])").count() == folded


def test_without_scripts_all_is_there(shown: Shown) -> None:
    page = shown("both", java_script_enabled=False)
    assert page.locator(".drawing svg").first.is_visible()
    assert not page.locator("#filter").count() or not page.locator("#filter").is_visible()
    assert page.locator("#latency a.def", has_text="p95").get_attribute("href") == "#def-p95"


def test_hostile_texts_stay_texts(shown: Shown) -> None:
    page = shown("hostile")
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed").count() == 0
    assert "<script>alert(1)</script>" in page.locator("main").inner_text()
    assert not page.evaluate("/[\\u202e\\u2066-\\u2069]/.test(document.body.textContent)")


def test_nothing_may_be_asked_for_even_if_something_tries(browser: Any, pages: dict[str, Path]) -> None:
    """The page's own policy forbids it; the browser says so."""
    page = browser.new_page()
    try:
        page.goto(pages["failed"].as_uri())
        blocked = page.evaluate(
            """() => new Promise((told) => {
                addEventListener("securitypolicyviolation", (event) => told(event.effectiveDirective));
                fetch("http://127.0.0.1:9/").catch(() => {});
            })"""
        )
        assert blocked == "connect-src"
    finally:
        page.close()


def test_a_filtered_page_is_printed_whole(shown: Shown) -> None:
    page = shown("failed")
    page.fill("#f-words", "no such words anywhere")
    assert page.locator("details.finding:visible").count() == 0
    with printing(page):
        assert page.locator("details.finding:visible").count() == 4
        assert page.locator(".none:visible").count() == 0
    assert page.locator("details.finding:visible").count() == 0
    assert page.locator(".none:visible").count() > 0


def test_the_arrow_before_the_first_mark_leads_to_the_last_and_the_browser_keeps_its_own(shown: Shown) -> None:
    page = shown("capacity")
    page.locator(".drawing").focus()
    page.keyboard.press("Control+ArrowLeft")
    assert page.locator("#said").inner_text() == ""
    page.keyboard.press("ArrowLeft")
    last = page.locator("#said").inner_text()
    page.keyboard.press("End")
    assert page.locator("#said").inner_text() == last != ""


def test_all_findings_are_opened_and_closed_by_one_button(shown: Shown) -> None:
    page = shown("failed")
    button = page.locator("#open-all")
    for label, opened in (("Close all", 4), ("Open all", 0)):
        button.click()
        assert (button.inner_text(), page.locator("details.finding[open]").count()) == (label, opened)
