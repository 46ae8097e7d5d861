"""Pictures of the book's tear sheet: its return at other costs, and its deepest falls."""

import pandas as pd

from trading_pipeline.reports.panel import Panel, bar_rows
from trading_pipeline.reports.scales import day_numbers, padded_range, percent, plain
from trading_pipeline.reports.svg import Figure, nothing_to_show
from trading_pipeline.reports.wording import day, minus_signs, plural, quantity

WIDE = 960
MOST_FALLS = 8


def plot_cost_sensitivity(sensitivity: pd.DataFrame, width: int = WIDE) -> str:
    """Draw net return and net Sharpe against the multiple of all costs (backtest.sensitivity)."""
    title = "The book at other costs"
    if sensitivity.empty:
        return nothing_to_show(title, "the book never traded", width)
    ordered = sensitivity.sort_values("cost_multiple")
    at = ordered["cost_multiple"].to_numpy("float64")
    net = ordered["net_return_frac"].to_numpy("float64")
    ratio = ordered["sharpe_net"].to_numpy("float64")
    bps = ordered["cost_bps"].to_numpy("float64")
    figure = Figure(
        title, f"{int(ordered['n_sessions'].iloc[0]):,} sessions; 1 is the book as kept.", width
    )
    figure.legend([("s1", "net return"), ("s2", "Sharpe, net, with its interval")])
    ends = padded_range(at)
    top = Panel(
        figure,
        130.0,
        ends,
        padded_range(net, include=(0.0,)),
        y_write=percent,
        y_title="net return over the fixed capital",
        left=58.0,
    )
    top.level(0.0)
    top.line(at, net, "s1", 2.0)
    tips = [
        f"{m:g} times all costs, {quantity(b, 'cost_bps')}: {percent(v)}"
        for m, b, v in zip(at, bps, net, strict=True)
    ]
    top.dots(at, net, "s1", tips)
    foot = Panel(
        figure,
        130.0,
        ends,
        padded_range(ratio, ordered["sharpe_low"], ordered["sharpe_high"], include=(0.0,)),
        y_write=plain,
        x_title="multiple of all costs",
        y_title="Sharpe per year, net",
        left=58.0,
    )
    foot.level(0.0)
    for row in ordered.itertuples():
        multiple = float(str(row.cost_multiple))
        foot.whisker(
            (multiple, multiple), (float(str(row.sharpe_low)), float(str(row.sharpe_high))), "s2"
        )
    foot.line(at, ratio, "s2", 2.0)
    foot.dots(
        at, ratio, "s2", [f"{m:g} times: {quantity(v)}" for m, v in zip(at, ratio, strict=True)]
    )
    return figure.svg()


def plot_drawdowns(drawdowns: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the eight deepest falls: depth, and when they ran (backtest.drawdowns)."""
    title = "Deepest falls of the book"
    if drawdowns.empty:
        return nothing_to_show(title, "the book never closed below a peak", width)
    worst = drawdowns.sort_values("position").head(MOST_FALLS)
    n_open = int(drawdowns["recovered_date"].isna().sum())
    figure = Figure(title, f"{plural(len(drawdowns), 'fall')}; {n_open} still open.", width)
    figure.legend([("bad", "down to the lowest close"), ("s3", "until the old peak")])
    rows = [
        (
            day(fall.peak_date),
            -float(str(fall.depth_frac)),
            "bad",
            minus_signs(f"{float(str(fall.depth_frac)) * 100:.1f} %"),
        )
        for fall in worst.itertuples()
    ]
    bar_rows(figure, rows, write=percent, x_title="depth below the peak")
    last = worst[["trough_date", "recovered_date"]].max().max()
    span = (float(day_numbers([worst["peak_date"].min()])[0]), float(day_numbers([last])[0]))
    when = Panel(
        figure,
        21.0 * len(worst),
        span,
        (0.0, 1.0),
        x_kind="time",
        rows=[day(date) for date in worst["peak_date"]],
    )
    for i, fall in enumerate(worst.itertuples()):
        peak, trough = day_numbers([fall.peak_date, fall.trough_date])
        rows_of = (i + 0.16, i + 0.84)
        when.box(
            (float(peak), float(trough)), rows_of, "bad", f"down: {fall.n_sessions_down} sessions"
        )
        if not pd.isna(fall.recovered_date):
            back = float(day_numbers([fall.recovered_date])[0])
            tip = f"up: {fall.n_sessions_up} sessions"
            when.box((float(trough), back), rows_of, "s3", tip)
    return figure.svg()
