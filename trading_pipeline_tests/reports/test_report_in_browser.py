"""Rules of the report in a real browser: it fits, asks for nothing and reports no error."""

import shutil
from pathlib import Path

import pytest

from trading_pipeline.reports.report import render_report
from trading_pipeline_tests.reports.payloads import full_payload

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


def test_the_page_fits_asks_for_nothing_and_reports_no_error(tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = tmp_path / "report.html"
    path.write_text(render_report(full_payload()), encoding="utf-8")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width, height in ((1440, 900), (390, 844)):
            for scheme in ("light", "dark"):
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                errors: list[str] = []
                requests: list[str] = []
                page.on("console", lambda m, kept=errors: kept.append(m.text))
                page.on("pageerror", lambda e, kept=errors: kept.append(str(e)))
                page.on("request", lambda r, kept=requests: kept.append(r.url))
                page.goto(path.as_uri())
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                shown = page.locator("figure svg:visible")
                assert shown.count() == page.locator("figure").count()
                smallest = page.evaluate(
                    """() => Math.min(...[...document.querySelectorAll("figure svg")]
                        .filter(s => s.clientWidth)
                        .map(s => 12 * s.clientWidth / s.viewBox.baseVal.width))"""
                )
                assert smallest >= 10
                assert page.evaluate(
                    """() => [...document.querySelectorAll("figure svg")].filter(s => s.clientWidth)
                        .flatMap(s => [...s.querySelectorAll("text")].map(t => [s, t.getBBox()]))
                        .every(([s, b]) => b.x >= -2 &&
                            b.x + b.width <= s.viewBox.baseVal.width + 6)"""
                )
                assert errors == []
                assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
                page.close()
        browser.close()
