"""Pictures of point-in-time events."""

import numpy as np
import pandas as pd

from trading_pipeline.reports.panel import Panel
from trading_pipeline.reports.scales import count, day_numbers
from trading_pipeline.reports.svg import Figure, nothing_to_show
from trading_pipeline.reports.wording import minus_signs, plural

WIDE = 960


# Months are drawn up to so many, then quarters, then years: a picture stays small.
MOST_PERIODS = 60


def plot_news(news: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the news items of each month and, below, their mean sentiment; long spans by quarter.

    Args:
        news: bars.news: published_at (UTC), sentiment; one row per item and symbol.
        width: Pixels of the picture.
    """
    title = "News and its mean sentiment"
    if news.empty:
        return nothing_to_show(title, "the source has no news", width)
    local = news["published_at"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    word, freq = _period(local)
    period = local.dt.to_period(freq)
    periods = pd.period_range(period.min(), period.max(), freq=freq)
    n_rows = period.value_counts().reindex(periods, fill_value=0).to_numpy("float64")
    # Sorted first, so that a mean does not depend on the order of the rows.
    scored = news["sentiment"].sort_values()
    mean = scored.groupby(period).mean().reindex(periods).to_numpy("float64")
    begin = day_numbers(periods.to_timestamp())
    end = day_numbers(periods.to_timestamp(how="end"))
    figure = Figure(
        title, f"{plural(len(news), 'row')} of items and symbols, {plural(len(periods), word)}.",
        width,
    )  # fmt: skip
    span = (float(begin[0]), float(end[-1]))
    top = Panel(
        figure, 120.0, span, (0.0, float(n_rows.max()) * 1.08), x_kind="time", y_write=count,
        y_title=f"rows by {word}", left=64.0,
    )  # fmt: skip
    for i, n in enumerate(n_rows.tolist()):
        if n > 0:
            top.box((begin[i], end[i]), (0.0, n), "s1 soft", f"{periods[i]}: {n:,.0f} rows")
    reach = max(float(np.nanmax(np.abs(mean), initial=0.0)) * 1.1, 0.1)
    below = Panel(
        figure, 120.0, span, (-reach, reach), x_kind="time", y_title="mean sentiment, -1 to 1",
        left=64.0,
    )  # fmt: skip
    below.level(0.0)
    for i in np.flatnonzero(~np.isnan(mean)).tolist():
        value, css = float(mean[i]), "s1" if mean[i] >= 0 else "s2"
        sides = (min(value, 0.0), max(value, 0.0))
        below.box((begin[i], end[i]), sides, css, f"{periods[i]}: {minus_signs(f'{value:.2f}')}")
    return figure.svg()


def _period(dates: "pd.Series[pd.Timestamp]") -> tuple[str, str]:
    """Return the shortest period, in words and as pandas writes it, that gives few enough."""
    months = (dates.max().year - dates.min().year + 1) * 12
    if months <= MOST_PERIODS:
        return "month", "M"
    return ("quarter", "Q") if months <= 3 * MOST_PERIODS else ("year", "Y")
