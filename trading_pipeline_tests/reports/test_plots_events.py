"""The picture of news is sound, small, and the same whatever the order of the rows."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.reports import plots


def news(months: int) -> pd.DataFrame:
    """Return forty rows a month, every third month silent, some without sentiment."""
    random = np.random.default_rng(months)
    starts = pd.date_range("2001-01-01", periods=months, freq="MS", tz="UTC")
    spoken = starts[np.arange(months) % 3 != 1].repeat(40)
    minutes = random.integers(0, 27 * 1440, len(spoken))
    sentiment = random.uniform(-1, 1, len(spoken))
    sentiment[random.random(len(spoken)) < 0.2] = np.nan
    at = spoken + pd.to_timedelta(minutes, unit="m")
    return pd.DataFrame({"published_at": at, "sentiment": sentiment})


@pytest.mark.parametrize("width", [960, 370])
@pytest.mark.parametrize("months", [1, 30, 150, 280])
def test_news_of_any_span_make_a_small_sound_picture(months: int, width: int) -> None:
    svg = plots.plot_news(news(months), width)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert "nan" not in svg.lower()
    assert len(plots.as_markdown_image(svg, "news")) < 60_000
    for mark in root.iter():
        if (value := mark.get("x")) is not None:
            assert -1 <= float(value) <= width + 1


def test_the_order_of_news_does_not_matter() -> None:
    rows = news(30)
    assert plots.plot_news(rows.sample(frac=1, random_state=1)) == plots.plot_news(rows)


def test_no_news_makes_a_picture_that_says_so() -> None:
    assert "Nothing to show: " in plots.plot_news(news(1).iloc[:0])


def test_news_without_any_sentiment_are_still_counted() -> None:
    svg = plots.plot_news(news(3).assign(sentiment=np.nan))
    assert "rows by month" in svg
