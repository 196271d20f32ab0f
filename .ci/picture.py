"""docs/report.png: the first screen of reports/example/report.html, in Debian's chromium. `make picture` takes it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent


def main() -> str | None:
    path = shutil.which("chromium")
    if path is None:
        return "no browser: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 780}, color_scheme="light")
        page.goto((ROOT / "reports/example/report.html").as_uri())
        page.screenshot(path=ROOT / "docs/report.png")
        browser.close()
    return None


if __name__ == "__main__":
    sys.exit(main())
