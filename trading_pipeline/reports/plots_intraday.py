"""Pictures of intraday bars and their features."""

import numpy as np
import pandas as pd

from trading_pipeline.reports.panel import Panel
from trading_pipeline.reports.scales import percent
from trading_pipeline.reports.svg import Figure, nothing_to_show

WIDE = 960


def plot_volume_curve(curve: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the usual share of a session's volume by time of day.

    Args:
        curve: minutes_since_open of 5-minute bars, share (0..1), in order of time.
        width: Pixels of the picture.
    """
    title = "Share of a session's volume, by time of day"
    shown = curve.dropna()
    if shown.empty:
        return nothing_to_show(title, "no symbol traded through a whole session", width)
    minutes = shown["minutes_since_open"].to_numpy("float64")
    share = shown["share"].to_numpy("float64")
    first, last = share[0], share[-1]
    figure = Figure(
        title, f"First bar {percent(first)}, last bar {percent(last)}, median over sessions.", width
    )
    panel = Panel(
        figure,
        150.0,
        x=(0.0, float(minutes.max()) + 5.0),
        y=(0.0, float(share.max()) * 1.08),
        y_write=percent,
        x_title="minutes since the session's open, 5-minute bars",
        y_title="share",
    )
    panel.area(np.repeat(minutes, 2)[1:], np.repeat(share, 2)[:-1], 0.0, "s1")
    panel.step(minutes, share, "s1")
    return figure.svg()
