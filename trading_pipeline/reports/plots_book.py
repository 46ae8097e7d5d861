"""Pictures of what follows: the book's equity, its months, and drift."""

import numpy as np
import pandas as pd

from trading_pipeline.reports.panel import Panel, bar_rows
from trading_pipeline.reports.scales import day_numbers, padded_range, percent, plain
from trading_pipeline.reports.svg import Figure, element, nothing_to_show, text
from trading_pipeline.reports.wording import day, minus_signs, words

WIDE = 960
MOST_FEATURES = 20
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def plot_equity(equity: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the book net and before costs against the index, and its drawdown.

    `equity` is backtest.equity. Returns are measured from the close before the first session.
    """
    title = "Book over the hold-out, net of costs, against the index"
    if equity.empty:
        return nothing_to_show(title, "the book never traded", width)
    ordered = equity.sort_values("session_date")
    at = day_numbers(ordered["session_date"])
    net = ordered["equity_usd"].to_numpy("float64")
    start = net[0] / (1 + float(np.nan_to_num(ordered["return_frac"].iloc[0])))
    cost = ordered["cost_usd"].to_numpy("float64").cumsum()
    series = [
        ("s1", "net of costs", net / start - 1),
        ("s3", "before costs", (net + cost) / start - 1),
    ]
    index = ordered["index_return_frac"].astype("float64")
    if index.notna().any():
        grown = (1 + index.fillna(0.0)).cumprod() - 1
        series.append(("s7", "index", grown.where(index.notna()).to_numpy()))
    figure = Figure(title, f"{len(ordered):,} sessions; net {percent(net[-1] / start - 1)}.", width)
    figure.legend([(css, f"{name}: {_last(values)}") for css, name, values in series])
    span = (float(at[0]), float(at[-1]))
    top = Panel(
        figure,
        240.0,
        span if span[1] > span[0] else (span[0] - 1, span[1] + 1),
        padded_range(*[values for _, _, values in series], include=(0.0,)),
        x_kind="time",
        y_write=percent,
        y_title="return since the start",
        left=58.0,
    )
    top.level(0.0)
    for css, _, values in reversed(series):
        top.line(at, values, css, 2.2 if css == "s1" else 1.4, is_dashed=css == "s3")
    fall = ordered["drawdown_frac"].to_numpy("float64")
    foot = Panel(
        figure,
        90.0,
        (top.x.low, top.x.high),
        (min(float(np.nanmin(fall)) * 1.08, -0.01), 0.0),
        x_kind="time",
        y_write=percent,
        y_title="drawdown of the net book",
        left=58.0,
    )
    foot.area(at, fall, 0.0, "bad")
    foot.line(at, fall, "bad", 1.2)
    return figure.svg()


def _last(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return percent(float(known[-1])) if known.size else "missing"


def plot_monthly_returns(monthly: pd.DataFrame, width: int = WIDE) -> str:
    """Draw net returns of each month as a heat map (backtest.monthly)."""
    title = "Net return by month"
    if monthly.empty:
        return nothing_to_show(title, "the book never traded", width)
    ordered = monthly.sort_values("month_date")
    returns = ordered.set_index(ordered["month_date"].dt.to_period("M"))["net_return_frac"]
    years = sorted({period.year for period in returns.index})
    most = max(float(returns.abs().max()), 1e-9)
    figure = Figure(title, f"{len(returns)} months.", width)
    left, row = 44.0, 26.0
    cell = (width - left - 4) / 12
    top = figure.bottom + 24
    names = MONTHS if cell >= 34 else tuple(name[0] for name in MONTHS)
    for i, name in enumerate(names):
        figure.add(text(left + (i + 0.5) * cell, top - 7, name, "middle", "mute"))
    for i, year in enumerate(years):
        figure.add(text(left - 8, top + i * row + 17, f"{year}", "end", "mute"))
    for period, value in zip(pd.PeriodIndex(returns.index), returns, strict=True):
        x, y = left + (period.month - 1) * cell, top + years.index(period.year) * row
        tip = f"{MONTHS[period.month - 1]} {period.year}: {percent(float(value))}"
        css = "s1" if value >= 0 else "s2"
        strength = f"{0.12 + 0.6 * abs(float(value)) / most:.2f}"
        cell_box = element(
            "rect",
            "",
            tip,
            x=x + 1,
            y=y + 1,
            width=cell - 2,
            height=row - 2,
            rx=3,
            css=css,
            fill_opacity=strength,
        )
        figure.add(cell_box)
        if cell >= 48:
            shown = minus_signs(f"{value * 100:.1f} %")
            figure.add(text(x + cell / 2, y + 17, shown, "middle"))
    figure.bottom = top + row * len(years) + 4
    return figure.svg()


def plot_drift(
    features: pd.DataFrame,
    sessions: pd.DataFrame | None,
    limits: tuple[float, float] = (0.10, 0.25),
    width: int = WIDE,
) -> str:
    """Draw the 20 features that moved most, with their thresholds, and the share over time.

    Args:
        features: drift.features: feature, psi, threshold, is_drifted.
        sessions: drift.sessions: session_date, share_drifted, share_threshold; None leaves it out.
        limits: PSI of watch and of drifted.
        width: Pixels of the picture.
    """
    title = "Drift against the training window of the model in service"
    known = features.dropna(subset=["psi"])
    if known.empty:
        return nothing_to_show(title, "no model is in service, or no feature is assessable", width)
    worst = known.sort_values(["psi", "feature"], ascending=[False, True]).head(MOST_FEATURES)
    n_drifted = int(known["is_drifted"].sum())
    figure = Figure(title, f"{n_drifted} of {len(known)} features drifted.", width)
    figure.legend([("bad", "drifted"), ("s5", "watch"), ("s1", "stable"), ("ink", "own threshold")])
    rows = [
        (
            str(r["feature"]),
            float(r["psi"]),
            "bad" if r["is_drifted"] else "s5" if r["psi"] >= limits[0] else "s1",
            f"{r['psi']:.2f}",
        )
        for r in worst.to_dict("records")
    ]
    ends = padded_range(worst["psi"], worst["threshold"], include=(limits[1],))
    panel = bar_rows(figure, rows, write=plain, x_title="PSI", high=ends[1])
    for limit in limits:
        panel.upright(limit)
    for i, threshold in enumerate(worst["threshold"].to_numpy("float64")):
        panel.whisker((threshold, threshold), (i + 0.06, i + 0.94), "ink")
    if sessions is not None and sessions["share_drifted"].notna().any():
        _share_over_time(figure, sessions.sort_values("session_date"))
    return figure.svg()


def _share_over_time(figure: Figure, sessions: pd.DataFrame) -> None:
    at = day_numbers(sessions["session_date"])
    _, high = padded_range(sessions["share_drifted"], sessions["share_threshold"], include=(0.1,))
    panel = Panel(
        figure,
        110.0,
        (float(at[0]) - 0.5, float(at[-1]) + 0.5),
        (0.0, min(high, 1.0)),
        x_kind="time",
        y_write=percent,
        y_title="share of features beyond their threshold",
    )
    panel.step(at, sessions["share_drifted"], "s2")
    panel.line(at, sessions["share_threshold"], "s7", 1.2, is_dashed=True)
    beyond = sessions[sessions["is_beyond"].astype(bool)]
    tips = [f"{day(d)}: {words('beyond the threshold')}" for d in beyond["session_date"]]
    panel.dots(day_numbers(beyond["session_date"]), beyond["share_drifted"], "bad", tips, 3.5)
