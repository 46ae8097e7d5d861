"""The heat map of minute coverage: sound, small, the same in any order of rows."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.reports.palette import HEAT
from trading_pipeline.reports.plots import as_markdown_image
from trading_pipeline.reports.renderer import ReportRenderer


def coverage_months(n_symbols: int, n_months: int) -> pd.DataFrame:
    random = np.random.default_rng(1)
    months = pd.date_range("2016-01-01", periods=n_months, freq="MS")
    index = pd.MultiIndex.from_product(
        [[f"SYM{i:03d}" for i in range(n_symbols)], months], names=["symbol", "month"]
    )
    frame = pd.DataFrame(index=index).reset_index().assign(n_expected=8190)
    share = random.choice([0.0, 0.3, 0.7, 0.95, 1.0], len(frame))
    return frame.assign(n_minutes=(frame["n_expected"] * share).astype("int64"))


def drawn(months: pd.DataFrame, width: int = 960) -> str:
    return ReportRenderer().plot("minute_coverage", months=months, width=width)


@pytest.mark.parametrize("width", [960, 370])
@pytest.mark.parametrize(("n_symbols", "n_months"), [(1, 1), (12, 5), (300, 130)])
def test_a_heat_map_is_sound_labelled_and_small(n_symbols: int, n_months: int, width: int) -> None:
    svg = drawn(coverage_months(n_symbols, n_months), width)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert "present" in root.get("aria-label", "")
    assert "nan" not in svg.lower().replace("nance", "")
    assert len(as_markdown_image(svg, "coverage")) < 60_000


def test_the_order_of_the_rows_does_not_matter() -> None:
    months = coverage_months(9, 20)
    assert drawn(months.sample(frac=1, random_state=3)) == drawn(months)


def test_each_share_has_its_shade_and_a_month_outside_the_span_has_none() -> None:
    month = pd.to_datetime(["2020-01-01"] * 5 + ["2020-02-01"])
    shares = [0, 49, 89, 98, 99, 100]
    months = pd.DataFrame(
        {"symbol": list("ABCDEE"), "month": month, "n_expected": 100, "n_minutes": shares}
    )
    svg = drawn(months)
    paths = re.findall(r'<path d="([^"]*)" class="([^"]*)"', svg)
    cells = {css: path.count("M") for path, css in paths}
    assert cells == dict.fromkeys(HEAT, 1)


def test_a_share_that_is_not_whole_never_reads_a_hundred_per_cent() -> None:
    months = pd.DataFrame(
        {"symbol": ["A", "B"], "month": pd.Timestamp("2020-01-01"), "n_expected": 100_000,
         "n_minutes": [99_999, 100_000]}
    )  # fmt: skip
    svg = drawn(months)
    assert "A  99.9 %" in svg
    assert "B  100 %" in svg


def test_the_least_complete_are_drawn_and_the_picture_says_so() -> None:
    months = coverage_months(60, 3)
    assert "The 36 least complete of 60 symbols." in drawn(months)


def test_nothing_to_draw_says_why() -> None:
    assert "Nothing to show: there are no minute bars" in drawn(coverage_months(2, 2).iloc[:0])
