"""Picture of what each part of the training is worth."""

from typing import get_args

import pandas as pd

from trading_pipeline.contracts.config import SwitchName
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.reports.palette import REGIME_CLASS
from trading_pipeline.reports.panel import ROW_PX, Panel
from trading_pipeline.reports.plots_model import WIDE, in_order
from trading_pipeline.reports.scales import padded_range, plain
from trading_pipeline.reports.svg import Figure, nothing_to_show
from trading_pipeline.reports.wording import between, words

ALL_REGIMES = "all"
PARTS = ("everything", *get_args(SwitchName))


def plot_effects(effects: pd.DataFrame, width: int = WIDE) -> str:
    """Draw AUC on less AUC off with its interval, one row a part, one dot a regime.

    `effects` is ensemble.effects. Regimes that are not assessable are left to the table.
    """
    title = "What each part is worth"
    known = effects[effects["is_assessable"] & effects["difference_low"].notna()]
    parts = in_order(list(effects["switch"]), PARTS)
    if known.empty:
        return nothing_to_show(title, "no part has enough independent horizons", width)
    figure = Figure(title, "Dots are AUC on less off, whiskers intervals, dashes no effect.", width)
    colours = {ALL_REGIMES: "ink", **REGIME_CLASS}
    drawn = [r for r in (ALL_REGIMES, *REGIMES) if r in set(known["regime"])]
    figure.legend([(colours[r], words(r)) for r in drawn])
    ends = known[["difference", "difference_low", "difference_high"]]
    panel = Panel(
        figure,
        max(ROW_PX, 9.0 * len(drawn)) * len(parts),
        padded_range(ends, include=(0.0,)),
        (0, 1),
        rows=[words(name) for name in parts],
        x_write=plain,
        x_title="difference of AUC",
    )
    panel.upright(0.0)
    for row in known.sort_values(["switch", "regime"]).to_dict("records"):
        regime, part = str(row["regime"]), str(row["switch"])
        y = parts.index(part) + (drawn.index(regime) + 0.5) / len(drawn)
        low, high = row["difference_low"], row["difference_high"]
        panel.whisker((low, high), (y, y), colours[regime])
        shown = between(row["difference"], low, high)
        tip = f"{words(part)}, {words(regime)}: {shown}, n {row['n_rows']:,}"
        panel.dots([row["difference"]], [y], colours[regime], [tip], 4.0)
    return figure.svg()
