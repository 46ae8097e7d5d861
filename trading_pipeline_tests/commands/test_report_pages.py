"""The list of reports that `trading-pipeline ui` serves."""

import os
import threading
import urllib.request

from trading_pipeline.commands.report_pages import index_page, report_server
from trading_pipeline.reports.report import render_report
from trading_pipeline.reports.verdict import HEADLINES
from trading_pipeline_tests.reports.payloads import full_payload

OLD = '<title>Undecided · run 0</title><p class="run">sample · quick</p>'


def test_the_newest_report_comes_first_with_its_verdict(tmp_path):
    old, new = tmp_path / "report-1.html", tmp_path / "report-2.html"
    old.write_text(OLD, encoding="utf-8")
    new.write_text(OLD.replace("Undecided", "Rejected"), encoding="utf-8")
    os.utime(old, (1_000, 1_000))
    page = index_page(tmp_path)
    assert page.index("report-2.html") < page.index("report-1.html")
    assert '<strong class="rejected">Rejected</strong>' in page
    assert "sample · quick" in page


def test_a_real_report_tells_the_list_its_verdict_and_its_data(tmp_path):
    payload = full_payload()
    (tmp_path / "report.html").write_text(render_report(payload), encoding="utf-8")
    page = index_page(tmp_path)
    assert HEADLINES[payload.verdict] in page
    assert payload.run["source"] in page


def test_a_folder_without_reports_says_so(tmp_path):
    assert "No report yet" in index_page(tmp_path)


def test_a_half_written_report_is_not_listed(tmp_path):
    (tmp_path / ".report.html.17").write_text(OLD, encoding="utf-8")
    assert "No report yet" in index_page(tmp_path)


def test_the_server_shows_the_list_at_its_root_and_each_report_as_it_is(tmp_path):
    (tmp_path / "report-1.html").write_text(OLD, encoding="utf-8")
    server = report_server(tmp_path, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        assert "Undecided" in urllib.request.urlopen(address).read().decode()
        shown = urllib.request.urlopen(address + "report-1.html").read().decode()
    finally:
        server.shutdown()
        server.server_close()
    assert shown == OLD
