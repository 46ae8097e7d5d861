"""Pictures of how complete the minute bars are."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.reports.palette import HEAT
from trading_pipeline.reports.panel import Panel
from trading_pipeline.reports.scales import Tick, percent, thin
from trading_pipeline.reports.svg import Figure, nothing_to_show, number, text_width
from trading_pipeline.reports.wording import plural

WIDE = 960
MOST_ROWS = 36
MOST_COLUMNS = 48
ROW_PX = 15.0
# Lower edges of the shades after the first, which means: not one minute.
EDGES = (0.0, 0.50, 0.90, 0.99)
SHADE_WORDS = ("no bar", "under 50 %", "50 to 90 %", "90 to 99 %", "99 % and more")


def plot_minute_coverage(months: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the share of regular minutes that have a bar: symbols down, months across.

    Months without a bar of any symbol are left out; long spans are drawn by several months. With
    many symbols the least complete are drawn.

    Args:
        months: symbol, month, n_expected, n_minutes; one row per symbol and month of its span.
        width: Pixels of the picture.
    """
    title = "Minutes with a bar, share of the exchange calendar"
    if months.empty or not months["n_minutes"].sum():
        return nothing_to_show(title, "there are no minute bars", width)
    totals = months.groupby("symbol")[["n_minutes", "n_expected"]].sum()
    share = (totals["n_minutes"] / totals["n_expected"]).sort_index()
    order = share.sort_values(kind="stable").index
    shown = list(order[:MOST_ROWS])
    cells, starts = _cells(months, shown)
    overall = float(totals["n_minutes"].sum() / totals["n_expected"].sum())
    figure = Figure(
        title, f"{plural(len(share), 'symbol')}, {percent(overall)} of all minutes present.", width
    )
    figure.legend(list(zip(HEAT, SHADE_WORDS, strict=True)))
    names = [f"{symbol}  {_exact(float(share[symbol]))}" for symbol in shown]
    room = max(2, int((width - max(map(text_width, names)) - 30) / 62))
    ticks = [Tick(i + 0.5, f"{starts[i]:%Y-%m}") for i in thin(len(starts), room)]
    panel = Panel(
        figure, ROW_PX * len(shown), (0.0, float(len(starts))), (0.0, 1.0), rows=names,
        x_ticks=ticks,
    )  # fmt: skip
    for shade, css in enumerate(HEAT):
        if path := _boxes(panel, cells == shade):
            figure.add(f'<path d="{path}" class="{css}"/>')
    if (months.groupby("month")["n_minutes"].sum() == 0).any():
        figure.remark("Months in which no symbol has a bar are left out.")
    if len(shown) < len(share):
        figure.remark(f"The {len(shown)} least complete of {len(share):,} symbols.")
    return figure.svg()


def _cells(
    months: pd.DataFrame, symbols: list[str]
) -> tuple[NDArray[np.int64], list[pd.Timestamp]]:
    """Return (shade of each symbol and column, -1 outside the span; first month of each column)."""
    traded = months.groupby("month")["n_minutes"].sum().sort_index()
    present = list(traded.index[traded > 0])
    width = -(-len(present) // MOST_COLUMNS)
    column = pd.Series(np.arange(len(present)) // width, index=present)
    rows = months[months["symbol"].isin(symbols) & months["month"].isin(present)]
    sums = rows.groupby(["symbol", rows["month"].map(column)])[["n_minutes", "n_expected"]].sum()
    share = (sums["n_minutes"] / sums["n_expected"]).unstack().reindex(symbols)
    share = share.reindex(columns=range(int(column.max()) + 1))
    values = share.to_numpy("float64")
    shade = np.searchsorted(EDGES, values, side="right")
    shade[values == 0] = 0
    shade[np.isnan(values)] = -1
    return shade.astype("int64"), [pd.Timestamp(month) for month in present[::width]]


def _boxes(panel: Panel, wanted: NDArray[np.bool_]) -> str:
    """Return one path of all wanted cells, neighbours of a row in one piece."""
    parts = []
    for row, cells in enumerate(wanted):
        edges = np.flatnonzero(np.diff(np.r_[False, cells, False].astype("int8")))
        top, bottom = panel.y((row + 0.08, row + 0.92))
        for first, stop in edges.reshape(-1, 2):
            left, right = panel.x((float(first), float(stop)))
            size = f"h{number(right - left - 1)}v{number(bottom - top)}h-{number(right - left - 1)}"
            parts.append(f"M{number(left)} {number(top)}{size}z")
    return "".join(parts)


def _exact(share: float) -> str:
    """Write a share so that only a whole one reads 100 %."""
    return "100 %" if share == 1 else f"{np.floor(share * 1000) / 10:.1f} %"
